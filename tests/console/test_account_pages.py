"""Senders and keys: added, shown once, and taken away after a question."""

from collections.abc import Callable

import pytest

from campaign.instants import HOUR
from campaign.model import DraftRecipient
from store.clock import wall_clock
from tests.conftest import LONG_CODE
from tests.console.browsing import ROLES, Browser
from tests.console.test_access import is_sign_in
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]


async def test_a_sender_is_asked_for_and_one_in_use_stays(browser: Browsers, api: Api) -> None:
    one, story = browser(), api.story
    await one.sign_in()
    page = await one.get("/console/senders")
    assert LONG_CODE in page.text and "ready" in page.text
    page = await one.send(page.form("/console/senders"), address="Clinic")
    assert page.status == 200 and "asked for: the operator decides" in page.text
    for wrong, says in (("<b>no sender</b>", "is no sender"), ("", "is no sender")):
        page = await one.send(page.form("/console/senders"), address=wrong)
        assert page.status == 400 and says in page.text and "b" not in page.tags
    other, _ = story.store.accounts.create("other", 0, senders=["+18005550123"])
    page = await one.send(page.form("/console/senders"), address="+18005550123")
    assert page.status == 400 and "belongs to somebody else" in page.text
    later = wall_clock() + 3_600_000
    recipients = [DraftRecipient(to="+14155550190", text="Hello")]
    draft = story.draft(0, sender=LONG_CODE, recipients=recipients, scheduled_at=later)
    await story.service.admit(draft)
    page = await one.get("/console/senders")
    assert "ready 1 Remove" in page.text
    link = next(link for link in page.links if "remove?address=%2B" in link)
    page = await one.send((await one.get(link)).form("/senders/remove"))
    assert page.status == 409 and "1 message waits to leave from it" in page.text.replace(
        LONG_CODE, "it"
    )
    page = await one.get("/console/senders/remove?address=Clinic")
    page = await one.send(page.form("/senders/remove"))
    assert page.status == 200 and "Clinic" not in page.text
    assert (await one.get("/console/senders/remove?address=Clinic")).status == 404


async def test_a_key_is_made_once_for_a_role_and_its_secret_shown_on_that_page_alone(
    browser: Browsers, api: Api
) -> None:
    one, two = browser(), browser()
    await one.sign_in()
    form = (await one.get("/console/keys")).form("/console/keys")
    pages = [await one.send(form, role="sender", sandbox="on") for _ in range(2)]
    assert pages[0].text == pages[1].text and "It is not shown again." in pages[0].text
    keys = api.story.store.api_keys.list(api.story.account.id)
    made = next(key for key in keys if key.sandbox)
    assert set(made.permissions) == set(ROLES["sender"]) and made.key_id in pages[0].text
    page = await one.get("/console/keys")
    secret = pages[0].text.split("Secret ")[1].split()[0]
    assert secret not in page.text and "for tests: nothing reaches a phone" in page.text
    sign_in = (await two.get("/console/sign-in")).form("/sign-in")
    entered = await two.send(sign_in, keyId=made.key_id, keySecret=secret)
    assert entered.offers("/console/sign-out")
    for wrong in ("", "root"):
        page = await one.send((await one.get("/console/keys")).form("/keys"), role=wrong)
        assert page.status == 400 and "Choose what the key may do." in page.text
    page = await one.get(f"/console/keys/{made.key_id}/revoke")
    assert "do nothing more" in page.text and "you are signed out" not in page.text
    page = await one.send(page.form("/revoke"))
    assert "revoked" in page.text
    assert is_sign_in(await two.get("/console/campaigns"))
    assert (await one.get(f"/console/keys/{made.key_id}/revoke")).status == 404


async def test_the_name_of_a_key_stands_where_its_id_did(browser: Browsers, api: Api) -> None:
    one, two = browser(), browser()
    await one.sign_in()
    form = (await one.get("/console/keys")).form("/console/keys")
    form.fields.pop("sandbox")
    for wrong in ("x" * 101, "a\u202eb"):
        page = await one.send(form, role="manager", name=wrong)
        assert page.status == 400 and "Give the key a name of one line" in page.text
        assert ("input", "value", wrong) in page.attributes
    page = await one.send(form, role="manager", name=" <b>Zoë ")
    assert "The key <b>Zoë" in page.text and "b" not in page.tags
    (key,) = (key for key in api.story.store.api_keys.list(api.story.account.id) if key.name)
    page = await one.get("/console/keys")
    assert f"<b>Zoë {key.key_id} manager" in page.text and "b" not in page.tags
    assert "Revoke the key <b>Zoë?" in (await one.get(f"/console/keys/{key.key_id}/revoke")).text
    pair = api.story.store.api_keys.reveal(key.key_id)
    assert pair is not None
    sign_in = (await two.get("/console/sign-in")).form("/sign-in")
    await two.send(sign_in, keyId=pair.key_id, keySecret=pair.secret)
    later = api.story.draft(1, scheduled_at=wall_clock() + HOUR)
    path = f"/console/campaigns/{(await api.story.service.admit(later)).campaign.id}"
    await two.send((await two.get(path)).form("/pause"))
    page = await one.get(path)
    assert f"paused by the key <b>Zoë ({key.key_id[:8]}…)" in page.text


async def test_a_key_gives_no_more_than_its_own_may_do_and_may_revoke_itself(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    pair = await one.sign_in("read:Campaigns", "manage:Account")
    form = (await one.get("/console/keys")).form("/console/keys")
    page = await one.get("/console/keys")
    assert "viewer :" in page.text and "manager :" not in page.text
    page = await one.send(form, role="operator")
    assert page.status == 400 and "more than your own may do" in page.text
    page = await one.get(f"/console/keys/{pair.key_id}/revoke")
    assert "you are signed out" in page.text
    assert is_sign_in(await one.send(page.form("/revoke")))
    _, foreign = api.story.store.accounts.create("other", 0)
    await one.sign_in()
    assert (await one.get(f"/console/keys/{foreign.key_id}/revoke")).status == 404
