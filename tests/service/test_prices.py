"""Prices of an installation: a dry run says what admission holds and what a report has spent."""

import pytest

from campaign.credits import MessageKind, Price
from campaign.model import Draft, DraftRecipient
from campaign.prices import PriceList, Tariff
from campaign.report import CountryTotal
from campaign.settings import Settings
from campaign.states import CampaignStatus, MessageStatus
from service.composition import CampaignComposer
from service.dry_run import dry_run
from store.accounts.accounts import AccountView
from store.campaigns.audit import audit
from store.store import Store
from tests.store.builders import NOW, SENDER, StoreBuilder, outcome

SMS = MessageKind.SMS
PRICES = PriceList(
    countries={
        ("US", SMS): Tariff(Price(sms=1), Price(sms=2)),
        ("AU", SMS): Tariff(Price(sms=0, mms=3)),
    }
)
LONG = "x" * 200


@pytest.fixture
def builder(store: Store, account: AccountView) -> StoreBuilder:
    """The account's campaigns, made and moved in few words."""
    return StoreBuilder(store, account.id)


def test_a_dry_run_a_hold_and_a_report_have_the_same_credits_and_a_new_file_changes_none(
    builder: StoreBuilder,
) -> None:
    store = builder.store
    recipients = [
        DraftRecipient("+14155551001", text="short", sender=SENDER),
        DraftRecipient("+14155551003", text=LONG, sender=SENDER),
        DraftRecipient("+61491570156", text=LONG, sender=SENDER),
        DraftRecipient("+447911123456", text=LONG, sender=SENDER),
    ]
    draft = Draft(account_id=builder.account_id, dialect="native", recipients=recipients)
    settings = Settings(prices_file=PRICES)
    composed = CampaignComposer(store, settings).compose(draft)
    preview = dry_run(store, composed)
    assert preview.price == Price(sms=3 + 5 + 0 + 2, mms=3) and preview.refusals == ()
    by_country = [
        CountryTotal("US", 2, 3, Price(sms=8)),
        CountryTotal("AU", 1, 2, Price(mms=3)),
        CountryTotal("GG", 1, 2, Price(sms=2)),
    ]
    assert preview.countries == by_country
    campaign = "cmp_priced"
    assert store.campaigns.save(composed, campaign).created
    assert store.admissions.hold(campaign, NOW) is None
    assert store.campaigns.report(campaign).held == preview.price
    for status in (CampaignStatus.SCHEDULED, CampaignStatus.RUNNING):
        store.campaigns.set_status(campaign, status, NOW)
    # Workers read no file: the rows have their prices.
    later = composed.received_at
    claimed = builder.flush_and_claim(campaign, now=later).claimed
    outcomes = [outcome(one.position, attempt=one.attempt, at=later) for one in claimed]
    outcomes[0] = outcome(0, MessageStatus.FAILED, at=later, code="unavailable")
    builder.write(campaign, *outcomes)
    store.admissions.settle(campaign, CampaignStatus.FINISHED_WITH_FAILURES, later)
    report = store.campaigns.report(campaign)
    assert (report.posted, report.voided) == (Price(sms=7, mms=3), Price(sms=3))
    assert store.retrying.retry(campaign, later).messages == 1
    builder.send(campaign, later)
    store.admissions.settle(campaign, CampaignStatus.FINISHED, later)
    report = store.campaigns.report(campaign)
    assert report.posted == preview.price and list(report.countries) == by_country
    assert audit(store.database).findings == ()
