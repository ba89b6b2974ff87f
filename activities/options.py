"""How each activity is called: deadlines and retries.

Temporal repeats an activity when we stumble; it never repeats a send, because a message that
the carrier put off is data (a ``retryable`` row), not an exception.
"""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType, ActivityConfig, LocalActivityConfig

LOCAL_TRIES = 3
_PATIENT = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=30),
)


def bookkeeping(summary: str) -> ActivityConfig:
    """A step in the books: short, and repeated until it succeeds, since nothing else can go on.

    ``summary`` labels the step in the Web UI.
    """
    return ActivityConfig(
        start_to_close_timeout=timedelta(seconds=60), retry_policy=_PATIENT, summary=summary
    )


def bookkeeping_here(summary: str) -> LocalActivityConfig:
    """The same within a workflow task, tried a few times at once, since each wait is history."""
    return LocalActivityConfig(
        start_to_close_timeout=timedelta(seconds=30),
        retry_policy=RetryPolicy(
            initial_interval=timedelta(milliseconds=100), maximum_attempts=LOCAL_TRIES
        ),
        summary=summary,
    )


def webhook_delivery_options(summary: str) -> ActivityConfig:
    """A round of calls to one destination: as long as a few slow answers, watched by heartbeats.

    What a dead worker had claimed is found again at the end of its lease.
    """
    return ActivityConfig(
        start_to_close_timeout=timedelta(minutes=3),
        heartbeat_timeout=timedelta(seconds=8),
        retry_policy=_PATIENT,
        summary=summary,
    )


def sending_queue(task_queue: str) -> str:
    """The task queue of the chunks of large waves, which every worker takes from."""
    return f"{task_queue}-sending"


def handing_over(summary: str, shared_on: str | None = None) -> ActivityConfig:
    """A chunk: as long as its slowest carrier needs, watched by heartbeats, asked to stop politely.

    Heartbeats tell a dead worker within seconds, and bring a running one the wish to stop. On a
    campaign's own task queue a chunk mostly stays with the worker that ran the workflow, which is
    soonest; ``shared_on`` names another one.
    """
    return ActivityConfig(
        task_queue=shared_on,
        start_to_close_timeout=timedelta(hours=12),
        heartbeat_timeout=timedelta(seconds=8),
        retry_policy=RetryPolicy(
            initial_interval=timedelta(seconds=1),
            backoff_coefficient=2.0,
            maximum_interval=timedelta(seconds=10),
        ),
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary,
    )
