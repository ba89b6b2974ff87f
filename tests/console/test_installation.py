"""The page about the installation: what is due, what is unknown, and links to the workflows."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from campaign.states import MessageStatus
from service.campaign_workflows import workflow_page
from store.campaigns.open_campaigns import WORKFLOW_LOST
from tests.console.browsing import Browser
from tests.console.test_campaigns import scheduled
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]


async def test_what_is_due_and_unknown_is_shown_of_the_own_account_alone(
    browser: Browsers, api: Api
) -> None:
    one, other, story = browser(), browser(), api.story
    await one.sign_in()
    page = await one.get("/console/installation")
    assert "No message of your account waits longer than it should." in page.text
    assert "Network pretend works" in page.text and "set GODWIT_TEMPORAL_UI_URL" in page.text
    campaign_id = await scheduled(api, "Visits <b>x")
    for change in (
        "UPDATE campaign SET status = 'running'",
        "UPDATE message SET due_at = 1",
        "UPDATE message SET status = 'unknown' WHERE position = 0",
    ):
        with story.store.database.engine.begin() as connection:
            connection.execute(text(change))
    page = await one.get("/console/installation")
    assert "Visits <b>x" in page.text and "b" not in page.tags and page.offers(campaign_id)
    assert "1 of Visits <b>x" in page.text and page.offers(f"{campaign_id}?status=unknown#people")
    _, pair = story.store.accounts.create("other", 0)
    form = (await other.get("/console/sign-in")).form("/sign-in")
    await other.send(form, keyId=pair.key_id, keySecret=pair.secret)
    page = await other.get("/console/installation")
    assert page.status == 200 and "Visits" not in page.text and "not known" not in page.text


async def test_books_that_differ_are_no_good_news(browser: Browsers, api: Api) -> None:
    one = browser()
    await one.sign_in()
    page = await one.get("/console/installation")
    assert "You need not do anything." in page.text and "details" in page.tags
    assert "balances and campaigns agree" in page.text and "all is well" in page.title
    with api.story.store.database.engine.begin() as connection:
        connection.execute(text("UPDATE credit SET posted = posted + 3, available = available - 3"))
    page = await one.get("/console/installation")
    assert "credits differ" in page.title
    assert "6 differ between the balances and the campaigns" in page.text
    assert "You need not do anything." not in page.text and "details" not in page.tags


async def test_a_campaign_that_waits_for_a_decision_is_no_good_news(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    campaign_id = await scheduled(api, "Visits")
    with api.story.store.database.engine.begin() as connection:
        connection.execute(
            text("UPDATE campaign SET status = 'paused', paused_at = 1, problem = :problem"),
            {"problem": WORKFLOW_LOST},
        )
    page = await one.get("/console/installation")
    assert "A campaign waits for your decision." in page.text and page.offers(campaign_id)
    assert "You need not do anything" not in page.text
    assert "Its record in Temporal was lost" in page.text


async def test_an_unknown_message_is_settled_once_from_the_page_of_its_campaign(
    browser: Browsers, api: Api
) -> None:
    one, viewer, store = browser(), browser(), api.story.store
    await one.sign_in()
    await viewer.sign_in("read:Campaigns")
    campaign_id = await scheduled(api, "Visits")
    with store.database.engine.begin() as connection:
        connection.execute(text("UPDATE message SET status = 'unknown' WHERE position < 2"))
    path = f"/console/campaigns/{campaign_id}?status=unknown"
    assert not (await viewer.get(path)).offers("/resolve")
    page = await one.get(path)
    forms = [form for form in page.forms if form.action.endswith("/resolve")]
    assert len(forms) == 2 and "the credits of what never left come back" in page.text
    assert (await one.send(forms[0], outcome="lost")).status == 400
    await one.send(forms[0], outcome="sent")
    page = await one.send(forms[1], outcome="failed")
    assert page.status == 200 and not page.offers("/resolve")
    # Another browser is late: what was said stays.
    await one.send(forms[0], outcome="failed")
    states = [one.status for one in store.campaigns.messages(campaign_id)]
    assert states[:2] == [MessageStatus.SENT, MessageStatus.FAILED]


async def test_a_workflow_is_linked_where_the_address_of_the_web_ui_is_known(api: Api) -> None:
    settings = api.story.settings
    assert workflow_page(settings, "cmp_1") is None
    known = settings.model_copy(update={"temporal_ui_url": "https://temporal.example.com"})
    assert workflow_page(known, "cmp_1") == (
        "https://temporal.example.com/namespaces/default/workflows/campaign:cmp_1"
    )
