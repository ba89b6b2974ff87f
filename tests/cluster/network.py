"""Loopback addresses in place of Docker's network: one for each container, all ports as they are.

Linux takes every address of 127.0.0.0/8 as its own, so two frontends can both have port 7233.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.compose import Service

_SERVICE_BITS = 4
_EVERY_ADDRESS = "0.0.0.0"
_OWN = re.compile(r"(?<![\d.])127\.0\.0\.1(?![\d.])|(?<![\w.-])localhost(?![\w.-])")
# Variables whose whole value is the name of a host.
_HOSTS = ("HOST", "SEEDS")


@dataclass(frozen=True)
class Place:
    """Where one replica of a service runs: its name, its address and its own files."""

    service: Service
    name: str
    address: str
    home: Path
    # Paths in the container and what they are on this machine.
    paths: Mapping[str, Path]


@dataclass
class Network:
    """Gives addresses, and puts them where a container would find a name.

    ``balanced`` are the ports, by service, at which the name of several replicas was asked for.
    """

    services: Mapping[str, Service]
    home: Path
    balanced: set[tuple[str, int]] = field(default_factory=set)
    _start: str = field(init=False)
    _name: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        octets = (1 + secrets.randbelow(254) for _ in range(2))
        self._start = f"127.{next(octets)}.{next(octets)}"
        names = "|".join(sorted(map(re.escape, self.services), key=len, reverse=True))
        self._name = re.compile(rf"(?<![\w.-])({names}):(\d+)(?!\d)")

    def address(self, name: str) -> str:
        """What the name of a service leads to: its only replica, or what balances several."""
        replicas = self.services[name].replicas
        return self._address(name, 0 if replicas > 1 else 1)

    def places(self, service: Service, paths: Mapping[str, Path]) -> list[Place]:
        """A place for each replica; ``paths`` are those of the image."""
        made = []
        for number in range(1, service.replicas + 1):
            name = f"{service.name}-{number}"
            home = self.home / name
            own = {target: home / "files" / target.lstrip("/") for target in service.files}
            own |= {
                target: self.home / "volumes" / volume for target, volume in service.volumes.items()
            }
            all_paths = {"/tmp": home / "tmp", **paths, **own}
            made.append(Place(service, name, self._address(service.name, number), home, all_paths))
        return made

    def environment(self, place: Place) -> dict[str, str]:
        """The environment of a replica with addresses for names, and paths of this machine."""
        return {
            name: self.address(value)
            if name.endswith(_HOSTS) and value in self.services
            else self.text(place, value)
            for name, value in place.service.environment.items()
        }

    def words(self, place: Place, words: Iterable[str], within: bool = False) -> list[str]:
        """A command with the same; ``within``, it means itself by the loopback address."""
        changed = [self.text(place, word) for word in words]
        return [_OWN.sub(place.address, word) for word in changed] if within else changed

    def text(self, place: Place, text: str) -> str:
        """A text with the same."""
        text = text.replace(_EVERY_ADDRESS, place.address)
        text = self._name.sub(self._resolved, text)
        return with_paths(text, place.paths)

    def _resolved(self, match: re.Match[str]) -> str:
        name, port = match[1], int(match[2])
        if self.services[name].replicas > 1:
            self.balanced.add((name, port))
        return f"{self.address(name)}:{port}"

    def _address(self, name: str, number: int) -> str:
        if number >= 1 << _SERVICE_BITS:
            raise ValueError(f"{name}: more replicas than this network has addresses for")
        position = list(self.services).index(name)
        return f"{self._start}.{(position << _SERVICE_BITS) + number + 1}"


def with_paths(text: str, paths: Mapping[str, Path]) -> str:
    """A text in which paths of the container are those of this machine."""
    if not paths:
        return text
    known = "|".join(sorted(map(re.escape, paths), key=len, reverse=True))
    return re.sub(rf"(?<![\w./-])({known})(?![\w.-])", lambda match: str(paths[match[1]]), text)
