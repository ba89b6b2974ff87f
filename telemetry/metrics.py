"""Every metric of ours; docs/metrics.md has them in a table.

No label comes from a person, and every label has a bounded set of values. What happens often is
counted in batches.
"""

from collections.abc import Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from telemetry.logs import OUTPUT
from telemetry.metric_types import BatchHistogram, GaugeText, ReadGauges

# A second series for each counter, which says when it began, would only cost.
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, registry=REGISTRY)


def _histogram(name: str, text: str, labels: tuple[str, ...], bounds: str) -> BatchHistogram:
    histogram = BatchHistogram(name, text, labels, [float(bound) for bound in bounds.split()])
    REGISTRY.register(histogram)
    return histogram


# --- Every process --------------------------------------------------------------------------------


class _LinesDropped(Collector):
    def collect(self) -> Iterable[Metric]:
        name, text = "godwit_log_lines_dropped", "Log lines that could not be written."
        yield CounterMetricFamily(name, text, value=OUTPUT.dropped)


REGISTRY.register(_LinesDropped())

# --- Workers --------------------------------------------------------------------------------------

MESSAGES = _counter(
    "godwit_messages_total",
    "Results of attempts to send messages, and messages skipped or cancelled before.",
    "outcome",
    "carrier",
    "reason",
)
HANDOFF_SECONDS = _histogram(
    "godwit_handoff_seconds",
    "The time from the start of a request to a carrier until its answer or failure.",
    ("carrier",),
    "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30",
)
SEGMENTS_GRANTED = _counter(
    "godwit_rate_granted_segments_total",
    "Segments that every rate let leave, by the carrier that they went to.",
    "carrier",
)
RATE_WAITS = _counter(
    "godwit_rate_waits_total",
    "Claims that left messages waiting for a rate or for a carrier that is down.",
    "kind",
)
WEBHOOK_DELIVERIES = _counter(
    "godwit_webhook_deliveries_total", "Calls of webhooks by their result.", "outcome"
)
# From 0 on, or Prometheus would not see the first ones as an increase.
for _outcome in ("delivered", "failed", "dead", "gone", "nothing"):
    WEBHOOK_DELIVERIES.labels(_outcome)

# --- The API --------------------------------------------------------------------------------------

HTTP_REQUESTS = _counter(
    "godwit_http_requests_total",
    "Answered requests by route and status.",
    "method",
    "route",
    "status",
)
HTTP_SECONDS = _histogram(
    "godwit_http_request_seconds",
    "The time until the answer to a request began.",
    ("route",),
    "0.005 0.025 0.1 0.3 1 3 10 60",
)
RECEIPTS = _counter(
    "godwit_receipts_total", "Delivery receipts that were stored.", "carrier", "status"
)
DELIVERY_SECONDS = _histogram(
    "godwit_delivery_seconds",
    "The time from the handoff of a message to the delivery that a receipt reports.",
    ("carrier",),
    "1 2.5 5 10 30 60 300 1800 7200 86400",
)
INBOUND_UNMATCHED = _counter(
    "godwit_inbound_unmatched_total", "Inbound texts whose numbers fit no account.", "carrier"
)
CARRIER_CALLS_UNREAD = _counter(
    "godwit_carrier_calls_unread_total",
    "Authenticated calls of carriers that are of an unknown kind.",
    "carrier",
)
RECONCILER_ACTIONS = _counter(
    "godwit_reconciler_actions_total", "What the reconciler has mended or removed.", "action"
)
RECONCILER_FAILURES = _counter(
    "godwit_reconciler_failures_total", "Steps of the reconciler that failed.", "action"
)

# --- The installation, as an API process has read it last -----------------------------------------

INSTALLATION = ReadGauges(
    {
        "godwit_part_ready": GaugeText("1 if a part of the installation is ready.", ("part",)),
        "godwit_carrier_up": GaugeText("1 if a carrier in use is up.", ("carrier",)),
        "godwit_campaigns": GaugeText("Campaigns by status.", ("status",)),
        "godwit_open_messages": GaugeText(
            "Messages of scheduled, running and paused campaigns that have no end yet.",
            ("status",),
        ),
        "godwit_oldest_due_seconds": GaugeText(
            "How long the oldest due message of a running campaign has been due."
        ),
        "godwit_workflows_missing": GaugeText(
            "Open campaigns whose workflow was lost; they are paused until a person resumes them."
        ),
        "godwit_campaigns_with_problem": GaugeText(
            "Open campaigns that something else keeps from going on."
        ),
        "godwit_ledger_drift_credits": GaugeText(
            "Credits by which the balances differ from the holds.", ("kind",)
        ),
        "godwit_webhooks": GaugeText(
            "Webhook deliveries that wait, and those that were given up.", ("status",)
        ),
        "godwit_rate_limit_segments_per_second": GaugeText(
            "The rate of a carrier, and the sums of the rates of senders and campaigns.",
            ("kind", "carrier"),
        ),
        "godwit_state_read_timestamp_seconds": GaugeText(
            "When this process last read these from the store."
        ),
    }
)
REGISTRY.register(INSTALLATION)


def exposition() -> str:
    """Every metric of this process in the text format of Prometheus."""
    return generate_latest(REGISTRY).decode()
