"""Traces of this process: spans that OpenTelemetry exports, and nothing at all while they are off.

Until ``telemetry/tracing_setup.py`` turns them on, every function here returns at once, and nothing
of OpenTelemetry's SDK is imported. Attributes are ids (``campaign``, ``message``, ``account``,
``carrier``), counts and fixed words, as in a line of the log. A phone number, a text, a URL or a
secret is never given to a span.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

HEADER = "traceparent"
# W3C Trace Context, version 00.
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

Value = str | int | float | bool | None


class Span(Protocol):
    """A span inside its block.

    ``traceparent`` is what an outbound call passes on, None where nothing is to be passed on.
    """

    @property
    def traceparent(self) -> str | None:
        """The W3C header of this span, or of the one that stands for it."""
        ...

    def rename(self, name: str) -> None:
        """Give it a name that was not known at its start."""
        ...

    def set(self, **attributes: Value) -> None:
        """Add attributes: ids, counts and fixed words; None is left out."""
        ...

    def fail(self, error: BaseException) -> None:
        """Mark it as failed, with the type, code and place of an exception and never its text."""
        ...


class NoSpan:
    """Stands for a span that is not made; it may still pass another one on."""

    def __init__(self, traceparent: str | None = None) -> None:
        self.traceparent = traceparent

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *raised: object) -> None:
        return None

    def rename(self, name: str) -> None:
        """See :class:`Span`."""

    def set(self, **attributes: Value) -> None:
        """See :class:`Span`."""

    def fail(self, error: BaseException) -> None:
        """See :class:`Span`."""


NO_SPAN = NoSpan()


class SpanMaker(Protocol):
    """What makes the spans of this process while traces are on (telemetry/tracing_spans.py)."""

    def request(self, method: str, link: str | None) -> AbstractContextManager[Span]:
        """See :func:`request_span`."""
        ...

    def call(
        self, name: str, parent: str | None, attributes: Mapping[str, Value]
    ) -> AbstractContextManager[Span]:
        """See :func:`call_span`."""
        ...

    def continued(self, parent: str) -> AbstractContextManager[None]:
        """See :func:`continued`."""
        ...

    def note(self, attributes: Mapping[str, Value]) -> None:
        """See :func:`note`."""
        ...

    def traceparent(self) -> str | None:
        """See :func:`current_traceparent`."""
        ...

    def ids(self) -> dict[str, str]:
        """See :func:`log_ids`."""
        ...


_spans: SpanMaker | None = None


def make_spans_with(spans: SpanMaker | None) -> None:
    """Turn the traces of this process on, or off again with None."""
    global _spans
    _spans = spans


def request_span(
    method: str, headers: Sequence[tuple[bytes, bytes]]
) -> AbstractContextManager[Span]:
    """The span of one inbound HTTP request, the root of a trace.

    A ``traceparent`` that came with the request becomes a link: neither its trace id nor its
    sampled flag decides anything here (docs/decisions/0058-traces.md). Without exactly one valid
    header there is no link. ``headers`` are those of ASGI, their names in lower case.
    """
    if _spans is None:
        return NO_SPAN
    name = HEADER.encode()
    given = [value.decode("latin-1") for key, value in headers if key == name]
    return _spans.request(method, _sane(given[0]) if len(given) == 1 else None)


def call_span(
    name: str, parent: str | None = None, **attributes: Value
) -> AbstractContextManager[Span]:
    """The span of one outbound call, below the current span or below a stored ``parent``.

    Without a sampled parent there is none, so a call begins no trace. A parent has a limited number
    of these in a process: the call still passes the trace on, and has no span of its own.
    """
    return NO_SPAN if _spans is None else _spans.call(name, _sane(parent), attributes)


def continued(parent: str | None) -> AbstractContextManager[object]:
    """Let a block without a span of its own continue the trace of a stored ``traceparent``."""
    sane = _sane(parent)
    return nullcontext() if _spans is None or sane is None else _spans.continued(sane)


def note(**attributes: Value) -> None:
    """Add attributes to the current span, if there is one."""
    if _spans is not None:
        _spans.note(attributes)


def current_traceparent() -> str | None:
    """The current span as a W3C ``traceparent``, None where nothing is sampled."""
    return None if _spans is None else _spans.traceparent()


def log_ids() -> dict[str, str]:
    """``trace_id`` and ``span_id`` of the current span for a line of the log; empty without one."""
    return {} if _spans is None else _spans.ids()


def _sane(traceparent: str | None) -> str | None:
    return traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else None
