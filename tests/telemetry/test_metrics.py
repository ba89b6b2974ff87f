"""Metrics: which there are, their labels, and how they are served."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest
from structlog.testing import capture_logs

from telemetry import metrics
from telemetry.metric_types import BatchHistogram, GaugeText, ReadGauges
from telemetry.metrics import INSTALLATION, REGISTRY
from telemetry.metrics_server import REQUEST_BYTES_MAX, serving_metrics
from telemetry.temporal_metrics import LABELS, SERIES_MAX, SdkMetrics
from tests.test_docs import DOCS, rows, ticked

COUNTER, GAUGE, HISTOGRAM = range(3)
# A new label belongs here only if its values are few and none comes from a person.
BOUNDED = {
    "action",
    "carrier",
    "kind",
    "method",
    "outcome",
    "part",
    "reason",
    "route",
    "status",
}


def exposed() -> dict[str, tuple[str, set[str]]]:
    """Every metric of ours by its name in queries: its kind, and its labels."""
    found: dict[str, tuple[str, set[str]]] = {}
    for metric in REGISTRY.collect():
        if metric.name.startswith("godwit_") and metric.name not in INSTALLATION.gauges:
            name = metric.name + ("_total" if metric.type == "counter" else "")
            found[name] = (metric.type, set())
    for each in vars(metrics).values():
        if isinstance(each, BatchHistogram):
            found[each.name] = ("histogram", set(each.labels))
        elif isinstance(each, Counter):
            (metric,) = each.collect()
            found[f"{metric.name}_total"] = ("counter", set(each._labelnames))
    for name, gauge in INSTALLATION.gauges.items():
        found[name] = ("gauge", set(gauge.labels))
    return found


def test_the_table_has_every_metric_with_its_kind_and_labels() -> None:
    table = {
        ticked(cells[0])[0]: (cells[1], set(ticked(cells[2])))
        for cells in rows((DOCS / "metrics.md").read_text("utf-8"))
        if len(cells) == 4
    }
    assert table == exposed()


def test_no_label_comes_from_a_person() -> None:
    assert set().union(*(labels for _, labels in exposed().values())) == BOUNDED


def test_names_say_their_unit_as_prometheus_asks() -> None:
    for name, (kind, _) in exposed().items():
        assert re.fullmatch(r"godwit_[a-z_]+", name)
        assert name.endswith("_total") == (kind == "counter"), name
        assert kind != "histogram" or name.endswith("_seconds"), name


def text_of(collector: BatchHistogram | ReadGauges | SdkMetrics) -> str:
    """What Prometheus would read of a collector."""
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry).decode()


def test_a_histogram_counts_each_value_in_its_bucket_and_those_above() -> None:
    histogram = BatchHistogram("some_seconds", "Some.", ("carrier",), (0.1, 1.0), series_max=1)
    histogram.observe(("pretend",), (0.1, 0.5, 9))
    histogram.observe(("one too many",), (1,))
    assert text_of(histogram).splitlines()[2:] == [
        'some_seconds_bucket{carrier="pretend",le="0.1"} 1.0',
        'some_seconds_bucket{carrier="pretend",le="1.0"} 2.0',
        'some_seconds_bucket{carrier="pretend",le="+Inf"} 3.0',
        'some_seconds_count{carrier="pretend"} 3.0',
        'some_seconds_sum{carrier="pretend"} 9.6',
    ]


def test_a_reading_that_is_too_old_is_not_shown() -> None:
    gauges = ReadGauges({"fresh": GaugeText("Fresh."), "old": GaugeText("Old.", ("part",))})
    gauges.update({"old": {("disk",): 1.0}}, 60)
    assert 'old{part="disk"} 1.0' in text_of(gauges)
    gauges.update({"old": {("disk",): 1.0}}, -1)
    gauges.update({"fresh": {(): 2.0}}, 60)
    assert "fresh 2.0" in text_of(gauges) and "old" not in text_of(gauges)


@dataclass
class Update:
    """What the SDK's buffer has: the metric is the update itself."""

    name: str
    kind: int
    value: float
    attributes: Mapping[str, str] = field(default_factory=dict)
    description: str | None = None
    unit: str | None = None

    @property
    def metric(self) -> "Update":
        return self


def added(*updates: Update) -> str:
    """What metrics of the SDK expose after these updates."""
    sdk = SdkMetrics()
    sdk.add(updates)  # type: ignore[arg-type]  # the fields are read only
    return text_of(sdk)


def test_metrics_of_the_sdk_are_added_up_by_known_labels() -> None:
    by_queue = {"task_queue": "godwit", "namespace": "default", "workflow_id": "campaign:1"}
    text = added(
        Update("temporal_request", COUNTER, 2, by_queue),
        Update("temporal_request", COUNTER, 3, dict(by_queue)),
        Update("temporal_num_pollers", GAUGE, 4, by_queue),
        Update("temporal_num_pollers", GAUGE, 5, by_queue),
        Update("temporal_request_latency", HISTOGRAM, 0.03, by_queue),
    )
    assert re.search(r'temporal_request_total\{.*task_queue="godwit".*\} 5\.0', text)
    assert re.search(r'temporal_num_pollers\{.*task_queue="godwit".*\} 5\.0', text)
    assert re.search(r'temporal_request_latency_seconds_bucket\{.*le="0\.1".*\} 1\.0', text)
    assert "campaign:1" not in text and "default" not in text
    assert set(re.findall(r"(\w+)=", text)) <= {*LABELS, "le"}


def test_metrics_of_the_sdk_have_a_bounded_number_of_series() -> None:
    many = (
        Update("temporal_request", COUNTER, 1, {"operation": str(number)})
        for number in range(2 * SERIES_MAX)
    )
    assert added(*many).count("\ntemporal_request_total{") == SERIES_MAX


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """Where metrics are served."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = f"127.0.0.1:{probe.getsockname()[1]}"
    async with serving_metrics(free):
        yield free


async def test_a_worker_serves_its_metrics_and_nothing_else(address: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://{address}") as http:
        answer = await http.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "godwit_log_lines_dropped_total" in answer.text
        assert (await http.get("/")).status_code == 404
        assert (await http.post("/metrics")).status_code == 405


async def test_a_request_without_end_is_cut_off(address: str) -> None:
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /metrics?" + b"x" * 2 * REQUEST_BYTES_MAX)
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()


async def test_an_address_that_is_in_use_costs_the_metrics_and_no_worker(address: str) -> None:
    with capture_logs() as lines:
        async with serving_metrics(address):
            pass
    assert [line["address"] for line in lines] == [address]
    async with serving_metrics(""):
        pass
