"""What a carrier may have accepted without the store's knowledge comes with the claim."""

from campaign.handoffs import EarlierTry
from campaign.instants import SECOND
from campaign.retry import NOT_ACCEPTED
from campaign.settings import Settings
from campaign.states import MessageStatus
from store.campaigns.restores import mark_restored
from store.store import open_store
from tests.store.builders import NOW, StoreBuilder, outcome


def test_a_first_try_of_a_store_that_was_not_restored_has_none(builder: StoreBuilder) -> None:
    claimed = builder.flush_and_claim(builder.admit(2)).claimed
    assert [handoff.earlier for handoff in claimed] == [(), ()]


def test_a_try_that_a_carrier_denied_comes_with_the_next_claim(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    (first,) = builder.flush_and_claim(campaign).claimed
    later = NOW + SECOND
    denied = outcome(
        0, status=MessageStatus.RETRYABLE, code=NOT_ACCEPTED, due_at=later, attempt=first.attempt
    )
    builder.write(campaign, denied)
    (again,) = builder.flush_and_claim(campaign, now=later).claimed
    assert again.earlier == (EarlierTry(first.carrier, NOW),)


def test_every_message_of_a_restored_store_is_looked_up_at_every_carrier(
    builder: StoreBuilder, any_settings: Settings
) -> None:
    before, ended = builder.admit(2), builder.admit(1)
    database = builder.store.database
    assert mark_restored(database, NOW) == 2
    assert mark_restored(database, NOW) == 0
    after = builder.admit(1)
    # Workers do not run meanwhile: one that starts afterwards has nothing in memory.
    settings = any_settings.model_copy(update={"carrier": "pretend,twilio"})
    store = open_store(settings)
    try:
        tries = (EarlierTry("pretend", NOW), EarlierTry("twilio", NOW))
        for campaign in (before, ended):
            claimed = builder.flush_and_claim(campaign, store=store).claimed
            assert {handoff.earlier for handoff in claimed} == {tries}
        assert builder.flush_and_claim(after, store=store).claimed[0].earlier == ()
    finally:
        store.close()
