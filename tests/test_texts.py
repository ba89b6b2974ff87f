"""What holds for every text of the project, and for the example environment in particular."""

import fnmatch
import os
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from campaign.settings import Settings
from carriers import CARRIERS
from tests.test_layout import ROOT, named, sources

REGISTRIES = re.compile(r"pypi\.org|files\.pythonhosted\.org|registry\.npmjs\.org")
ABSOLUTE = re.compile(r"(?<![\w.~/-])/(work|root|tmp|home|Users)(?![\w-])")
# (file, directory below the root): whose it is, where it is not that of somebody's machine.
PATHS_ALL_THE_SAME = {
    ("Dockerfile", "tmp"): "the scratch space inside our own containers",
    ("docker-compose.yml", "tmp"): "the same",
    ("tests/cluster/network.py", "tmp"): "the same",
    ("tests/cluster/test_compose.py", "tmp"): "the same",
    ("tests/cluster/test_network.py", "tmp"): "the same",
    ("deploy/helm/godwit/templates/_helpers.tpl", "tmp"): "the same",
    ("deploy/helm/godwit/templates/worker.yaml", "tmp"): "the same",
}
VARIABLE = re.compile(r"^#?([A-Z][A-Z0-9_]+)=(.*)$")


def texts() -> Iterator[tuple[str, str]]:
    """Every text file that could be committed, with what is in it."""
    lines = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    ignored = [".git", *(line.rstrip("/") for line in lines if line and line[0] != "#")]

    def kept(name: str) -> bool:
        return not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)

    for directory, names, files in os.walk(ROOT):
        names[:] = sorted(filter(kept, names))
        for file in sorted(filter(kept, files)):
            path = Path(directory, file)
            try:
                yield named(path), path.read_text("utf-8")
            except UnicodeDecodeError:
                continue


def test_no_text_names_a_package_registry_or_a_path_of_somebodys_machine() -> None:
    faults = []
    for name, text in texts():
        faults += [f"{name} names {found[0]}" for found in REGISTRIES.finditer(text)]
        faults += [
            f"{name} names {found[0]}"
            for found in ABSOLUTE.finditer(text)
            if (name, found[1]) not in PATHS_ALL_THE_SAME
        ]
    assert faults == []


def example() -> dict[str, str]:
    """The variables of .env.example, each with the value that it shows."""
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    return {found[1]: found[2] for line in lines if (found := VARIABLE.match(line))}


def settings_variables() -> set[str]:
    """The variable of every setting: the process's own, and each carrier's."""
    classes: set[type[BaseSettings]] = {Settings}
    for module in CARRIERS.values():
        for value in vars(import_module(module)).values():
            if isinstance(value, type) and issubclass(value, BaseSettings):
                classes.add(value)
    return {
        (settings.model_config.get("env_prefix", "") + field).upper()
        for settings in classes - {BaseSettings}
        for field in settings.model_fields
    }


def read_variables() -> set[str]:
    """Every variable that code names in full, or that a Compose file takes from outside."""
    code = "".join(path.read_text("utf-8") for path in sources())
    files = [ROOT / "docker-compose.yml", *(ROOT / "deploy").glob("*.yml")]
    compose = "".join(file.read_text("utf-8") for file in files)
    whole = {name for name in re.findall(r"\bGODWIT_[A-Z0-9_]+\b", code) if name[-1] != "_"}
    # `godwit env` prints this one for the user's shell, and nothing of ours reads it.
    return whole - {"GODWIT_PROPERTY_SID"} | set(re.findall(r"\$\{([A-Z][A-Z0-9_]*)", compose))


def test_every_variable_has_a_line_in_the_example_environment() -> None:
    assert (settings_variables() | read_variables()) - example().keys() == set()


def test_the_example_environment_has_no_variable_that_nothing_reads() -> None:
    known = settings_variables() | read_variables()
    # The variables of Temporal and of OpenTelemetry are read by their SDKs.
    sdks = ("TEMPORAL_", "OTEL_")
    left = {name for name in example().keys() - known if not name.startswith(sdks)}
    assert left == set()


def test_the_example_environment_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GODWIT_")]:
        monkeypatch.delenv(name)
    shown = {
        field: value
        for field in Settings.model_fields
        if (value := example()[f"GODWIT_{field.upper()}"])
    }
    assert Settings(**shown) == Settings()  # type: ignore[arg-type]
