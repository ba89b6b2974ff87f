"""The carrier of the sandbox: no address, no memory, and the pretend carrier's behaviours."""

import pytest

from activities.carriers import Carriers
from campaign.failures import (
    CarrierFailure,
    DoubtfulHandoff,
    PermanentFailure,
    TemporaryFailure,
)
from campaign.handoffs import Acceptance, Handoff, Repeats
from campaign.routing import SANDBOX
from carriers import CARRIERS
from carriers.sandbox import SandboxCarrier


class Real:
    """A carrier that notes what reaches it."""

    name = "real"
    repeats = Repeats.NONE

    def __init__(self) -> None:
        self.reached: list[Handoff] = []

    async def send(self, handoff: Handoff) -> Acceptance:
        """See :class:`campaign.handoffs.Carrier`."""
        self.reached.append(handoff)
        return Acceptance("real-1")

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """See :class:`campaign.handoffs.Carrier`."""
        return None

    async def close(self) -> None:
        """See :class:`campaign.handoffs.Carrier`."""


def handoff(to: str = "+14155550100", attempt: int = 1, **members: object) -> Handoff:
    """A handoff to a number."""
    return Handoff(0, attempt, "msg_1", "SHOP", to, "Hello", None, 1, **members)  # type: ignore[arg-type]


@pytest.mark.parametrize("named", ["real", "", "gone", SANDBOX])
async def test_the_mark_decides_whatever_carrier_a_handoff_names(named: str) -> None:
    real = Real()
    carriers = Carriers([real], SandboxCarrier(0.01))
    accepted = await carriers.send(handoff(carrier=named, sandbox=True))
    assert accepted.carrier_id == "sandbox-msg_1" and real.reached == []
    with pytest.raises(TemporaryFailure):
        await Carriers([real]).send(handoff(carrier=named, sandbox=True))
    assert real.reached == []


async def test_no_live_message_is_only_pretended_to_be_sent() -> None:
    real = Real()
    with pytest.raises(TemporaryFailure):
        await Carriers([real], SandboxCarrier(0.01)).send(handoff(carrier=SANDBOX))
    assert SANDBOX not in CARRIERS


@pytest.mark.parametrize(
    ("digits", "first", "second", "is_found"),
    [
        ("0001", PermanentFailure, PermanentFailure, False),
        ("0002", TemporaryFailure, None, False),
        ("0003", DoubtfulHandoff, DoubtfulHandoff, True),
        ("0004", DoubtfulHandoff, DoubtfulHandoff, True),
        ("0005", TemporaryFailure, None, False),
        ("0006", None, None, True),
        ("0007", None, None, True),
        ("0100", None, None, True),
    ],
)
async def test_fictional_numbers_select_the_same_behaviours(
    digits: str,
    first: type[CarrierFailure] | None,
    second: type[CarrierFailure] | None,
    is_found: bool,
) -> None:
    carrier = SandboxCarrier(0.01)
    for attempt, expected in ((1, first), (2, second)):
        one = handoff(f"+1415555{digits}", attempt)
        if expected is None:
            assert (await carrier.send(one)).carrier_id == "sandbox-msg_1"
        else:
            with pytest.raises(expected):
                await carrier.send(one)
    found = await carrier.look_up(handoff(f"+1415555{digits}"))
    assert (found is not None) == is_found


async def test_nothing_starts_after_the_lease() -> None:
    with pytest.raises(TemporaryFailure):
        await SandboxCarrier(0.01).send(handoff(may_start=lambda: False))
