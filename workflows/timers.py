"""Waits that a pause, a cancellation or a changed plan can end early."""

from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow

from campaign.instants import SECOND, Instant, instant_of


def now() -> Instant:
    """The workflow's present instant (the same again on replay)."""
    return instant_of(workflow.now())


async def wait_until(due_at: Instant, held: Callable[[], bool], summary: str) -> bool:
    """Wait until ``due_at`` on a durable timer, unless ``held`` becomes true before.

    Returns True when the instant was reached, False when the wait was cut short. ``summary``
    labels the timer in the Web UI.
    """
    wait = due_at - now()
    if held():
        return False
    if wait <= 0:
        return True
    try:
        await workflow.wait_condition(
            held, timeout=timedelta(milliseconds=wait), timeout_summary=summary
        )
    except TimeoutError:
        return True
    return False


async def wait_for(seconds: float, held: Callable[[], bool], summary: str) -> None:
    """Wait so many seconds, or until ``held``."""
    await wait_until(now() + round(seconds * SECOND), held, summary)
