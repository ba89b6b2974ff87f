"""How the embedded stack runs: its options and its ports."""

import socket
from dataclasses import dataclass
from pathlib import Path


class StackError(Exception):
    """The stack cannot run as asked; the text says why."""


@dataclass
class StackOptions:
    """How to run the stack; port 0 takes any free one."""

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
        self.api = options.port or _free_port(options.host)
        self.temporal = options.temporal_port or _free_port(options.host)
        self.ui = options.ui_port or _free_port(options.host)
        self.carrier = options.carrier_port or _free_port(options.host)
        wanted = {"--port": self.api, "--temporal-port": self.temporal, "--ui-port": self.ui}
        for option, port in wanted.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((options.host, port))
                except OSError:
                    raise StackError(
                        f"port {port} is in use; choose another {option}, or 0 for any free port"
                    ) from None


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
