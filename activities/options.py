"""How each activity is called: deadlines and retries.

Temporal repeats an activity when we stumble; it never repeats a send, because a message that
the carrier put off is data (a ``retryable`` row), not an exception.
"""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType, ActivityConfig

_PATIENT = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=30),
)

# A step in the books: short, repeated until it succeeds, since nothing else can go on.
BOOKKEEPING = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=60),
    retry_policy=_PATIENT,
)

# A chunk: as long as its slowest carrier needs, watched by heartbeats, asked to stop politely.
HANDING_OVER = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=30),
    heartbeat_timeout=timedelta(seconds=8),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(seconds=10),
    ),
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
