"""Steps of a campaign: activities within the workflow task, or ones that the server schedules."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, get_type_hints

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)
from temporalio.workflow import ActivityConfig

from activities.old_names import OLD_NAMES
from activities.options import local_step, server_step

In = TypeVar("In")
Out = TypeVar("Out")

# The patch since which a look at the store that takes long ends with its use.
END_LOOKS = "end-looks"

# Up to revision 1 a campaign is admitted in three steps, and steps have their old names. Since
# revision 3 its last chunk counts what was sent and waits for quick receipts.
SERVER_STEPS, LOCAL_STEPS, NAMED_STEPS, LAST_CHUNKS = 0, 1, 2, 3


class _NotHere(Exception):
    """A step is not to run within the workflow task, or did not succeed there."""


class Steps:
    """Runs one campaign's steps as its revision says, and asks for help with one that fails.

    ``ask_for_help`` gets the step's name and the kind of the error; when it returns, the step is
    tried again.
    """

    def __init__(self, revision: int, ask_for_help: Callable[[str, str], Awaitable[None]]) -> None:
        self._revision = revision
        self._ask_for_help = ask_for_help

    async def run(self, step: Callable[[Any, In], Out], input: In, summary: str) -> Out:
        """Run a step that answers the same when it is run again, whatever happened meanwhile.

        Such a step is a local activity: it costs Temporal no task of its own. What it answered is
        written with the whole workflow task, so after a crash it runs again, beside signals and
        updates that it did not meet before. If it fails or takes long, because the store is away
        say, the server schedules it, which retries without growing the history. ``summary`` is
        its label in the Web UI.
        """
        try:
            return await self._try_here(step, input, summary)
        except _NotHere:
            return await self.run_in_order(step, input, summary)

    async def look(
        self,
        step: Callable[[Any, In], Out],
        input: In,
        summary: str,
        is_over: Callable[[], bool],
    ) -> Out | None:
        """Run a step that only reads, like ``run``; None when ``is_over`` before it has answered.

        Within the workflow task it takes ten seconds at the most; after that it is left at once, so
        that a slow store holds no order back.
        """
        try:
            return await self._try_here(step, input, summary)
        except _NotHere:
            if self._revision < NAMED_STEPS or not workflow.patched(END_LOOKS):
                return await self.run_in_order(step, input, summary)
        asked = asyncio.ensure_future(self.run_in_order(step, input, summary))
        await workflow.wait_condition(lambda: asked.done() or is_over())
        if asked.done():
            return await asked
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        return None

    async def run_in_order(
        self,
        step: Callable[[Any, In], Out],
        input: In,
        summary: str,
        options: Callable[[str], ActivityConfig] = server_step,
    ) -> Out:
        """Run a step whose place among the others matters: the server writes it down before."""
        while True:
            try:
                if self._revision >= NAMED_STEPS:
                    return await workflow.execute_activity_method(step, input, **options(summary))
                result: Out = await workflow.execute_activity(
                    _old_name(step), input, result_type=_result_of(step), **server_step(summary)
                )
                return result
            except ActivityError as failure:
                if is_cancelled_exception(failure):
                    raise
                await self._ask_for_help(step.__name__, kind_of(failure))

    async def _try_here(self, step: Callable[[Any, In], Out], input: In, summary: str) -> Out:
        """Run a step within the workflow task; raises _NotHere when the server has to run it."""
        if self._revision < LOCAL_STEPS:
            raise _NotHere
        try:
            return await self._run_here(step, input, summary)
        except FailureError as failure:
            if is_cancelled_exception(failure):
                raise
            if _is_fault(failure):
                await self._ask_for_help(step.__name__, kind_of(failure))
            else:
                workflow.logger.warning("the server schedules a step: %s", step.__name__)
        raise _NotHere

    async def _run_here(self, step: Callable[[Any, In], Out], input: In, summary: str) -> Out:
        if self._revision >= NAMED_STEPS:
            return await workflow.execute_local_activity_method(step, input, **local_step(summary))
        result: Out = await workflow.execute_local_activity(
            _old_name(step), input, result_type=_result_of(step), **local_step(summary)
        )
        return result


def _is_fault(failure: BaseException | None) -> bool:
    error = _application_error(failure)
    return error is not None and error.non_retryable


def kind_of(failure: BaseException) -> str:
    """The kind of error behind a failed activity, as a word without values."""
    error = _application_error(failure)
    return (error and error.type) or type(failure.__cause__ or failure).__name__


def _application_error(failure: BaseException | None) -> ApplicationError | None:
    """The error that an activity raised; a local activity may fail with it alone."""
    while failure is not None and not isinstance(failure, ApplicationError):
        failure = failure.__cause__
    return failure


def _old_name(step: Callable[..., Any]) -> str:
    return OLD_NAMES.get(step.__name__, step.__name__)


def _result_of(step: Callable[..., Any]) -> Any:
    return get_type_hints(step)["return"]
