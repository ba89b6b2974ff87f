"""Spans as OpenTelemetry makes them: how they are named, bounded, and marked as failed."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from telemetry.exceptions import describe
from telemetry.tracing import NO_SPAN, NoSpan, Span, Value

TRACER = "godwit"
# The most spans of one kind that one parent has in one process.
CALLS_MAX = 20
ACTIVITIES_MAX = 500
PARENTS_MAX = 4_096


class Open:
    """A span that is current inside its block, and ends with it."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def __enter__(self) -> Span:
        self._token = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        context.detach(self._token)
        if isinstance(error, Exception) and not _is_expected(error):
            self.fail(error)
        self._span.end()

    @property
    def traceparent(self) -> str | None:
        """See :class:`telemetry.tracing.Span`."""
        return written(self._span.get_span_context())

    def rename(self, name: str) -> None:
        """See :class:`telemetry.tracing.Span`."""
        self._span.update_name(name)

    def set(self, **attributes: Value) -> None:
        """See :class:`telemetry.tracing.Span`."""
        self._span.set_attributes(without_none(attributes))

    def fail(self, error: BaseException) -> None:
        """See :class:`telemetry.tracing.Span`.

        ``record_exception`` of OpenTelemetry would record the text and the lines of the source.
        """
        if not self._span.is_recording():
            return
        self._span.set_status(Status(StatusCode.ERROR))
        for each in describe(error):
            attributes: dict[str, str] = {
                "exception.type": each["type"],
                "exception.stacktrace": "\n".join(each["stack"]),
            }
            if "code" in each:
                attributes["exception.code"] = each["code"]
            self._span.add_event("exception", attributes)


class Budget:
    """Counts what was taken by key, of the keys that were used last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: OrderedDict[tuple[int, int], int] = OrderedDict()

    def take(self, parent: SpanContext) -> bool:
        """Take one for a parent; False when it has had the most it may."""
        key = (parent.trace_id, parent.span_id)
        taken = self._taken.pop(key, 0)
        self._taken[key] = taken + 1
        if len(self._taken) > PARENTS_MAX:
            self._taken.popitem(last=False)
        return taken < self._most


class Spans:
    """Makes the spans of this process with one provider."""

    def __init__(self, provider: trace.TracerProvider) -> None:
        self._tracer = provider.get_tracer(TRACER)
        self._calls = Budget(CALLS_MAX)
        self._activities = Budget(ACTIVITIES_MAX)

    def request(self, method: str, link: str | None) -> AbstractContextManager[Span]:
        """See :func:`telemetry.tracing.request_span`."""
        linked = None if link is None else read(link)
        span = self._tracer.start_span(
            method,
            Context(),
            SpanKind.SERVER,
            {"http.request.method": method},
            [] if linked is None else [Link(linked)],
        )
        return Open(span)

    def call(
        self, name: str, parent: str | None, attributes: Mapping[str, Value]
    ) -> AbstractContextManager[Span]:
        """See :func:`telemetry.tracing.call_span`."""
        above = trace.get_current_span().get_span_context() if parent is None else read(parent)
        if above is None or not is_sampled(above):
            return NO_SPAN
        if not self._calls.take(above):
            return NoSpan(written(above))
        span = self._tracer.start_span(
            name, below(above), SpanKind.CLIENT, without_none(attributes)
        )
        return Open(span)

    def activity(self, name: str, attempt: int, attributes: Mapping[str, Value]) -> "Open":
        """The span of one attempt at an activity, below the current one.

        Attempts 1, 2, 4, 8 and so on have one: a chunk is attempted again for each message that it
        waits for. Within any other, nothing is sampled.
        """
        above = trace.get_current_span().get_span_context()
        if is_sampled(above) and not attempt & (attempt - 1) and self._activities.take(above):
            return Open(self._tracer.start_span(name, attributes=without_none(attributes)))
        return Open(trace.NonRecordingSpan(_unsampled(above)))

    @contextmanager
    def continued(self, parent: str) -> Iterator[None]:
        """See :func:`telemetry.tracing.continued`."""
        above = read(parent)
        if above is None or trace.get_current_span().get_span_context().is_valid:
            yield
            return
        token = context.attach(below(above))
        try:
            yield
        finally:
            context.detach(token)

    def note(self, attributes: Mapping[str, Value]) -> None:
        """See :func:`telemetry.tracing.note`."""
        trace.get_current_span().set_attributes(without_none(attributes))

    def traceparent(self) -> str | None:
        """See :func:`telemetry.tracing.current_traceparent`."""
        return written(trace.get_current_span().get_span_context())

    def ids(self) -> dict[str, str]:
        """See :func:`telemetry.tracing.log_ids`."""
        now = trace.get_current_span().get_span_context()
        if not is_sampled(now):
            return {}
        return {"trace_id": f"{now.trace_id:032x}", "span_id": f"{now.span_id:016x}"}


def is_sampled(span: SpanContext) -> bool:
    """Tell whether spans below this one are made."""
    return span.is_valid and span.trace_flags.sampled


def read(traceparent: str) -> SpanContext | None:
    """Read a header of version 00; None where an id is zero."""
    _, trace_id, span_id, flags = traceparent.split("-")
    found = SpanContext(
        int(trace_id, 16), int(span_id, 16), True, TraceFlags(int(flags, 16) & TraceFlags.SAMPLED)
    )
    return found if found.is_valid else None


def written(span: SpanContext) -> str | None:
    """A sampled span as a header of version 00."""
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-01" if is_sampled(span) else None


def below(parent: SpanContext) -> Context:
    """A context in which spans are children of ``parent`` and of no other."""
    return trace.set_span_in_context(trace.NonRecordingSpan(parent), Context())


def without_none(attributes: Mapping[str, Value]) -> dict[str, str | int | float | bool]:
    """The attributes that have a value."""
    return {name: value for name, value in attributes.items() if value is not None}


def _is_expected(error: Exception) -> bool:
    """Tell whether an error only ends an attempt, as of a chunk whose messages are due later."""
    return isinstance(error, ApplicationError) and error.category is ApplicationErrorCategory.BENIGN


def _unsampled(span: SpanContext) -> SpanContext:
    return SpanContext(span.trace_id, span.span_id, span.is_remote, TraceFlags(0))
