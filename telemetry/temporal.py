"""The log lines and metrics of Temporal's Core: it is written in Rust, with outlets of its own."""

import logging
from functools import cache

from temporalio import activity, workflow
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from telemetry.temporal_metrics import SDK_METRICS


@cache
def forward_core_logs() -> None:
    """Send Core's lines to the logger ``temporal.core``; before the first client connects.

    Its metrics go where ``telemetry.temporal_metrics`` was set up to take them. Called again, it
    changes nothing. Source: temporalio.runtime.
    """
    forwarding = LogForwardingConfig(
        logging.getLogger("temporal.core"),
        append_target_to_name=False,
        prepend_target_on_message=False,
        append_log_fields_to_message=False,
    )
    filter = TelemetryFilter(core_level="WARN", other_level="ERROR")
    logs = LoggingConfig(filter=filter, forwarding=forwarding)
    telemetry = TelemetryConfig(logging=logs, metrics=SDK_METRICS.buffer, attach_service_name=False)
    runtime = Runtime(telemetry=telemetry)
    Runtime.set_default(runtime, error_if_already_set=False)
    # The handler takes these as fields.
    activity.logger.activity_info_on_message = False
    workflow.logger.workflow_info_on_message = False
