"""Kinds of Prometheus metrics that the client library does not have."""

import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


@dataclass
class _Buckets:
    counts: list[int]
    total: float = 0.0


@dataclass(eq=False)
class BatchHistogram(Collector):
    """A histogram that takes many values at once, at a small part of the library's cost for each.

    ``bounds`` are the upper bounds of its buckets, rising and without the infinite one. Beyond
    ``series_max`` sets of label values, further ones are not counted. Methods may be called from
    any thread.
    """

    name: str
    text: str
    labels: Sequence[str]
    bounds: Sequence[float]
    series_max: int = 10_000
    _series: dict[tuple[str, ...], _Buckets] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def observe(self, labels: tuple[str, ...], values: Iterable[float]) -> None:
        """Count values under the same label values, which are in the order of ``labels``."""
        with self._lock:
            series = self._series.get(labels)
            if series is None:
                if len(self._series) >= self.series_max:
                    return
                series = self._series[labels] = _Buckets([0] * (len(self.bounds) + 1))
            for value in values:
                series.counts[bisect_left(self.bounds, value)] += 1
                series.total += value

    def collect(self) -> Iterable[Metric]:
        """See :class:`prometheus_client.registry.Collector`."""
        family = HistogramMetricFamily(self.name, self.text, labels=self.labels)
        names = [*map(floatToGoString, self.bounds), "+Inf"]
        with self._lock:
            for labels, series in self._series.items():
                below, buckets = 0, []
                for name, count in zip(names, series.counts, strict=True):
                    below += count
                    buckets.append((name, float(below)))
                family.add_metric(labels, buckets, series.total)
        yield family


@dataclass(frozen=True, slots=True)
class GaugeText:
    """What a gauge says, and the names of its labels."""

    text: str
    labels: tuple[str, ...] = ()


Readings = Mapping[str, Mapping[tuple[str, ...], float]]


@dataclass(eq=False)
class ReadGauges(Collector):
    """Gauges that are read from somewhere else now and then.

    Past its time a reading is left out: no value is better than an old one.
    """

    gauges: Mapping[str, GaugeText]
    _read: dict[str, tuple[float, Mapping[tuple[str, ...], float]]] = field(
        default_factory=dict, init=False
    )

    def update(self, readings: Readings, seconds: float) -> None:
        """Replace the values of some gauges, by name and label values; they hold for a time."""
        until = time.monotonic() + seconds
        for name, values in readings.items():
            self._read[name] = (until, values)

    def collect(self) -> Iterable[Metric]:
        """See :class:`prometheus_client.registry.Collector`."""
        now = time.monotonic()
        for name, (until, values) in list(self._read.items()):
            if now <= until:
                gauge = self.gauges[name]
                family = GaugeMetricFamily(name, gauge.text, labels=gauge.labels)
                for labels, value in values.items():
                    family.add_metric(labels, value)
                yield family
