"""Values that no log may hold, and a database whose errors quote every one of them."""

import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from store.database.engine import Database
from telemetry import logs
from tests.store.racing import listening

NUMBER = "+14155557318"
TEXT = "marmalade for the lighthouse"
NAME = "Wilhelmina"
PLANTED = (NUMBER.removeprefix("+"), TEXT, NAME)


@contextmanager
def failing(
    database: Database, when: Callable[[str], bool], kind: str = "IntegrityError"
) -> Iterator[list[str]]:
    """Fail statements inside the block, with all parameters in the driver's text.

    ``kind`` is an exception of the driver (PEP 249). Yields the statements that failed.
    """
    failed: list[str] = []
    error = getattr(database.engine.dialect.loaded_dbapi, kind)

    def fail(cursor: object, statement: str, parameters: Any, context: object) -> None:
        if when(statement):
            failed.append(statement)
            quoted = f"{parameters} {NUMBER} {TEXT} {NAME}"
            raise error(f"duplicate key\nDETAIL: Key (to)=({quoted}) already exists")

    with listening(database, "do_execute", fail):
        yield failed


@contextmanager
def recorded(log_format: str) -> Iterator[io.StringIO]:
    """Direct the log of this process into a text, as a process of ours does at its start."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    output, logs.OUTPUT = logs.OUTPUT, logs.Output()
    logs.OUTPUT.stream = stream
    logs.configure({"GODWIT_LOG_FORMAT": log_format})
    try:
        yield stream
    finally:
        logs.OUTPUT = output
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
        logging.captureWarnings(False)
        root.handlers[:] = handlers
        root.setLevel(level)


def leaks(text: str, *secrets: str) -> list[str]:
    """The planted values and secrets that a text holds."""
    return [value for value in (*PLANTED, *secrets) if value in text]
