"""Faults of ours end a step at once; only what may pass is retried.

A broken invariant, an unknown enum or a missing row fails again however often it is repeated. It
becomes a non-retryable error that the workflow sees and the campaign shows (``needs_help``). Its
text stays in this process: it may quote a number or a text, and errors travel through Temporal.
"""

import logging
import traceback
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from campaign.failures import BrokenInvariant

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

logger = logging.getLogger(__name__)


def fault_in(error: BaseException) -> BaseException | None:
    """The fault of ours that an error is, or that a group of errors holds; None if none."""
    if isinstance(error, BaseExceptionGroup):
        found = (fault_in(each) for each in error.exceptions)
        return next((fault for fault in found if fault is not None), None)
    names = {kind.__name__ for kind in type(error).__mro__}
    return error if isinstance(error, _FAULTS) or names & _FAULT_NAMES else None


class FaultInterceptor(Interceptor):
    """Turns faults of ours into non-retryable errors, in every activity of a worker."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See :class:`temporalio.worker.Interceptor`."""
        return _Inbound(next)


class _Inbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except Exception as error:
            fault = fault_in(error)
            # A worker that shuts down breaks what is under way in many ways.
            if fault is None or activity.is_worker_shutdown():
                raise
            kind = type(fault).__name__
            where = "".join(traceback.format_tb(fault.__traceback__))
            logger.error("%s failed with %s\n%s", activity.info().activity_type, kind, where)
        raise ApplicationError(kind, type=kind, non_retryable=True)
