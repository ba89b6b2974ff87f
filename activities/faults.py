"""Faults of ours end a step at once; only what may pass is retried.

A broken invariant, an unknown enum or a missing row fails again however often it is repeated. It
becomes a non-retryable error that the workflow sees and the campaign shows (``needs_help``).

Of any error only the type and the code travel through Temporal: its text may quote a number or a
message, and histories are kept for a week.
"""

from collections.abc import Mapping
from concurrent.futures import BrokenExecutor
from typing import Any

from structlog.contextvars import bound_contextvars
from temporalio import activity
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from campaign.failures import BrokenInvariant
from telemetry.exceptions import code_of
from telemetry.logs import get_logger

_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BrokenInvariant,
    LookupError,
    NameError,
    TypeError,
    ValueError,
)
# Errors of the database library, which this package does not load.
_FAULT_NAMES = frozenset(
    {"DataError", "IntegrityError", "MultipleResultsFound", "NoResultFound", "ProgrammingError"}
)

log = get_logger("godwit.activities")

# What an activity runs for, by the beginning of its workflow's id.
SUBJECTS = {"campaign:": "campaign", "courier:": "destination"}


def fault_in(error: BaseException) -> BaseException | None:
    """The fault of ours that an error is, or that a group of errors holds; None if none."""
    if isinstance(error, BaseExceptionGroup):
        found = (fault_in(each) for each in error.exceptions)
        return next((fault for fault in found if fault is not None), None)
    names = {kind.__name__ for kind in type(error).__mro__}
    return error if isinstance(error, _FAULTS) or names & _FAULT_NAMES else None


class FaultInterceptor(Interceptor):
    """Takes the text from every error of an activity, and makes faults of ours non-retryable."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See :class:`temporalio.worker.Interceptor`."""
        return _Inbound(next)


class _Inbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        with bound_contextvars(**_ids()):
            try:
                return await super().execute_activity(input)
            except (FailureError, BrokenExecutor):
                # Made for Temporal; and a broken executor ends the worker.
                raise
            except Exception as error:
                log.error("an activity failed", exc_info=error)
                failure = _failure_of(error)
            # Outside of the handler, or Python would attach the error as its context.
            raise failure


def _ids() -> Mapping[str, Any]:
    info = activity.info()
    ids: dict[str, Any] = {"activity": info.activity_type, "attempt": info.attempt}
    for start, subject in SUBJECTS.items():
        if (workflow_id := info.workflow_id or "").startswith(start):
            ids[subject] = workflow_id.removeprefix(start)
    return ids


def _failure_of(error: Exception) -> ApplicationError:
    fault = fault_in(error)
    # A worker that shuts down breaks what is under way in many ways.
    if fault is not None and not activity.is_worker_shutdown():
        kind = type(fault).__name__
        return ApplicationError(kind, type=kind, non_retryable=True)
    kind, code = type(error).__name__, code_of(error)
    return ApplicationError(f"{kind}: {code}" if code else kind, type=kind)
