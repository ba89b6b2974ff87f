"""A retry with another text: validated and priced as a new one; the old one stays with attempts."""

from typing import Any, cast

import pytest

from campaign.credits import MessageKind, Price
from campaign.model import Draft, DraftRecipient
from campaign.prices import PriceList, Tariff
from campaign.refusals import RefusalCode, Refused
from campaign.retry import RetrySelection
from campaign.settings import Settings
from campaign.states import CampaignStatus, MessageStatus
from campaign.views import CampaignView
from service.composition import CampaignComposer
from service.orders import StateConflict
from service.retries import Retries
from store.accounts.accounts import AccountView
from store.campaigns import retry as store_retry
from store.campaigns.audit import audit
from store.store import Store
from tests.store.builders import GRANTED, NOW, SENDER, StoreBuilder, outcome

CAMPAIGN = "cmp_retried"
NAMES = ("Ann", "Bo", "Cy")
PRICES = PriceList(countries={("US", MessageKind.SMS): Tariff(Price(), Price(sms=3))})
NEW = "Dear {{NAME}}, " + "x" * 200


class Lost:
    """Starts no workflow."""

    async def start_retried(self, campaign_id: str) -> None:
        """Do nothing."""


@pytest.fixture
def builder(store: Store, account: AccountView) -> StoreBuilder:
    """The account's campaigns, made and moved in few words."""
    return StoreBuilder(store, account.id)


@pytest.fixture
def retries(builder: StoreBuilder) -> Retries:
    """A campaign to three people that ended: the first got it, the others were refused."""
    store = builder.store
    composer = CampaignComposer(store, Settings(prices_file=PRICES))
    recipients = [
        DraftRecipient(f"+1415555100{number}", fields={"name": name}, sender=SENDER)
        for number, name in enumerate(NAMES)
    ]
    draft = Draft(builder.account_id, "native", recipients, text="Hi {{NAME}}")
    composed = composer.compose(draft)
    now = composed.received_at
    assert store.campaigns.save(composed, CAMPAIGN).created
    assert store.admissions.hold(CAMPAIGN, now) is None
    for status in (CampaignStatus.SCHEDULED, CampaignStatus.RUNNING):
        store.campaigns.set_status(CAMPAIGN, status, now)
    builder.flush_and_claim(CAMPAIGN, now=now)
    failed = [outcome(each, MessageStatus.FAILED, at=now, code="blocked") for each in (1, 2)]
    builder.write(CAMPAIGN, outcome(0, at=now), *failed)
    store.admissions.settle(CAMPAIGN, CampaignStatus.FINISHED_WITH_FAILURES, now)
    return Retries(store, cast(Any, Lost()), composer)


def view(builder: StoreBuilder) -> CampaignView:
    found = builder.store.campaigns.get(CAMPAIGN)
    assert found is not None
    return found


def texts(builder: StoreBuilder) -> list[str]:
    return [message.text for message in builder.store.campaigns.messages(CAMPAIGN)]


def wanted(text: str) -> RetrySelection:
    return RetrySelection(reasons=("blocked",), text=text)


async def test_a_new_text_is_filled_priced_and_sent_and_the_old_one_stays_with_its_attempts(
    builder: StoreBuilder, retries: Retries
) -> None:
    assert builder.money() == (GRANTED - 3, 0, 3)
    assert await retries.retry(view(builder), wanted(NEW)) == 2
    new = ["Dear Bo, " + "x" * 200, "Dear Cy, " + "x" * 200]
    assert texts(builder) == ["Hi Ann", *new]
    assert builder.money() == (GRANTED - 15, 12, 3)
    later = view(builder).created_at + 60_000
    builder.send(CAMPAIGN, later)
    builder.store.admissions.settle(CAMPAIGN, CampaignStatus.FINISHED, later)
    assert builder.money() == (GRANTED - 15, 0, 15)
    (story,) = builder.store.attempts.stories(CAMPAIGN, "+14155551001")
    assert [attempt.text for attempt in story.attempts] == ["Hi Bo", new[0]]
    assert audit(builder.store.database).findings == ()
    # An erasure and the end of the time for texts take the old ones, too.
    builder.store.eraser.erase(builder.account_id, "+14155551001", later)
    left = "SELECT count(*) FROM attempt WHERE text IS NOT NULL"
    assert builder.value(left) == 1
    while builder.store.retention.remove_texts(later + 1, later + 2, 1):
        pass
    assert builder.value(left) == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", RefusalCode.CONTENT_MISSING),
        ("Dear {{SIZE}}", RefusalCode.FIELDS_MISSING),
        ("Dear {{NAME", RefusalCode.FIELD_INVALID),
        ("x" * 1_601, RefusalCode.CONTENT_TOO_LONG),
        ("Buy cannabis here", RefusalCode.CONTENT_NOT_COMPLIANT),
    ],
)
async def test_a_wrong_text_is_refused_at_its_place_and_changes_nothing(
    builder: StoreBuilder, retries: Retries, text: str, code: RefusalCode
) -> None:
    with pytest.raises(Refused) as caught:
        await retries.retry(view(builder), wanted(text))
    assert {(each.code, each.place) for each in caught.value.refusals} == {(code, "text")}
    assert builder.statuses(CAMPAIGN) == ["sent", "failed", "failed"]
    assert texts(builder) == ["Hi Ann", "Hi Bo", "Hi Cy"]


async def test_a_retry_that_dies_in_the_middle_changed_nothing_and_can_be_repeated(
    builder: StoreBuilder, retries: Retries, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise RuntimeError("died")

    before = builder.store.campaigns.messages(CAMPAIGN), view(builder)
    with monkeypatch.context() as patched:
        patched.setattr(store_retry, "_hold_credits", die)
        with pytest.raises(RuntimeError, match="died"):
            await retries.retry(view(builder), wanted(NEW))
    assert (builder.store.campaigns.messages(CAMPAIGN), view(builder)) == before
    assert builder.value("SELECT count(*) FROM attempt WHERE text IS NOT NULL") == 0
    assert await retries.retry(view(builder), wanted(NEW)) == 2
    assert await retries.retry(view(builder), wanted(NEW)) == 0
    assert audit(builder.store.database).findings == ()


async def test_more_than_the_campaign_may_cost_is_refused(
    builder: StoreBuilder, retries: Retries
) -> None:
    builder.execute("UPDATE campaign SET credits_max_sms = 9")
    with pytest.raises(Refused) as caught:
        await retries.retry(view(builder), wanted(NEW))
    assert caught.value.refusals[0].code is RefusalCode.CREDITS_MAX_EXCEEDED
    assert builder.money() == (GRANTED - 3, 0, 3)
    assert await retries.retry(view(builder), wanted("Hello")) == 2


async def test_a_campaign_from_before_templates_and_one_without_a_match_say_so(
    builder: StoreBuilder, retries: Retries
) -> None:
    with pytest.raises(StateConflict) as caught:
        await retries.retry(view(builder), RetrySelection(countries=("FR",), text=NEW))
    assert caught.value.code == "nothing_failed"
    builder.execute("UPDATE campaign SET template = NULL")
    with pytest.raises(StateConflict) as caught:
        await retries.retry(view(builder), wanted(NEW))
    assert caught.value.code == "text_not_editable"
    assert NOW and builder.statuses(CAMPAIGN) == ["sent", "failed", "failed"]
