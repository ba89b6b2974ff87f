"""The settings: hours of marketing, keywords and answers; and how long things are kept."""

import json
from collections.abc import Callable

import pytest

from tests.console.browsing import ROLES, Browser
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]


async def test_hours_are_set_kept_and_taken_away(browser: Browsers, api: Api) -> None:
    one, store = browser(), api.story.store
    await one.sign_in()
    page = await one.get("/console/settings")
    assert page.status == 200 and "without a limit" in page.text
    form = page.form("/hours")
    token = form.fields["token"]
    chosen = {"token": token, "purpose": "marketing", "from": "09:00", "to": "20:00", "mon": "on"}
    form.fields = {**chosen, "zone": "Europe/Dublin", "outside": "skip"}
    page = await one.send(form)
    assert page.status == 200
    purpose, window = store.accounts.timing(api.story.account.id)
    assert purpose == "marketing" and json.loads(window or "") == {
        "from": "09:00",
        "to": "20:00",
        "days": ["mon"],
        "timezone": "Europe/Dublin",
        "outside": "skip",
    }
    assert ("input", "value", "Europe/Dublin") in page.attributes
    form.fields = {"token": token, "purpose": "<b>", "outside": "<b>"}
    assert (await one.send(form)).status == 200
    assert store.accounts.timing(api.story.account.id) == ("transactional", None)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"from": "20:00", "to": "09:00"}, "Give the end as a time of day after the beginning"),
        ({"from": "9", "to": "20:00"}, "Give the beginning as a time of day"),
        ({"from": "", "to": "20:00"}, "Give the beginning as a time of day"),
        ({"zone": "Mars"}, "This time zone is not known."),
    ],
)
async def test_hours_that_cannot_be_are_explained_and_kept_in_the_form(
    browser: Browsers, api: Api, fields: dict[str, str], says: str
) -> None:
    one = browser()
    await one.sign_in()
    form = (await one.get("/console/settings")).form("/hours")
    page = await one.send(form, **{"from": "09:00", "to": "20:00", "mon": "on", **fields})
    assert page.status == 400 and says in page.text and "b" not in page.tags
    assert api.story.store.accounts.timing(api.story.account.id) == (None, None)


async def test_keywords_and_answers_are_set_and_languages_stay(browser: Browsers, api: Api) -> None:
    one, store, account = browser(), api.story.store, api.story.account.id
    await one.sign_in()
    form = (await one.get("/console/settings")).form("/keywords")
    words = {"stop": "no thanks\r\n\r\nenough", "start": "", "help": "what"}
    page = await one.send(form, **words, stopReply="Bye <b>", helpReply="")
    assert page.status == 200 and "Bye <b>" in page.text and "b" not in page.tags
    kept = store.keywords.get(account)
    assert kept.stop == ("no thanks", "enough") and kept.help == ("what",)
    assert (kept.stop_reply, kept.help_reply, kept.languages) == ("Bye <b>", "", None)
    for wrong, says in (("1", "must have a letter"), ("a\n" * 101, "at most 100 words")):
        page = await one.send(form, stop=wrong, stopReply="x")
        assert page.status == 400 and says in page.text
    page = await one.send(form, helpReply="x" * 481)
    assert page.status == 400 and "at most 480" in page.text
    assert store.keywords.get(account) == kept


async def test_a_viewer_sees_the_settings_and_has_no_button(browser: Browsers) -> None:
    one = browser()
    await one.sign_in(*ROLES["viewer"])
    page = await one.get("/console/settings")
    assert page.status == 200 and "An operator's key can change them." in page.text
    assert "Save" not in page.text and not page.offers("/console/keys")
