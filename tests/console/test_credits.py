"""The page of credits: balances, and every movement."""

from collections.abc import Callable

import pytest

from campaign.credits import CreditKind
from campaign.instants import DAY
from console.rendering import day
from store.clock import wall_clock
from tests.console.browsing import Browser
from tests.console.test_people import sent
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]


async def test_balances_and_movements_are_shown_with_their_campaign(
    browser: Browsers, api: Api
) -> None:
    one, story = browser(), api.story
    await one.sign_in()
    campaign_id = await sent(api, "Visits <b>x")
    account = story.store.accounts.show(story.account.id)
    assert account is not None
    page = await one.get("/console/credits")
    balance = account.balances[CreditKind.SMS]
    assert page.status == 200 and f"{balance.available:,}" in page.text and balance.posted > 0
    assert "set aside for a campaign" in page.text and "spent" in page.text
    assert "added by the operator" in page.text and page.offers(campaign_id)
    assert "Visits <b>x" in page.text and "b" not in page.tags
    story.store.accounts.grant(story.account.id, CreditKind.SMS, -3, "back", wall_clock())
    page = await one.get("/console/credits")
    assert "taken back by the operator 3 texts (SMS)" in page.text


async def test_pages_of_movements_hold_fifty_newest_first(browser: Browsers, api: Api) -> None:
    one, story = browser(), api.story
    await one.sign_in()
    now = wall_clock()
    for index in range(50):
        story.store.accounts.grant(
            story.account.id, CreditKind.MMS, 1_000 + index, f"gift {index}", now + index
        )
    page = await one.get("/console/credits")
    assert page.text.count("pictures (MMS)") == 51 and "1,049" in page.text
    older = next(link for link in page.links if "before=" in link)
    page = await one.get(older)
    assert "texts (SMS)" in page.text and "1,049" not in page.text
    page = await one.get("/console/credits?before=0:a")
    assert "No earlier movements." in page.text and page.offers("/console/credits")


async def test_an_account_without_credits_is_taught_and_sees_no_other(
    browser: Browsers, api: Api
) -> None:
    campaign_id = await sent(api, "Visits")
    _, pair = api.story.store.accounts.create("other", 0)
    one = browser()
    form = (await one.get("/console/sign-in")).form("/sign-in")
    await one.send(form, keyId=pair.key_id, keySecret=pair.secret)
    page = await one.get("/console/credits")
    assert "Nothing yet. Credits that the operator adds" in page.text
    assert not page.offers(campaign_id)


async def test_what_was_spent_is_added_up_by_day(browser: Browsers, api: Api) -> None:
    one, story = browser(), api.story
    await one.sign_in()
    await sent(api, "Visits")
    await sent(api, "More visits")
    today = wall_clock() // DAY * DAY
    spent = story.store.ledger_entries.spent_by_day(story.account.id, today - DAY)
    account = story.store.accounts.show(story.account.id)
    assert account is not None
    posted = account.balances[CreditKind.SMS].posted
    assert sum(kinds[CreditKind.SMS] for kinds in spent.values()) == posted > 1
    assert story.store.ledger_entries.spent_by_day(story.account.id, today + 2 * DAY) == {}
    assert story.store.ledger_entries.spent_by_day("another", 0) == {}
    page = await one.get("/console/credits")
    assert "Spent per day" in page.text and day(max(spent)) in page.text
