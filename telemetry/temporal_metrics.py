"""The metrics of Temporal's SDK, of clients and workers alike, among those of the process.

The SDK's Core counts in Rust. Its updates come through a buffer and not from a listener of Core's
own, so that a process has one address for all that it counts, and no label comes along unseen.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from temporalio.runtime import (
    BUFFERED_METRIC_KIND_COUNTER,
    BUFFERED_METRIC_KIND_HISTOGRAM,
    BufferedMetricUpdate,
    MetricBuffer,
    MetricBufferDurationFormat,
)

from telemetry.logs import get_logger
from telemetry.metric_types import BatchHistogram
from telemetry.metrics import REGISTRY

log = get_logger("godwit.metrics")

# Core drops what is counted while the buffer is full. A storm makes some 20,000 updates a second;
# each place takes 100 bytes.
UPDATES_MAX = 50_000
DRAIN_SECONDS = 1.0
# Of the labels that Core has, those whose values are few.
LABELS = (
    "activity_type",
    "failure_reason",
    "operation",
    "poller_type",
    "status_code",
    "task_queue",
    "worker_type",
    "workflow_type",
)
# No metric gets more series, whatever a later version of Core counts.
SERIES_MAX = 500
BOUNDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)

Labels = tuple[str, ...]


class SdkMetrics(Collector):
    """Adds up what Core counts; nothing unless ``enable`` was called before the first client.

    ``collect`` may run in any thread, everything else in one.
    """

    def __init__(self) -> None:
        self.buffer: MetricBuffer | None = None
        self._counters: dict[str, dict[Labels, float]] = {}
        self._gauges: dict[str, dict[Labels, float]] = {}
        self._histograms: dict[str, BatchHistogram] = {}
        self._texts: dict[str, str] = {}

    def enable(self) -> None:
        """Give the process a buffer; before its first client connects. Twice changes nothing."""
        if self.buffer is None:
            seconds = MetricBufferDurationFormat.SECONDS
            self.buffer = MetricBuffer(UPDATES_MAX, seconds)

    async def drain(self) -> None:
        """Take over what Core counts, every second until cancelled; so often the buffer is read."""
        while self.buffer is not None:
            await asyncio.sleep(DRAIN_SECONDS)
            try:
                self.add(self.buffer.retrieve_updates())
            except Exception as error:
                log.error("the metrics of the SDK could not be read", exc_info=error)

    def add(self, updates: Iterable[BufferedMetricUpdate]) -> None:
        """Add updates of Core."""
        values: defaultdict[tuple[str, Labels], list[float]] = defaultdict(list)
        # Core gives the same objects again for the same metric and the same attributes.
        labels_of: dict[int, Labels] = {}
        for update in updates:
            attributes, metric = update.attributes, update.metric
            labels = labels_of.get(id(attributes))
            if labels is None:
                labels = tuple(str(attributes.get(name, "")) for name in LABELS)
                labels_of[id(attributes)] = labels
            name = metric.name
            self._texts.setdefault(name, metric.description or "Counted by Temporal's SDK.")
            if metric.kind == BUFFERED_METRIC_KIND_HISTOGRAM:
                values[name, labels].append(update.value)
                continue
            is_counter = metric.kind == BUFFERED_METRIC_KIND_COUNTER
            series = (self._counters if is_counter else self._gauges).setdefault(name, {})
            if labels in series or len(series) < SERIES_MAX:
                series[labels] = update.value + (series.get(labels, 0.0) if is_counter else 0.0)
        for (name, labels), some in values.items():
            histogram = self._histograms.get(name)
            if histogram is None:
                unit = f"{name}_seconds"
                histogram = BatchHistogram(unit, self._texts[name], LABELS, BOUNDS, SERIES_MAX)
                self._histograms[name] = histogram
            histogram.observe(labels, some)

    def collect(self) -> Iterable[Metric]:
        """See :class:`prometheus_client.registry.Collector`."""
        families: list[tuple[CounterMetricFamily | GaugeMetricFamily, dict[Labels, float]]] = []
        for name, series in list(self._counters.items()):
            families.append((CounterMetricFamily(name, self._texts[name], labels=LABELS), series))
        for name, series in list(self._gauges.items()):
            families.append((GaugeMetricFamily(name, self._texts[name], labels=LABELS), series))
        for family, series in families:
            for labels, value in list(series.items()):
                family.add_metric(labels, value)
            yield family
        for histogram in list(self._histograms.values()):
            yield from histogram.collect()


SDK_METRICS = SdkMetrics()
REGISTRY.register(SDK_METRICS)
