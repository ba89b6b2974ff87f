"""When a campaign will have sent everything, by what is unsent and the rates that hold it back."""

import pytest
from sqlalchemy import Connection

from campaign.forecast import Forecast
from campaign.instants import HOUR, MINUTE, SECOND, Instant
from campaign.rates import campaign_scope, carrier_scope, sender_scope
from store.campaigns.forecasts import Forecasts, Prospect
from store.shared.routes import Routes
from tests.store.builders import NOW, SENDER, StoreBuilder


def ends(builder: StoreBuilder, *campaigns: str, now: Instant = NOW) -> list[Instant | None]:
    """The planned end of each campaign."""
    views = [builder.store.campaigns.get(campaign) for campaign in campaigns]

    def work(connection: Connection) -> list[Instant | None]:
        found = builder.store.forecasts.ends(connection, views, now)  # type: ignore[arg-type]
        return [found.get(campaign) for campaign in campaigns]

    return builder.store.database.read(work)


def spread(builder: StoreBuilder, count: int, over: Instant) -> str:
    """A campaign whose messages are due evenly over a time from ``NOW`` on."""
    campaign = builder.admit(count)
    builder.execute(
        "UPDATE message SET due_at = due_at + position * :step WHERE campaign_id = :campaign",
        step=over // count,
        campaign=campaign,
    )
    return campaign


def test_without_a_rate_the_end_is_the_last_due_time_and_never_before_now(
    builder: StoreBuilder,
) -> None:
    spread_out, sent = spread(builder, 10, 10 * MINUTE), builder.admit(2)
    builder.send(sent)
    assert ends(builder, spread_out, sent) == [NOW + 9 * MINUTE, None]
    assert ends(builder, spread_out, now=NOW + HOUR + 999) == [NOW + HOUR]
    assert ends(builder) == []


@pytest.mark.parametrize("whose", ["campaign", "sender", "carrier"])
def test_each_kind_of_rate_puts_the_end_off(builder: StoreBuilder, whose: str) -> None:
    campaign = builder.admit(120)
    other = builder.admit(3)
    scope = {
        "campaign": campaign_scope(campaign),
        "sender": sender_scope(builder.account_id, SENDER),
        "carrier": carrier_scope(builder.store.routes.carriers[0]),
    }[whose]
    builder.store.rates.set_rate(scope, 2.0)
    end, others = ends(builder, campaign, other)
    assert end == NOW + round(59.5 * SECOND)
    assert others == (NOW if whose == "campaign" else NOW + SECOND)


def test_the_end_of_a_spread_campaign_is_exact_to_one_part_in_two_hundred(
    builder: StoreBuilder,
) -> None:
    campaign = spread(builder, 1_000, HOUR)
    plan = NOW + 999 * (HOUR // 1_000)
    builder.store.rates.set_rate(campaign_scope(campaign), 10.0)
    (fitting,) = ends(builder, campaign)
    assert fitting is not None and plan <= fitting <= plan + HOUR // 200
    builder.store.rates.set_rate(campaign_scope(campaign), 0.2)
    (late,) = ends(builder, campaign)
    assert late is not None and abs(late - (NOW + 999 * 5 * SECOND)) <= HOUR // 200


def test_a_forecast_names_what_limits_a_message(builder: StoreBuilder) -> None:
    campaign = builder.admit(10)
    builder.store.rates.set_rate(sender_scope(builder.account_id, SENDER), 1.0)
    view = builder.store.campaigns.get(campaign)
    assert view is not None

    def work(connection: Connection) -> Forecast | None:
        return builder.store.forecasts.forecast(connection, view, NOW, NOW)

    found = builder.store.database.read(work)
    assert found is not None
    assert [limit.what for limit in found.limits] == [f"sender {SENDER}"]


def test_a_planned_end_is_not_beyond_the_expiry(builder: StoreBuilder) -> None:
    campaign = spread(builder, 60, HOUR)
    expires = "UPDATE campaign SET expires_at = :at"
    builder.execute(expires, at=NOW + 30 * MINUTE)
    assert ends(builder, campaign) == [NOW + 29 * MINUTE]
    assert prospect(builder, campaign) == Prospect(NOW + 29 * MINUTE, 60, 30)
    builder.store.rates.set_rate(campaign_scope(campaign), 1 / 120)
    assert prospect(builder, campaign) == Prospect(NOW + 28 * MINUTE, 60, 45)
    builder.execute(expires, at=NOW)
    assert ends(builder, campaign) == [None]
    assert prospect(builder, campaign) == Prospect(None, 60, 60)


def test_a_retry_through_another_carrier_ends_by_its_rate(builder: StoreBuilder) -> None:
    campaign = builder.admit(10)
    builder.execute("UPDATE message SET carrier = 'vonage' WHERE position > 4")
    store = builder.store
    routed = Routes(("pretend", "vonage"))
    forecasts = Forecasts(store.database, store.rates, routed)
    store.rates.set_rate(carrier_scope("pretend"), 1.0)
    store.rates.set_rate(carrier_scope("vonage"), 0.1)
    view = store.campaigns.get(campaign)
    assert view is not None
    found = store.database.read(lambda connection: forecasts.ends(connection, [view], NOW))
    assert found == {campaign: NOW + 40 * SECOND}


def prospect(builder: StoreBuilder, campaign: str) -> Prospect:
    view = builder.store.campaigns.get(campaign)
    assert view is not None
    return builder.store.database.read(
        lambda connection: builder.store.forecasts.prospect(connection, view, NOW)
    )
