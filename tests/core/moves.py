"""What the moves of the state machine are made of: campaigns, accidents, rates."""

from collections.abc import Sequence
from random import Random
from typing import Any

from hypothesis import strategies as st

from campaign.credits import MessageKind
from campaign.instants import DAY, HOUR, SECOND
from campaign.model import UnknownPolicy
from tests.core.faults import Fate, StoreFault
from tests.core.worker import Accident, Freeze

numbers = st.sampled_from([f"+1415555100{digit}" for digit in range(6)])
keys = st.sampled_from([None, None, None, None, "key:1", "key:2"])
kinds = st.sampled_from([MessageKind.SMS, MessageKind.SMS, MessageKind.MMS])
which = st.integers(0, 99)
again = st.booleans()
# Whether Temporal brings an order to the workflow at once.
arrives = st.sampled_from([True, True, False])
seeds = st.integers(0, 2**32 - 1)


def several(choices: Sequence[Any], usual: int, most: int) -> st.SearchStrategy[list[Any]]:
    """Up to ``most`` of the choices in a row, the first of them ``usual`` times as often.

    Listed one by one, which shrinks well, or made from a seed, which gets around much more.
    """
    weighted = [choices[0]] * usual + list(choices)

    def made(seed: int) -> list[Any]:
        chance = Random(seed)
        return [chance.choice(weighted) for _ in range(chance.randint(1, most))]

    return st.one_of(st.lists(st.sampled_from(weighted), max_size=4), *[seeds.map(made)] * 3)


fates = several(list(Fate), usual=4, most=12)
faults = several(list(StoreFault), usual=12, most=16)
# Of a small chunk, nearly every await point; shorter than a lease, longer, and long past a resend.
freezes = st.one_of(
    st.none(),
    st.builds(Freeze, step=st.integers(1, 30), seconds=st.sampled_from([60.0, 20.0, 4.0])),
)
accidents = st.builds(Accident, fates=fates, faults=faults, freeze=freezes)
# How many further waves follow without an accident: a resend shows what a freeze has done.
rounds = st.integers(0, 3)
rates = st.sampled_from([None, 60.0, 4.0, 0.5])
drafts = st.fixed_dictionaries(
    {
        "recipients": st.lists(st.tuples(numbers, keys, kinds), min_size=1, max_size=6),
        "key": st.sampled_from([None, None, None, "batch:1"]),
        "start": st.sampled_from([0, 0, 30 * SECOND, HOUR, 3 * DAY]),
        "apart": st.sampled_from([0, 0, 5 * SECOND, 20 * SECOND]),
        "unknown_policy": st.sampled_from(UnknownPolicy),
        "exclude_opt_outs": st.sampled_from([True, True, False]),
    }
)
