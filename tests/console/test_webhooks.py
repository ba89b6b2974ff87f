"""Webhooks: added with a secret that is shown once, tested, filtered, repeated and deleted."""

from collections.abc import Callable

import pytest

from campaign.instants import SECOND
from store.clock import wall_clock
from tests.console.browsing import ROLES, Browser, Page
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]
URL = "https://example.com/hooks"


async def add(one: Browser, **fields: str) -> Page:
    form = (await one.get("/console/webhooks")).form("/console/webhooks")
    kept = {name: value for name, value in form.fields.items() if not name.startswith("event:")}
    form.fields = {**kept, "dialect": "native"}
    return await one.send(form, **{"url": URL, "event:message.*": "on", **fields})


async def test_a_webhook_is_added_once_and_shows_its_secret_once(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    assert "No webhooks yet." in (await one.get("/console/webhooks")).text
    page = await add(one)
    assert page.status == 200 and "whsec_" in page.text and "Copy it now." in page.text
    page = await one.get("/console/webhooks")
    assert URL in page.text and "whsec_" not in page.text
    assert "everything about messages" in page.text
    (view,) = api.story.store.endpoints.list(api.story.account.id)
    page = await one.get(f"/console/webhooks/{view.id}")
    page = await one.send(page.form("/rotate"))
    assert "The new secret of the webhook" in page.text and "For 24 hours" in page.text
    page = await one.send((await one.get(f"/console/webhooks/{view.id}/delete")).form("/delete"))
    assert "No webhooks yet." in page.text
    assert (await one.get(f"/console/webhooks/{view.id}")).status == 404


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"url": "http://127.0.0.1/x"}, "Url must be a public http or https URL"),
        ({"url": "javascript:alert(1)"}, "Url must be a public http or https URL"),
        ({"event:message.*": "", "dialect": "<b>"}, "Dialect must be one of"),
    ],
)
async def test_a_webhook_that_cannot_be_is_explained(
    browser: Browsers, api: Api, fields: dict[str, str], says: str
) -> None:
    one = browser()
    await one.sign_in()
    page = await add(one, **fields)
    assert page.status == 400 and says in page.text and "b" not in page.tags
    assert api.story.store.endpoints.list(api.story.account.id) == []


async def test_a_webhook_without_events_is_explained(browser: Browsers, api: Api) -> None:
    one = browser()
    await one.sign_in()
    form = (await one.get("/console/webhooks")).form("/console/webhooks")
    form.fields = {"token": form.fields["token"], "once": form.fields["once"]}
    page = await one.send(form, url=URL)
    assert page.status == 400 and "Choose at least one event." in page.text


async def test_deliveries_are_tested_filtered_paged_and_repeated(
    browser: Browsers, api: Api
) -> None:
    one, store, account = browser(), api.story.store, api.story.account.id
    await one.sign_in()
    await add(one)
    (view,) = store.endpoints.list(account)
    path = f"/console/webhooks/{view.id}"
    assert "Nothing has been delivered yet." in (await one.get(path)).text
    page = await one.send((await one.get(path)).form("/test"))
    assert "The test is waiting for its next try" in page.text and "a test" in page.text
    assert "No delivery matches." in (await one.get(f"{path}?status=dead")).text
    for index in range(50):
        store.endpoints.test(account, view.id, wall_clock() + index * SECOND)
    page = await one.get(f"{path}?status=waiting")
    older = next(link for link in page.links if "before=" in link)
    assert "status=waiting" in older and (await one.get(older)).tags.count("tr") == 2
    page = await one.send(page.form("/replay"), period="week")
    assert "0 deliveries are repeated now." in page.text
    wrong = await one.send(page.form("/replay"), period="<b>")
    assert wrong.status == 200


async def test_a_webhook_that_is_off_says_so_and_is_switched_on(
    browser: Browsers, api: Api
) -> None:
    from sqlalchemy import text

    one, store = browser(), api.story.store
    await one.sign_in()
    await add(one)
    (view,) = store.endpoints.list(api.story.account.id)
    path = f"/console/webhooks/{view.id}"
    test = (await one.get(path)).form("/test")
    store.database.write(
        lambda connection: connection.execute(text("UPDATE webhook SET disabled_at = 1"))
    )
    page = await one.get(path)
    assert "It is switched off" in page.text and not page.offers("/replay")
    assert (await one.send(test)).status == 409
    page = await one.send(page.form("/enable"))
    assert "It is switched off" not in page.text and page.offers("/test")


async def test_a_manager_tests_and_repeats_and_a_viewer_only_looks(
    browser: Browsers, api: Api
) -> None:
    one, manager, viewer = browser(), browser(), browser()
    await one.sign_in()
    await add(one)
    (view,) = api.story.store.endpoints.list(api.story.account.id)
    await manager.sign_in(*ROLES["manager"])
    await viewer.sign_in(*ROLES["viewer"])
    page = await manager.get(f"/console/webhooks/{view.id}")
    assert page.offers("/test") and page.offers("/replay") and not page.offers("/rotate")
    page = await viewer.get(f"/console/webhooks/{view.id}")
    assert page.status == 200 and not page.offers("/test") and not page.offers("/delete")
    assert not (await viewer.get("/console/webhooks")).offers("/keys")
