"""The log lines of Temporal's Core: it is written in Rust, and writes to stderr by itself."""

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


@cache
def forward_core_logs() -> None:
    """Send Core's lines to the logger ``temporal.core``; before the first client connects.

    Called again, it changes nothing. Source: temporalio.runtime.
    """
    forwarding = LogForwardingConfig(
        logging.getLogger("temporal.core"),
        append_target_to_name=False,
        prepend_target_on_message=False,
        append_log_fields_to_message=False,
    )
    filter = TelemetryFilter(core_level="WARN", other_level="ERROR")
    logs = LoggingConfig(filter=filter, forwarding=forwarding)
    runtime = Runtime(telemetry=TelemetryConfig(logging=logs))
    Runtime.set_default(runtime, error_if_already_set=False)
    # The handler takes these as fields.
    activity.logger.activity_info_on_message = False
    workflow.logger.workflow_info_on_message = False
