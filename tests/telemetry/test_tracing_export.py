"""A collector that is away, hangs or answers garbage costs spans, and neither time nor memory."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, TraceFlags, Tracer

from telemetry.tracing_export import ANSWER_BYTES_MAX, flushed, make_provider
from telemetry.tracing_setup import is_configured
from telemetry.tracing_spans import CALLS_MAX, PARENTS_MAX, Budget, Spans
from tests.telemetry.collector import collecting, taken
from tests.telemetry.planting import leaks, recorded

MANY = 5_000
Answer = Callable[[BaseHTTPRequestHandler], None]


def hang(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(30)


def garbage(handler: BaseHTTPRequestHandler) -> None:
    """Endless bytes that are no answer to anything."""
    handler.send_response(503, "marmalade for the lighthouse")
    handler.end_headers()
    with contextlib.suppress(ConnectionError):
        handler.wfile.write(b"\0" * 100 * ANSWER_BYTES_MAX)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that is nowhere, exports at once, and no proxy."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def make_spans(tracer: Tracer, count: int = MANY) -> float:
    """Make spans and return how long one took, in seconds."""
    began = time.perf_counter()
    for number in range(count):
        tracer.start_span("one", Context(), attributes={"number": number}).end()
    return (time.perf_counter() - began) / count


@pytest.mark.parametrize("answer", [None, hang, garbage], ids=["away", "hangs", "garbage"])
def test_a_collector_that_takes_nothing_delays_neither_spans_nor_the_end(
    answer: Answer | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting(answer or taken) as collector, recorded("json") as log:
        if answer is not None:
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        with flushed(make_provider("test"), 1.0) as provider:
            seconds = make_spans(provider.get_tracer("godwit"))
            time.sleep(0.2)
            began = time.monotonic()
        assert time.monotonic() - began < 3
    assert seconds < 0.002
    # Not one line for each span, and nothing that a collector or an exception said.
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert all(line["event"] == "spans could not be exported" for line in lines)
    assert len(lines) <= 1 and leaks(log.getvalue(), "127.0.0.1") == []


def test_what_waits_is_exported_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        with flushed(make_provider("test"), 10.0) as provider:
            make_spans(provider.get_tracer("godwit"), 100)
        assert len(collector.spans) == 100


def test_spans_that_libraries_make_do_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        with flushed(make_provider("test"), 10.0) as provider:
            make_spans(provider.get_tracer("fastapi"), 10)
        assert collector.calls == 0


def test_a_client_decides_neither_that_it_is_sampled_nor_its_trace_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    foreign = f"00-{'0' * 31}1-{'0' * 15}1-01"
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    for ratio, sampled in (("0", False), ("1", True)):
        monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", ratio)
        with flushed(make_provider("test"), 0.1) as provider:
            spans = Spans(provider)
            with spans.request("POST", foreign) as span:
                assert (span.traceparent is not None) is sampled
                assert f"-{'0' * 31}1-" not in (span.traceparent or "")
                with spans.call("carrier POST", None, {}) as call:
                    assert (call.traceparent is not None) is sampled


def test_attempts_at_an_activity_have_ever_fewer_spans_and_none_below_the_others() -> None:
    with flushed(make_provider("test"), 0.1) as provider:
        spans, sampled = Spans(provider), []
        with spans.request("POST", None) as root:
            for attempt in range(1, 101):
                with spans.activity("send_chunk", attempt, {}) as span:
                    if span.traceparent is not None:
                        assert span.traceparent != root.traceparent
                        sampled.append(attempt)
                    else:
                        with spans.call("carrier POST", None, {}) as call:
                            assert call.traceparent is None
    assert sampled == [1, 2, 4, 8, 16, 32, 64]


def test_a_parent_has_a_limited_number_of_calls_and_what_is_counted_is_bounded() -> None:
    budget = Budget(CALLS_MAX)
    parents = [SpanContext(1, each + 1, False, TraceFlags(1)) for each in range(PARENTS_MAX + 1)]
    assert [budget.take(parents[0]) for _ in range(CALLS_MAX + 2)].count(True) == CALLS_MAX
    assert all(budget.take(each) for each in parents[1:])
    # The first parent was forgotten: it used its spans longest ago.
    assert budget.take(parents[0])


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_SERVICE_NAME": "ours"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "True"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_the_environment_turns_traces_on(environment: dict[str, str], expected: bool) -> None:
    assert is_configured(environment) is expected


def test_while_they_are_off_nothing_of_the_sdk_is_imported() -> None:
    code = (
        "import sys, worker, starter.api.app, telemetry.tracing as t\n"
        "from telemetry.tracing_setup import temporal_plugins, tracing\n"
        "with tracing('x'), t.request_span('GET', []), t.call_span('y'): t.note(a=1)\n"
        "assert t.log_ids() == {} and temporal_plugins() == ()\n"
        "print([m for m in sys.modules if m.startswith(('opentelemetry.sdk',"
        " 'opentelemetry.exporter', 'requests', 'temporalio.contrib.opentelemetry'))])"
    )
    environment = {"PATH": "", "OTEL_SDK_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "[]", done.stderr
