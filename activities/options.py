"""How each activity is called: timeouts and retries.

Temporal repeats an activity when *we* fail; it never repeats a send, because a message that the
carrier put off is data (a ``retryable`` row), not an exception.
"""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType, ActivityConfig, LocalActivityConfig

# A step within a workflow task is tried so often, for so long; then the server schedules it.
LOCAL_TRIES = 3
LOCAL_LIMIT = timedelta(seconds=10)
_UNTIL_DONE = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=30),
)


def server_step(summary: str) -> ActivityConfig:
    """A short step that the server schedules; retried until it succeeds or fails for good.

    ``summary`` labels the step in the Web UI.
    """
    return ActivityConfig(
        start_to_close_timeout=timedelta(seconds=60), retry_policy=_UNTIL_DONE, summary=summary
    )


def local_step(summary: str) -> LocalActivityConfig:
    """The same within a workflow task: bounded, because signals wait for as long as it takes."""
    return LocalActivityConfig(
        schedule_to_close_timeout=LOCAL_LIMIT,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(milliseconds=100), maximum_attempts=LOCAL_TRIES
        ),
        summary=summary,
    )


def preparing_options(summary: str) -> ActivityConfig:
    """The preparation of a large campaign: as long as it takes, watched by heartbeats.

    Each attempt goes on at the page where the last one ended.
    """
    return _watched_step(timedelta(hours=12), summary)


def webhook_delivery_options(summary: str) -> ActivityConfig:
    """A round of calls to one destination: as long as a few slow answers, watched by heartbeats.

    What a dead worker had claimed is found again at the end of its lease.
    """
    return _watched_step(timedelta(minutes=3), summary)


def _watched_step(limit: timedelta, summary: str) -> ActivityConfig:
    """A long step: heartbeats tell a dead worker within seconds, and another attempt goes on."""
    return ActivityConfig(
        start_to_close_timeout=limit,
        heartbeat_timeout=timedelta(seconds=8),
        retry_policy=_UNTIL_DONE,
        summary=summary,
    )


def sending_queue(task_queue: str) -> str:
    """The task queue of the chunks of large waves, which every worker takes from."""
    return f"{task_queue}-sending"


def send_chunk_options(summary: str, shared_on: str | None = None) -> ActivityConfig:
    """A chunk: as long as its slowest carrier needs, watched by heartbeats, asked to stop politely.

    Heartbeats tell a dead worker within seconds, and bring a running one the wish to stop. On a
    campaign's own task queue a chunk mostly stays with the worker that ran the workflow, which is
    soonest; ``shared_on`` names another one.
    """
    return ActivityConfig(
        task_queue=shared_on,
        start_to_close_timeout=timedelta(hours=12),
        heartbeat_timeout=timedelta(seconds=8),
        # Attempts that wait for a due message count too: the interval does not grow with them.
        retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=1.0),
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary,
    )
