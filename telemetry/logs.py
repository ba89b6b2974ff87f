"""The log of a process: one line per event on stderr, JSON or for a terminal, without values.

Importing this module sets structlog up so that no line can hold local variables or the text of an
exception; ``configure`` then directs the standard library's logging here too and chooses level and
format. A line never raises: a full disk costs lines, which are counted, and no message.

Fields are ids (``campaign``, ``message``, ``account``, ``carrier``, ``request_id``), counts and
fixed words. A phone number, a text, a name or a secret is never given to a logger.
"""

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

import structlog
from structlog.contextvars import merge_contextvars

from telemetry.exceptions import cause_of, describe
from telemetry.tracing import log_ids

FORMATS = ("auto", "json", "console")
LEVELS = {"critical": 50, "error": 40, "warning": 30, "info": 20, "debug": 10, "trace": 10}
TEXT_LENGTH_MAX = 500
# Libraries that write URLs or statements below this level.
QUIET = ("httpx", "httpcore", "sqlalchemy", "asyncio", "alembic")
# What the SDK of Temporal says of the running activity or workflow, and our word for it.
TEMPORAL = {
    "workflow_id": "workflow_id",
    "activity_type": "activity",
    "attempt": "attempt",
    "task_queue": "task_queue",
}

_console = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
_colored = structlog.dev.ConsoleRenderer(colors=True, pad_event_to=0)


class Output:
    """Where lines go. ``stream`` None is the present ``sys.stderr``.

    ``dropped`` counts the lines that could not be written since the process started.
    """

    def __init__(self) -> None:
        self.stream: TextIO | None = None
        self.format = "auto"
        self.dropped = 0
        self._reported = 0
        self._lock = threading.Lock()

    def write(self, event: MutableMapping[str, Any]) -> None:
        """Render an event and write it; never raises."""
        try:
            stream = self.stream or sys.stderr
            line = self._render(event, stream)
            with self._lock:
                stream.write(line)
                stream.flush()
        except Exception:
            # A full disk, a closed terminal, or an event that cannot be rendered.
            self.dropped += 1
            return
        if self.dropped > self._reported:
            lost, self._reported = self.dropped - self._reported, self.dropped
            self.write(_stamped("log lines could not be written", "warning", lines=lost))

    def _render(self, event: MutableMapping[str, Any], stream: TextIO) -> str:
        if self.format == "json" or (self.format == "auto" and not stream.isatty()):
            return json.dumps(event) + "\n"
        exceptions = event.pop("exception", ())
        shown = {name: _visible(value) for name, value in event.items()}
        render = _colored if stream.isatty() else _console
        lines = [str(render(None, "", shown))]
        for each in exceptions:
            lines.append(f"  {each['type']} {each.get('code', '')}".rstrip())
            lines += [f"    {call}" for call in each["stack"]]
        return "\n".join(lines) + "\n"


OUTPUT = Output()


class _Named:
    """What structlog hands its rendered events to, under the name of a logger."""

    def __init__(self, name: str = "godwit") -> None:
        self._name = name

    def write(self, **event: Any) -> None:
        OUTPUT.write({"timestamp": _iso(time.time()), "level": "", "logger": self._name} | event)

    debug = info = warning = warn = error = critical = fatal = exception = msg = write


def _process(logger: object, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The one processor of structlog: ids from the context, no values, no exception text."""
    level = "error" if method == "exception" else method
    try:
        merged = merge_contextvars(logger, method, event)
        error = _exception_in(merged.pop("exc_info", None))
        fields = {name: plain(value) for name, value in merged.items()}
        return {"level": level, "event": ""} | fields | log_ids() | _described(error)
    except Exception:
        return {"level": level, "event": "a line could not be made"}


def plain(value: object) -> Any:
    """A value as it may stand in a line: numbers, bounded text, lists and members of these.

    Of an exception only its description stays, of anything else only its type.
    """
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            text = str(value)
            return text if len(text) <= TEXT_LENGTH_MAX else text[:TEXT_LENGTH_MAX] + "..."
        case BaseException():
            return describe(value)
        case Mapping():
            return {str(name): plain(each) for name, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(each) for each in value]
    return type(value).__name__


class _Handler(logging.Handler):
    """Takes the records of the standard library's logging, which libraries write."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; never raises."""
        try:
            error = record.exc_info[1] if record.exc_info else None
            event: dict[str, Any] = {
                "timestamp": _iso(record.created),
                "level": record.levelname.lower(),
                "logger": record.name,
                "event": _message(record, error),
            }
            event |= {name: plain(value) for name, value in _fields(record).items()}
            OUTPUT.write(event | _described(error))
        except Exception:
            OUTPUT.dropped += 1


def _message(record: logging.LogRecord, error: BaseException | None) -> str:
    """The first line of a record's text, without the text of any exception.

    asyncio writes the repr of what failed on the lines below the first.
    """
    arguments = record.args
    if isinstance(arguments, tuple):
        arguments = tuple(map(_without_text, arguments))
    text = str(_without_text(record.msg))
    text = (text % arguments if arguments else text).partition("\n")[0]
    for each in _chain(error or sys.exc_info()[1]):
        if len(said := str(each).partition("\n")[0]) > 2:
            text = text.replace(said, type(each).__name__)
    return text[:TEXT_LENGTH_MAX]


def _without_text(value: object) -> object:
    return type(value).__name__ if isinstance(value, BaseException) else value


def _chain(error: BaseException | None) -> Iterable[BaseException]:
    for _ in range(10):
        if error is None:
            return
        yield error
        error = cause_of(error)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = {**merge_contextvars(None, "", {}), **log_ids()}
    for source in ("temporal_activity", "temporal_workflow"):
        details = getattr(record, source, None)
        if isinstance(details, Mapping):
            fields |= {ours: details[name] for name, ours in TEMPORAL.items() if name in details}
    core = getattr(getattr(record, "temporal_log", None), "fields", None)
    if isinstance(core, Mapping):
        # The code that raised a failure chose its text.
        fields |= {name: core[name] for name in core if name not in ("failure", "message")}
    return fields


def _exception_in(exc_info: object) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    return sys.exc_info()[1] if exc_info else None


def _described(error: BaseException | None) -> dict[str, Any]:
    return {} if error is None else {"exception": describe(error)}


def _visible(value: Any) -> Any:
    """Text without characters that a terminal would obey."""
    if isinstance(value, str) and not value.isprintable():
        return "".join(letter if letter.isprintable() else "\ufffd" for letter in value)
    return value


def _iso(seconds: float) -> str:
    whole, milliseconds = divmod(round(seconds * 1_000_000) // 1_000, 1_000)
    return f"{_whole(whole)}.{milliseconds:03}Z"


@lru_cache(maxsize=1)
def _whole(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:-6]


def _stamped(text: str, level: str, **fields: Any) -> dict[str, Any]:
    head = {"timestamp": _iso(time.time()), "level": level, "logger": "godwit", "event": text}
    return head | fields


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger of ours: ``log.warning("what happened", campaign=id)``; the text is fixed."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return logger


def configure(environment: Mapping[str, str] = os.environ) -> None:
    """Direct every log line of this process to stderr; once, at its start.

    Args:
        environment: GODWIT_LOG_LEVEL is the lowest level of our own lines, ``info`` by default;
            libraries write from ``info``, and those that would quote statements or URLs from
            ``warning``. GODWIT_LOG_FORMAT is ``json``, ``console`` or ``auto``: JSON unless stderr
            is a terminal. What is neither counts as the default; ``Settings`` refuses it.

    Called again, it replaces level and format. Exceptions that nobody catches and warnings of
    Python are lines as well.
    """
    log_format = environment.get("GODWIT_LOG_FORMAT", "").lower()
    OUTPUT.format = log_format if log_format in FORMATS else "auto"
    number = LEVELS.get(environment.get("GODWIT_LOG_LEVEL", "").lower(), logging.INFO)
    _set_up(number)
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(handler)
    root.addHandler(_Handler())
    root.setLevel(max(number, logging.INFO))
    for name in QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    sys.excepthook = lambda kind, error, traceback: _log_uncaught(error)
    threading.excepthook = lambda given: _log_uncaught(given.exc_value)
    sys.unraisablehook = lambda given: _log_uncaught(given.exc_value)


def _log_uncaught(error: BaseException | None) -> None:
    if error is not None and not isinstance(error, KeyboardInterrupt | SystemExit):
        get_logger("godwit").critical("an exception was not caught", exc_info=error)


def _set_up(number: int) -> None:
    structlog.configure(
        processors=[_process],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *names: _Named(*names),
        cache_logger_on_first_use=False,
    )


_set_up(logging.INFO)
