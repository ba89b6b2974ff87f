"""How the embedded stack runs: its options and its ports."""

import contextlib
import errno
import random
import socket
from collections.abc import Container
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path


class StackError(Exception):
    """The stack cannot run as asked; the text says why."""


LOOPBACK = "127.0.0.1"
# Linux gives outgoing connections ports from 32768 on, other systems from 49152 (RFC 6335).
_KEPT_PORTS = range(20_000, 32_768)
# What stands for every address of the machine, and how to reach it from the machine itself.
_EVERY_ADDRESS = {"0.0.0.0": LOOPBACK, "::": "::1", "": LOOPBACK}


@dataclass
class StackOptions:
    """How to run the stack; port 0 takes any free one.

    ``host`` is what the API listens on. All other parts listen on ``LOOPBACK``.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8080
    temporal_port: int = 7233
    ui_port: int = 8233
    carrier_port: int = 0
    workers: int = 1
    carrier: str = ""


def log_of(options: StackOptions, name: str) -> Path:
    """The log file of a part."""
    return options.data / "logs" / f"{name}.log"


class Ports:
    """The stack's ports, chosen once: a restarted part listens where it did before.

    Raises StackError when a port that was asked for is taken.
    """

    def __init__(self, options: StackOptions) -> None:
        taken = {options.port, options.temporal_port, options.ui_port, options.carrier_port}
        self.api = options.port or _take_port(taken, options.host)
        self.temporal = options.temporal_port or _take_port(taken)
        self.ui = options.ui_port or _take_port(taken)
        self.carrier = options.carrier_port or _take_port(taken)
        self.metrics = [_take_port(taken) for _ in range(options.workers)]
        wanted = {
            "--port": (options.host, self.api),
            "--temporal-port": (LOOPBACK, self.temporal),
            "--ui-port": (LOOPBACK, self.ui),
            "--carrier-port": (LOOPBACK, self.carrier),
        }
        with contextlib.ExitStack() as bound:
            # All at once, so that one port for two parts is found as well.
            for option, (host, port) in wanted.items():
                probe = bound.enter_context(socket.socket(_family(host)))
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                _bind(probe, host, port, f"choose another {option}, or 0 for any free port")
                probe.listen()


def api_url(options: StackOptions, ports: Ports) -> str:
    """The URL under which this machine reaches the API."""
    host = _EVERY_ADDRESS.get(options.host, options.host)
    return f"http://[{host}]:{ports.api}" if ":" in host else f"http://{host}:{ports.api}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on a host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _take_port(taken: set[int], host: str = LOOPBACK) -> int:
    port = free_port(host, taken)
    taken.add(port)
    return port


def free_port(host: str = LOOPBACK, taken: Container[int] = ()) -> int:
    """Return a free port that is none of ``taken`` and that no outgoing connection gets later.

    A part that starts again after a while finds it free.
    """
    for port in random.sample(_KEPT_PORTS, len(_KEPT_PORTS)):
        with socket.socket(_family(host)) as probe:
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                raise StackError(f"cannot listen on {host}: {error.strerror}") from None
        if port not in taken:
            return port
    raise StackError(f"no port of {host} is free")


def _bind(probe: socket.socket, host: str, port: int, advice: str) -> None:
    try:
        probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StackError(f"port {port} is in use; {advice}") from None
        raise StackError(f"cannot listen on {host}:{port}: {error.strerror}") from None


def check_port(host: str, port: int, advice: str) -> None:
    """Raise StackError if nothing can listen there; ``advice`` is for a port that is in use."""
    with socket.socket(_family(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(probe, host, port, advice)
