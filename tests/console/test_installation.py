"""The page about the installation: what is due, what is unknown, and links to the workflows."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from service.campaign_workflows import workflow_page
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
    assert "1 message is not known to have left." in page.text
    _, pair = story.store.accounts.create("other", 0)
    form = (await other.get("/console/sign-in")).form("/sign-in")
    await other.send(form, keyId=pair.key_id, keySecret=pair.secret)
    page = await other.get("/console/installation")
    assert page.status == 200 and "Visits" not in page.text and "not known" not in page.text


async def test_a_workflow_is_linked_where_the_address_of_the_web_ui_is_known(api: Api) -> None:
    settings = api.story.settings
    assert workflow_page(settings, "cmp_1") is None
    known = settings.model_copy(update={"temporal_ui_url": "https://temporal.example.com"})
    assert workflow_page(known, "cmp_1") == (
        "https://temporal.example.com/namespaces/default/workflows/campaign:cmp_1"
    )
