"""Never lose, never double, never miscount: the core simulated with three natures of carrier.

Deterministic as it is; with GODWIT_EXAMPLES=5000 it looks for new trouble, at random.
"""

import os

from hypothesis import HealthCheck, settings

from campaign.handoffs import Repeats
from tests.core.machine import CoreMachine

EXAMPLES = int(os.environ.get("GODWIT_EXAMPLES", "0"))
PROFILE = settings(
    max_examples=EXAMPLES or 25,
    stateful_step_count=40,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


class DedupMachine(CoreMachine):
    """The carrier answers the first acceptance again."""

    repeats = Repeats.DEDUP


class LookupMachine(CoreMachine):
    """The carrier accepts again, but can be asked first."""

    repeats = Repeats.LOOKUP


class NoneMachine(CoreMachine):
    """The carrier accepts again and cannot be asked."""

    repeats = Repeats.NONE


TestDedup = DedupMachine.TestCase
TestLookup = LookupMachine.TestCase
TestNone = NoneMachine.TestCase
TestDedup.settings = TestLookup.settings = TestNone.settings = PROFILE
