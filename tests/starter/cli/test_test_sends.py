"""``godwit send --test-to`` and ``--credits-max``."""

import pytest

from campaign.instants import DAY, iso
from store.clock import wall_clock
from tests.conftest import Story
from tests.starter.cli.conftest import CommandLine
from tests.starter.cli.test_orders import story

__all__ = ["story"]

PEOPLE = "to,text\n+14155551000,Hi Alice\n+14155551001,Hi Bob\n"
OWN = "+14155559999"


@pytest.mark.one_store
async def test_a_test_goes_to_ones_own_number_and_the_campaign_can_follow(
    godwit: CommandLine, story: Story
) -> None:
    file = godwit.file("people.csv", PEOPLE)
    later = iso(wall_clock() + DAY)
    tested = await godwit.beside("send", file, "--test-to", OWN, "--start", later, "--wait")
    assert tested.code == 0, tested.err
    assert [row["to"] for row in story.carrier.log] == [OWN]
    dear = await godwit.beside("send", file, "--credits-max", "sms=3,mms=0")
    assert dear.code == 1 and "would cost 4 SMS credits, more than 3" in dear.err
    sent = await godwit.beside("send", file, "--credits-max", "4", "--wait")
    assert sent.code == 0, sent.err
    assert [row["to"] for row in story.carrier.log][1:] == ["+14155551000", "+14155551001"]


@pytest.mark.parametrize("written", ["", "many", "-1", "gold=1", "sms=1,sms=2", "1.5"])
def test_credits_that_are_none_are_a_usage_error(godwit: CommandLine, written: str) -> None:
    file = godwit.file("people.csv", PEOPLE)
    result = godwit("send", file, "--credits-max", written, "--dry-run")
    assert result.code == 2 and "Traceback" not in result.err


def test_a_test_number_that_is_none_is_a_usage_error(godwit: CommandLine) -> None:
    file = godwit.file("people.csv", PEOPLE)
    assert godwit("send", file, "--test-to", "12").code == 2
    many = [word for _ in range(11) for word in ("--test-to", OWN)]
    assert godwit("send", file, *many).code == 2
