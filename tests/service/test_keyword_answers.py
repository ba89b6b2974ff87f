"""A HELP and a STOP are answered on their whole way, from the number that was written to."""

import asyncio

from campaign.credits import CreditKind
from campaign.instants import SECOND, iso
from campaign.keywords import KeywordSettings
from tests.conftest import LONG_CODE, Story
from tests.dialects.fonedynamics.test_replies import at_work
from tests.serving import Api

WAIT_SECONDS = 60.0
WRITER = "+14155550177"


async def text_in(api: Api, body: str, at: int) -> None:
    """A person writes, and the carrier brings it twice."""
    sent = {"from": WRITER, "to": LONG_CODE, "body": body, "at": iso(at)}
    for _ in range(2):
        answer = await api.http.post("/carriers/pretend/inbound", json=sent)
        assert answer.status_code == 202, answer.text


async def answers(story: Story, count: int) -> list[str]:
    """Wait until so many texts to the writer were taken by the carrier; what they said."""
    async with asyncio.timeout(WAIT_SECONDS):
        while len(found := [row for row in story.carrier.log if row["to"] == WRITER]) < count:
            await asyncio.sleep(0.05)
    assert {row["from"] for row in found} == {LONG_CODE}
    messages = [
        story.store.replies.message(story.account.id, str(row["reference"])) for row in found
    ]
    return [one.message.text for one in messages if one is not None]


async def test_help_is_answered_and_a_stop_confirmed_free_of_charge(real_story: Story) -> None:
    store, account = real_story.store, real_story.account
    store.keywords.set(account.id, KeywordSettings(stop_reply="You get no more texts."))
    async with at_work(real_story) as client:
        now = await real_story.now()
        await text_in(client.api, "Help please", now - 3 * SECOND)
        texts = await answers(real_story, 1)
        assert texts[0].startswith("tester: reply STOP")
        await text_in(client.api, "please stop texting me", now - 2 * SECOND)
        texts = await answers(real_story, 2)
        assert texts[1] == "You get no more texts."
        # After the STOP there is nothing more to say.
        await text_in(client.api, "HELP", now - SECOND)
        await text_in(client.api, "STOP", now)
        await asyncio.sleep(1)
        assert len(await answers(real_story, 2)) == 2
        for view in store.campaigns.list(account.id):
            await client.api.finished(view.id)
    shown = store.accounts.show(account.id)
    assert shown is not None
    before, after = account.balances[CreditKind.SMS], shown.balances[CreditKind.SMS]
    assert (after.available, after.held) == (before.available, 0)
    assert after.posted == 4
