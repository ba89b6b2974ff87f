"""Describe an exception for a log line: its type, its code and where it was raised.

Never its text. Drivers quote rows (``DETAIL: Key (recipient)=(...)``), pydantic quotes input, and
a KeyError is the key. An exception class of ours whose text holds no value of a request or a row
says so with the attribute ``loggable = True``.
"""

import errno
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = frozenset(
    "activities bench campaign carriers dialects service starter store telemetry tests webhooks"
    " worker.py workflows".split()
)
CHAIN_MAX = 6
STACK_MAX = 20


def describe(error: BaseException) -> list[dict[str, Any]]:
    """Describe an exception and what caused it, the outermost first.

    Each has ``type``, ``stack`` and, where it has one, ``code``. The exceptions of a group follow
    the group. Source: ours; codes are SQLSTATE, errno and the like.
    """
    described: list[dict[str, Any]] = []
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting and len(described) < CHAIN_MAX:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        code = code_of(each)
        entry = {"type": type(each).__name__, "stack": stack_of(each.__traceback__)}
        described.append(entry if code is None else {**entry, "code": code})
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
        if (cause := cause_of(each)) is not None:
            waiting.append(cause)
    return described


def cause_of(error: BaseException) -> BaseException | None:
    """What Python shows as the cause of an exception."""
    if error.__cause__ is not None or error.__suppress_context__:
        return error.__cause__
    return error.__context__


def code_of(error: BaseException) -> str | None:
    """The code of an exception: a word from a fixed vocabulary, or None."""
    if getattr(type(error), "loggable", False):
        return str(error) or None
    for each in (error, getattr(error, "orig", None)):
        for name in ("sqlstate", "sqlite_errorname"):
            if isinstance(code := getattr(each, name, None), str):
                return code
    if isinstance(error, OSError):
        return errno.errorcode.get(error.errno or 0)
    if isinstance(error, ValidationError):
        return _validation_code(error)
    # The status of an RPC is an enum.
    status = getattr(getattr(error, "status", None), "name", None)
    return status if isinstance(status, str) else None


def _validation_code(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    # Members of our settings are names of ours; members of a request may be anything.
    if error.title.endswith("Settings"):
        return ", ".join(f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in faults)
    return ", ".join(sorted({each["type"] for each in faults}))


def stack_of(traceback: TracebackType | None) -> list[str]:
    """The frames of our code as ``file:line function``, and the innermost frame of all."""
    calls: list[tuple[bool, str]] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        ours, path = _shortened(code.co_filename)
        calls.append((ours, f"{path}:{traceback.tb_lineno} {code.co_name}"))
        traceback = traceback.tb_next
    kept = [text for ours, text in calls[:-1] if ours] + [text for _, text in calls[-1:]]
    return kept[-STACK_MAX:]


def _shortened(filename: str) -> tuple[bool, str]:
    """Whether a file is ours, and its path without the directories of this machine."""
    for separator in ("/site-packages/", f"{ROOT.as_posix()}/"):
        _, found, path = filename.rpartition(separator)
        if found and path.partition("/")[0] in PACKAGES:
            return True, path
        if found:
            return False, path
    return False, "/".join(Path(filename).parts[-2:])
