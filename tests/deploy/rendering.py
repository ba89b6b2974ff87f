"""The chart, rendered by Helm; without its tools in the cache, a test skips."""

import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.test_layout import ROOT

CHART = ROOT / "deploy" / "helm" / "godwit"
VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "godwit" / "chart-tools"
RULES = ROOT / "deploy" / "monitoring" / "rules.yml"


def tool(name: str) -> Path:
    """A tool that ``make chart`` built."""
    path = CACHE / "bin" / name
    if not (CACHE / "ready").exists() or not path.exists():
        pytest.skip(f"{name} is not there: run 'make chart', which needs Go")
    return path


def run(name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """What a tool prints; asserts that it succeeds. ``environment`` is added to this process's."""
    command = [str(tool(name)), *arguments]
    result: subprocess.CompletedProcess[str] = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@cache
def manifests(file: Path, *arguments: str) -> str:
    """The manifests of a file of values as text; ``arguments`` are further ones of Helm."""
    values = ("--namespace", "sms", "--values", str(file))
    return run("helm", "template", "godwit", str(CHART), *values, *arguments)


def objects(file: Path, kind: str) -> dict[str, dict[str, Any]]:
    """The rendered objects of one kind by name."""
    return {
        found["metadata"]["name"]: found
        for found in yaml.safe_load_all(manifests(file))
        if found and found["kind"] == kind
    }


def pods(file: Path) -> dict[str, dict[str, Any]]:
    """The pods that Deployments and Jobs make, by the names of these."""
    owners = {**objects(file, "Deployment"), **objects(file, "Job")}
    return {name: owner["spec"]["template"]["spec"] for name, owner in owners.items()}


def variables(pod: dict[str, Any]) -> dict[str, Any]:
    """The environment of a pod's container: a text, or where it comes from."""
    (container,) = pod["containers"]
    names = [entry["name"] for entry in container["env"]]
    assert len(names) == len(set(names)), names
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}
