"""Compose files as ``docker compose`` reads them: merged, interpolated, with their defaults."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.variables import interpolate

Mapped = dict[str, Any]
# A later file's list takes the place of an earlier one's here, and is added to it elsewhere.
_REPLACED = {"command", "entrypoint", "test"}
# What a process on this machine can be given.
HONOURED = {
    "build",
    "command",
    "configs",
    "depends_on",
    "entrypoint",
    "environment",
    "healthcheck",
    "image",
    "ports",
    "profiles",
    "restart",
    "stop_grace_period",
    "tmpfs",
    "volumes",
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0}


class Override:
    """A value that takes the place of an earlier file's, as ``!override`` asks."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Loader(yaml.SafeLoader):
    """Reads Compose's own tags, ``!override`` and ``!reset``."""


def _override(loader: Loader, node: yaml.Node) -> Override:
    if isinstance(node, yaml.MappingNode):
        return Override(loader.construct_mapping(node, deep=True))
    if isinstance(node, yaml.SequenceNode):
        return Override(loader.construct_sequence(node, deep=True))
    return Override(None)


Loader.add_constructor("!override", _override)
Loader.add_constructor("!reset", _override)


@dataclass(frozen=True)
class Health:
    """How a service's health is found out; times in seconds."""

    command: tuple[str, ...]
    timeout: float
    retries: int
    start: float
    interval: float

    @property
    def patience(self) -> float:
        """How long Docker waits until it calls a service unhealthy."""
        return self.start + self.retries * (self.interval + self.timeout)


@dataclass(frozen=True)
class Service:
    """One service: what is run, with what, after what, and how often."""

    name: str
    image: str
    is_built: bool
    entrypoint: tuple[str, ...] | None
    command: tuple[str, ...] | None
    environment: Mapping[str, str]
    # Paths in the container: files of the tree, and the names of volumes.
    files: Mapping[str, Path]
    volumes: Mapping[str, str]
    needs: Mapping[str, str]
    health: Health | None
    restart: str
    stop_seconds: float
    replicas: int
    ports: tuple[str, ...] = ()
    tmpfs: tuple[str, ...] = ()
    left_out: tuple[str, ...] = field(default=())

    @property
    def is_job(self) -> bool:
        """Whether it runs once and ends: nothing that has ended well is started again."""
        return self.restart.startswith("on-failure")

    @property
    def tries(self) -> int:
        """How often a job is run until it has ended well."""
        return 1 + int(self.restart.partition(":")[2] or 0)


def read_services(
    root: Path,
    files: Sequence[Path],
    variables: Mapping[str, str],
    scale: Mapping[str, int],
) -> dict[str, Service]:
    """The services of Compose files without a profile, in the order of their dependencies.

    Args:
        root: the directory that relative paths start from.
        files: the files, the overriding ones last.
        variables: what the files' variables are; others keep their defaults.
        scale: replicas by service, as ``docker compose up --scale`` takes them.

    Raises:
        Missing: a variable that a file requires is not set.
    """
    merged: Mapped = {}
    for file in files:
        read = yaml.load(file.read_text("utf-8"), Loader)
        merged = _merge(merged, _plain({key: read[key] for key in read if key != "name"}))
    whole = interpolate({key: merged[key] for key in merged if key[:2] != "x-"}, variables)
    configs = {name: root / each["file"] for name, each in whole.get("configs", {}).items()}
    services = {
        name: _service(root, name, given, configs, variables, scale)
        for name, given in whole["services"].items()
        if not given.get("profiles")
    }
    return in_order(services)


def in_order(services: Mapping[str, Service]) -> dict[str, Service]:
    """The services, each after those that it depends on."""
    ordered: dict[str, Service] = {}

    def add(name: str) -> None:
        if name not in ordered:
            for needed in services[name].needs:
                add(needed)
            ordered[name] = services[name]

    for name in services:
        add(name)
    return ordered


def _plain(whole: Mapped) -> Mapped:
    """The file with the short forms of ``environment`` and ``depends_on`` written out."""
    for service in whole.get("services", {}).values():
        if isinstance(given := service.get("environment"), list):
            pairs = (each.partition("=") for each in given)
            service["environment"] = {name: value if mark else None for name, mark, value in pairs}
        if isinstance(given := service.get("depends_on"), list):
            service["depends_on"] = {name: {"condition": "service_started"} for name in given}
    return whole


def _merge(base: Any, over: Any, key: str = "") -> Any:
    if isinstance(over, Override):
        return over.value
    if isinstance(base, dict) and isinstance(over, dict):
        merged = dict(base)
        for name, value in over.items():
            merged[name] = _merge(base.get(name), value, name)
        return merged
    if isinstance(base, list) and isinstance(over, list) and key not in _REPLACED:
        return base + [each for each in over if each not in base]
    if isinstance(over, dict):
        return {name: _merge(None, value, name) for name, value in over.items()}
    return over


def _service(
    root: Path,
    name: str,
    given: Mapped,
    configs: Mapping[str, Path],
    variables: Mapping[str, str],
    scale: Mapping[str, int],
) -> Service:
    deploy = given.get("deploy") or {}
    files, volumes = _mounts(root, given, configs)
    kept = {key: value for key, value in given.items() if value not in (None, [], {})}
    left_out = [key for key in kept if key not in HONOURED | {"deploy"}]
    left_out += [f"deploy.{key}" for key in deploy if key != "replicas"]
    return Service(
        name=name,
        image=given.get("image", ""),
        is_built="build" in given,
        entrypoint=_words(given.get("entrypoint")),
        command=_words(given.get("command")),
        environment=_environment(given.get("environment") or {}, variables),
        files=files,
        volumes=volumes,
        needs={needed: how["condition"] for needed, how in (given.get("depends_on") or {}).items()},
        health=_health(given.get("healthcheck")),
        restart=given.get("restart", "no"),
        stop_seconds=seconds(given.get("stop_grace_period", "10s")),
        replicas=scale.get(name, int(deploy.get("replicas", 1))),
        ports=tuple(map(str, given.get("ports") or ())),
        tmpfs=tuple(given.get("tmpfs") or ()),
        left_out=tuple(sorted(left_out)),
    )


def _environment(given: Mapped, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of a service; one without a value is passed on if it is set."""
    passed = {
        name: variables.get(name) if value is None else str(value) for name, value in given.items()
    }
    return {name: value for name, value in passed.items() if value is not None}


def _mounts(
    root: Path, given: Mapped, configs: Mapping[str, Path]
) -> tuple[dict[str, Path], dict[str, str]]:
    files = {each["target"]: configs[each["source"]] for each in given.get("configs") or ()}
    volumes = {}
    for each in given.get("volumes") or ():
        source, target = each.split(":")[:2]
        if source.startswith((".", "/")):
            files[target] = root / source
        else:
            volumes[target] = source
    return files, volumes


def _health(given: Mapped | None) -> Health | None:
    if not given or given.get("disable"):
        return None
    test = given["test"]
    if isinstance(test, str):
        test = ["CMD-SHELL", test]
    command = test[1:] if test[0] == "CMD" else ["sh", "-c", test[1]]
    return Health(
        command=tuple(command),
        timeout=seconds(given.get("timeout", "30s")),
        retries=int(given.get("retries", 3)),
        start=seconds(given.get("start_period", "0s")),
        interval=seconds(given.get("interval", "30s")),
    )


def _words(given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    return tuple(shlex.split(given) if isinstance(given, str) else map(str, given))


def seconds(text: str) -> float:
    """The seconds of a duration such as ``1m30s``."""
    return sum(float(count) * _SECONDS[unit] for count, unit in _DURATION.findall(text))
