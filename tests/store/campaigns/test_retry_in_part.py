"""A retry in part: by reason, country and carrier; the rest stays, and the books balance."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaign.instants import HOUR
from campaign.refusals import Refused
from campaign.retry import UNKNOWN_COUNTRY, RetrySelection
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from store.campaigns.retry import Retried, RetryAnswer
from store.store import Store
from tests.store.builders import GRANTED, NOW, SENDER, StoreBuilder, outcome
from tests.store.racing import race

LATER = NOW + HOUR
FAILED, SENT = MessageStatus.FAILED, MessageStatus.SENT
COUNTRIES = ("US", "GB", None)
CODES = ("unavailable", "timeout", "blocked", None)
COUNTRY = "UPDATE message SET country = :country WHERE campaign_id = :id AND position = :position"
PRICE = "UPDATE message SET credits_sms = :sms, credits_mms = 0 WHERE campaign_id = :id"


def ended(
    builder: StoreBuilder,
    codes: list[str | None],
    countries: tuple[str | None, ...] = (),
    price: int | None = None,
    **members: Any,
) -> str:
    """A campaign that is over; each message failed with its code, or was sent for want of one."""
    campaign = builder.save(len(codes), **members)
    for position, country in enumerate(countries):
        builder.execute(COUNTRY, id=campaign, position=position, country=country)
    if price is not None:
        builder.execute(PRICE, sms=price, id=campaign)
    assert builder.store.admissions.hold(campaign, NOW) is None
    for status in (CampaignStatus.SCHEDULED, CampaignStatus.RUNNING):
        builder.store.campaigns.set_status(campaign, status, NOW)
    finish(builder, campaign, dict(enumerate(codes)))
    return campaign


def finish(builder: StoreBuilder, campaign: str, codes: dict[int, str | None]) -> list[str]:
    """Claim all, fail those with a code, send the others, and settle; the carriers used."""
    claimed = builder.flush_and_claim(campaign, now=LATER).claimed
    codes_of = [(one, codes.get(one.position)) for one in claimed]
    builder.write(
        campaign,
        *(
            outcome(one.position, FAILED if code else SENT, one.attempt, LATER, code)
            for one, code in codes_of
        ),
    )
    failed = "SELECT count(*) FROM message WHERE campaign_id = :id AND status = 'failed'"
    status = CampaignStatus.FINISHED_WITH_FAILURES
    if not builder.value(failed, id=campaign):
        status = CampaignStatus.FINISHED
    builder.store.admissions.settle(campaign, status, LATER)
    return [one.carrier for one in claimed]


def retry(builder: StoreBuilder, campaign: str, **selection: Any) -> RetryAnswer:
    return builder.store.retrying.retry(campaign, LATER, RetrySelection(**selection))


def place(builder: StoreBuilder, campaign: str, **selection: Any) -> str:
    """The place of the fault for which a retry is refused, which changes nothing."""
    before = builder.store.campaigns.messages(campaign), builder.money()
    with pytest.raises(Refused) as caught:
        retry(builder, campaign, **selection)
    assert (builder.store.campaigns.messages(campaign), builder.money()) == before
    return caught.value.refusals[0].place


def in_balance(builder: StoreBuilder) -> bool:
    return audit(builder.store.database).findings == ()


def test_only_the_reasons_and_countries_that_are_named_are_sent_and_paid_again(
    builder: StoreBuilder,
) -> None:
    codes: list[str | None] = ["unavailable", "timeout", "blocked", "unavailable", None]
    campaign = ended(builder, codes, ("US", "US", "GB", "GB", "US"))
    assert builder.money() == (GRANTED - 2, 0, 2)
    assert retry(builder, campaign, reasons=("unavailable",), countries=("GB",)).messages == 1
    assert builder.statuses(campaign) == ["failed", "failed", "failed", "queued", "sent"]
    assert builder.money() == (GRANTED - 4, 2, 2) and in_balance(builder)
    finish(builder, campaign, {})
    assert retry(builder, campaign, countries=("US",)).messages == 2
    finish(builder, campaign, {0: "unavailable"})
    # A reason that is final by itself is retried when it is named.
    assert retry(builder, campaign, reasons=("blocked", "unavailable")).messages == 2
    finish(builder, campaign, {})
    assert builder.statuses(campaign) == ["sent"] * 5
    assert builder.money() == (GRANTED - 10, 0, 10) and in_balance(builder)


def test_messages_whose_country_is_not_known_are_retried_by_a_name_of_their_own(
    builder: StoreBuilder,
) -> None:
    campaign = ended(builder, ["unavailable"] * 3, ("US", None, "GB"))
    assert list(RetrySelection(countries=(UNKNOWN_COUNTRY, "GB")).faults(())) == []
    assert retry(builder, campaign, countries=(UNKNOWN_COUNTRY,)).messages == 1
    assert builder.statuses(campaign) == ["failed", "queued", "failed"]
    finish(builder, campaign, {})
    assert retry(builder, campaign, countries=(UNKNOWN_COUNTRY, "GB")).messages == 1
    assert in_balance(builder)


def test_what_matches_nothing_changes_nothing(builder: StoreBuilder) -> None:
    campaign = ended(builder, ["unavailable", "blocked"], ("US", "GB"))
    for selection in ({"countries": ("FR",)}, {"reasons": ("rate_limited",)}):
        assert retry(builder, campaign, **selection).result is Retried.NOTHING
    assert retry(builder, campaign, countries=("GB",)).result is Retried.NOTHING
    assert builder.statuses(campaign) == ["failed", "failed"]
    assert builder.money() == (GRANTED, 0, 0) and in_balance(builder)


def test_a_reason_that_nobody_knows_is_refused_with_its_place(builder: StoreBuilder) -> None:
    campaign = ended(builder, ["unavailable", "odd_code"])
    assert place(builder, campaign, reasons=("unavailable", "never_heard_of")) == "reasons[1]"
    # A carrier's own word is known from the messages that failed with it.
    assert retry(builder, campaign, reasons=("odd_code",)).messages == 1


def test_a_carrier_must_be_on_the_route_of_the_senders(builder: StoreBuilder) -> None:
    campaign = ended(builder, ["unavailable"])
    assert place(builder, campaign, carrier="vonage") == "carrier"
    assert retry(builder, campaign, carrier="pretend").messages == 1
    assert finish(builder, campaign, {}) == ["pretend"]


def test_a_retry_goes_through_the_carrier_that_is_named_and_through_no_other(
    builder: StoreBuilder,
) -> None:
    builder.store.routes.carriers = ("first", "second")
    campaign = ended(builder, ["blocked", "blocked"])
    assert retry(builder, campaign, reasons=("blocked",), carrier="second").messages == 2
    (one, two) = builder.flush_and_claim(campaign, now=LATER).claimed
    assert {(each.carrier, each.more) for each in (one, two)} == {("second", False)}
    builder.write(
        campaign,
        outcome(0, SENT, one.attempt, LATER),
        outcome(1, FAILED, two.attempt, LATER, "unavailable"),
    )
    builder.store.admissions.settle(campaign, CampaignStatus.FINISHED_WITH_FAILURES, LATER)
    # The next retry has the whole route again.
    assert retry(builder, campaign).messages == 1
    assert finish(builder, campaign, {}) == ["first"]
    assert in_balance(builder)


def test_a_carrier_that_a_senders_route_leaves_out_cannot_be_asked_for(
    builder: StoreBuilder,
) -> None:
    builder.store.routes.carriers = ("first", "second")
    builder.execute("UPDATE sender SET carriers = 'first' WHERE address = :it", it=SENDER)
    campaign = ended(builder, ["unavailable"])
    assert place(builder, campaign, carrier="second") == "carrier"
    assert retry(builder, campaign, carrier="first").messages == 1


def test_of_retries_in_part_at_once_one_is_done_and_the_others_find_it_under_way(
    builder: StoreBuilder, rival_store: Store
) -> None:
    campaign = ended(builder, ["unavailable", "timeout", "timeout"])
    stores = (builder.store, rival_store)
    wanted = [RetrySelection(reasons=(code,)) for code in ("unavailable", "timeout")]

    def run(runner: int) -> RetryAnswer:
        store = stores[runner % 2]
        return store.retrying.retry(campaign, LATER, wanted[runner // 2 % 2])

    answers = race(8, run)
    (won,) = [each for each in answers if each.result is Retried.AGAIN]
    assert [each for each in answers if each is not won] == [RetryAnswer(Retried.UNDER_WAY)] * 7
    held = 2 * won.messages
    assert builder.money() == (GRANTED - held, held, 0) and in_balance(builder)


def test_a_retry_holds_the_price_of_its_messages_even_if_that_is_nothing(
    builder: StoreBuilder,
) -> None:
    for price in (7, 0):
        start = builder.money()[0]
        campaign = ended(builder, ["unavailable", None], price=price)
        for _ in range(2):
            assert retry(builder, campaign).messages == 1
            assert builder.money()[1] == price and in_balance(builder)
            finish(builder, campaign, {0: "unavailable"})
        assert builder.money()[:2] == (start - price, 0) and in_balance(builder)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(COUNTRIES)), min_size=1, max_size=6),
    st.one_of(st.none(), st.integers(0, 9)),
    st.lists(
        st.tuples(
            st.sets(st.sampled_from(CODES[:3])),
            st.sets(st.sampled_from(("US", "GB", "FR", UNKNOWN_COUNTRY))),
            st.lists(st.sampled_from(CODES), min_size=6, max_size=6),
        ),
        max_size=3,
    ),
)
def test_whatever_is_retried_in_whatever_parts_the_books_balance(
    builder: StoreBuilder,
    messages: list[tuple[str | None, str | None]],
    price: int | None,
    retries: list[tuple[set[str], set[str], list[str | None]]],
) -> None:
    each = 2 if price is None else price
    start, _, spent = builder.money()
    codes = [code for code, _ in messages]
    campaign = ended(builder, codes, tuple(country for _, country in messages), price)
    for reasons, countries, next_codes in retries:
        selection = RetrySelection(tuple(sorted(reasons)), tuple(sorted(countries)))
        expected = [
            position
            for position, (code, (_, country)) in enumerate(zip(codes, messages, strict=True))
            if code is not None and selection.takes(code, country)
        ]
        answer = builder.store.retrying.retry(campaign, LATER, selection)
        assert answer.messages == len(expected)
        assert builder.money()[1] == each * len(expected)
        if expected:
            finish(builder, campaign, dict(enumerate(next_codes)))
        for position in expected:
            codes[position] = next_codes[position]
        paid = each * codes.count(None)
        assert builder.money() == (start - paid, 0, spent + paid)
    assert audit(builder.store.database, campaign).findings == ()
