"""Traces through Temporal: from a client's call into the workflow, and from there into activities.

``temporalio.contrib.opentelemetry`` carries the context in headers, which make no command, so
histories replay with traces and without. Its own spans are left out: they quote the texts of
exceptions, and there are two for each activity.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode, use_span
from temporalio import activity, client, workflow
from temporalio.contrib.opentelemetry import OpenTelemetryPlugin
from temporalio.exceptions import ApplicationError
from temporalio.plugin import SimplePlugin
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    ExecuteWorkflowInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from telemetry.tracing import Value
from telemetry.tracing_spans import TRACER, Spans, is_sampled


def make_plugins(spans: Spans) -> Sequence[client.Plugin]:
    """Make the plugins of a client, and so of each worker that is made with it.

    The first carries the context, and the second makes the spans inside it.
    """
    return (
        OpenTelemetryPlugin(),
        SimplePlugin("godwit.traces", interceptors=[_SpanInterceptor(spans)]),
    )


class _SpanInterceptor(client.Interceptor, Interceptor):
    """Makes one span for each run of a workflow, and one for each attempt at an activity.

    As an interceptor of the client it comes before those of a worker, so that what they log is
    linked to its spans.
    """

    def __init__(self, spans: Spans) -> None:
        self._spans = spans

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See :class:`temporalio.worker.Interceptor`."""
        return _Activity(next, self._spans)

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        """See :class:`temporalio.worker.Interceptor`."""
        return _Workflow


class _Activity(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, spans: Spans) -> None:
        super().__init__(next)
        self._spans = spans

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        attributes: dict[str, Value] = {
            **_ids(info.workflow_id or "", info.workflow_run_id or ""),
            "activity": info.activity_type,
            "attempt": info.attempt,
            "task_queue": info.task_queue,
        }
        with self._spans.activity(info.activity_type, info.attempt, attributes) as span:
            try:
                return await super().execute_activity(input)
            except ApplicationError as error:
                span.set(error=error.type)
                raise


class _Workflow(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        """Run the workflow inside a span that a replay makes again, under the same id.

        Only a run that ends has its span exported; one that is evicted from the cache does not end.
        """
        if not is_sampled(trace.get_current_span().get_span_context()):
            return await super().execute_workflow(input)
        info = workflow.info()
        span = trace.get_tracer(TRACER).start_span(
            f"workflow {info.workflow_type}",
            kind=SpanKind.INTERNAL,
            attributes=_ids(info.workflow_id, info.run_id),
        )
        with use_span(span, record_exception=False, set_status_on_exception=False):
            try:
                result = await super().execute_workflow(input)
            except workflow.ContinueAsNewError:
                span.end()
                raise
            except asyncio.CancelledError:
                if workflow.cancellation_reason() is not None:
                    span.end()
                raise
            except Exception as error:
                span.set_attributes({"error": type(error).__name__})
                span.set_status(Status(StatusCode.ERROR))
                if workflow.is_failure_exception(error):
                    span.end()
                raise
            span.end()
            return result


def _ids(workflow_id: str, run_id: str) -> dict[str, str]:
    return {"workflow_id": workflow_id, "run_id": run_id}
