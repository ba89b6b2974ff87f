"""A campaign is written, filled, checked and sent from the pages alone."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from campaign.model import Draft
from campaign.states import CampaignStatus
from service.campaigns import CampaignService
from service.dry_run import DryRun
from tests.conftest import LONG_CODE, finish
from tests.console.browsing import Browser, Page
from tests.serving import Api
from tests.spreadsheets.making import workbook

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]
TEXT = "Hi {{First name}}, your visit is on {{Date}}. Reply STOP to stop."
HEADER = ("Phone", "First name", "Date")


def rows(count: int, first: int = 1_000) -> list[Sequence[str]]:
    return [(f"+1415555{first + n:04d}", f"Person {n}", "Tuesday") for n in range(count)]


def csv(table: Sequence[Sequence[str]]) -> bytes:
    return "\n".join(",".join(row) for row in (HEADER, *table)).encode()


async def new_draft(one: Browser, text: str = TEXT, name: str = "Visits") -> str:
    """Write a text in a new draft; returns the path of its pages."""
    page = await one.send((await one.get("/console/new")).form("/console/new"))
    path = str(page.answer.url.path).removesuffix("/write")
    page = await one.send(page.form("/write"), text=text, name=name, sender=LONG_CODE)
    return path


async def upload(one: Browser, path: str, content: bytes, **fields: str) -> Page:
    """Send a file on the page of recipients."""
    form = (await one.get(f"{path}/recipients")).form("/recipients")
    data = {"token": form.fields["token"], "pasted": "", "country": "", **fields}
    files = {"file": ("people.csv", content)}
    return Page(await one.http.post(form.action, data=data, files=files))


async def test_a_dirty_list_becomes_a_delivered_campaign(browser: Browsers, api: Api) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one)
    table = rows(12)
    table[3] = ("nonsense", "Ada", "Monday")
    table[5] = table[4]
    table[7] = (table[7][0], "Eve", "#REF!")
    table[8] = (table[8][0], "Eve", "")
    page = await upload(one, path, csv(table))
    assert page.status == 200 and "12 rows: 9 good, 3 with a fault" in page.text
    assert "5 Phone nonsense It is no phone number with its country code." in page.text
    assert "1 in Phone : It is no phone number with its country code." in page.text
    assert "1 repeats a number that stands higher up" in page.text
    assert "9 Date #REF! It is the error of a formula." in page.text
    assert "10 Date empty It is empty, and the text uses it." in page.text
    rejects = await one.http.get(f"{path}/rejects.csv")
    assert rejects.text.count("\r\n") == 4 and "nonsense" in rejects.text
    page = await one.get(f"{path}/check")
    assert "8 people · 8 messages · 16 of 100,000 credits" in page.text
    assert "Hi Person 0, your visit is on Tuesday." in page.text
    assert "1 twice in the list" in page.text and "3 rows with a fault" in page.text
    page = await one.send((await one.get(f"{path}/send")).form("/send"), when="now", at="")
    assert "/console/campaigns/cmp_" in str(page.answer.url) and page.status == 200
    campaign_id = str(page.answer.url.path).rpartition("/")[2]
    await finish(api.story, campaign_id)
    page = await one.get(f"/console/campaigns/{campaign_id}")
    assert "Visits" in page.text and len(api.story.carrier.log) == 8
    assert api.story.store.drafts.rows(path.rpartition("/")[2]) == []


async def test_a_second_click_sends_nothing_twice(browser: Browsers, api: Api) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one)
    await upload(one, path, csv(rows(3)))
    await one.get(f"{path}/check")
    form = (await one.get(f"{path}/send")).form("/send")
    pages = await asyncio.gather(*(one.send(form, when="now", at="") for _ in range(4)))
    pages.append(await one.send(form, when="now", at=""))
    pages.append(await one.get(f"{path}/send"))
    views = api.story.store.campaigns.list(api.story.account.id)
    assert len(views) == 1
    assert str(pages[-1].answer.url.path) == f"/console/campaigns/{views[0].id}"
    await finish(api.story, views[0].id)
    assert len(api.story.carrier.log) == 3


async def test_a_list_that_is_replaced_during_its_check_is_not_checked(
    browser: Browsers, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one, "Hello {{First name}}")
    await upload(one, path, csv(rows(3)))
    service, dry_run = CampaignService, CampaignService.dry_run
    replaced = 0

    async def slow(self: CampaignService, draft: Draft) -> DryRun:
        nonlocal replaced
        replaced += 1
        if replaced == 1:
            await upload(one, path, csv(rows(5, 2_000)))
        return await dry_run(self, draft)

    monkeypatch.setattr(service, "dry_run", slow)
    assert "5 people" in (await one.get(f"{path}/check")).text
    assert "Send to 5" in (await one.get(f"{path}/send")).text
    assert replaced == 2


async def test_a_large_send_needs_the_number_typed(browser: Browsers, api: Api) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one, "Hello {{First name}}")
    await upload(one, path, csv(rows(1_001)))
    await one.get(f"{path}/check")
    page = await one.get(f"{path}/send")
    assert "Type 1001" in page.text
    at = {"when": "at", "at": "2027-01-05T09:00", "zone": "Europe/Dublin", "hours": "2"}
    assert (await one.send(page.form("/send"), typed="1000", **at)).status == 400
    assert api.story.store.campaigns.list(api.story.account.id) == []
    page = await one.send(page.form("/send"), typed="1,001", **at)
    (view,) = api.story.store.campaigns.list(api.story.account.id)
    assert view.status is CampaignStatus.SCHEDULED and view.spread_hours == 2
    assert view.scheduled_at == 1_799_139_600_000
    await api.story.service.cancel(view)
    await finish(api.story, view.id)


@pytest.mark.parametrize(
    ("at", "zone", "says"),
    [
        ("", "UTC", "Give a date and a time"),
        ("2027-03-28T01:30", "Europe/Dublin", "does not exist there"),
        ("2027-01-05T09:00", "../../etc/passwd", "Give a date and a time"),
        ("9999-01-05T09:00", "UTC", "days in the future"),
    ],
)
async def test_a_time_that_cannot_be_is_explained(
    browser: Browsers, at: str, zone: str, says: str
) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one)
    await upload(one, path, csv(rows(2)))
    await one.get(f"{path}/check")
    form = (await one.get(f"{path}/send")).form("/send")
    page = await one.send(form, when="at", at=at, zone=zone)
    assert page.status == 400 and says in page.text
    # It can be mended and sent.
    assert (await one.get(f"{path}/send")).offers("/send")


async def test_a_workbook_a_pasted_list_and_another_country_are_read(browser: Browsers) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one, "Hello")
    sheet = workbook([["Nummer", "Name"], ["030 23125 001", "Ada"], ["x", "Eve"]])
    page = await upload(one, path, sheet)
    assert "Choose the column that has the phone numbers." in page.text
    page = await one.send(page.form("/columns"), column="Nummer", country="DE")
    assert "2 rows: 1 good, 1 with a fault" in page.text
    page = await upload(one, path, b"", pasted="+14155550101\n+14155550102\n")
    assert "2 rows: 2 good." in page.text
    for content, says in ((b"", "Choose a file"), (b"to\n", "no rows"), (b"PK\x03\x04x", ".")):
        page = await upload(one, path, content)
        assert page.status == 400 and says in page.text
    assert "2 rows: 2 good." in (await one.get(f"{path}/recipients")).text


async def test_a_draft_survives_and_belongs_to_its_key(browser: Browsers) -> None:
    one, two = browser(), browser()
    pair = await one.sign_in()
    await two.sign_in()
    path = await new_draft(one)
    assert (await two.get(f"{path}/write")).status == 404
    assert (await two.get("/console/new")).text.count("Visits") == 0
    again = browser()
    form = (await again.get("/console/sign-in")).form("/sign-in")
    await again.send(form, keyId=pair.key_id, keySecret=pair.secret)
    assert "Visits" in (await again.get("/console/new")).text
    page = await again.get(f"{path}/write")
    assert TEXT in page.text
    await again.send((await again.get("/console/new")).form("/discard"))
    assert (await again.get(f"{path}/write")).status == 404


async def test_what_is_missing_leads_back_to_its_step(browser: Browsers) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one, "Hi {{Nickname}}")
    assert str((await one.get(f"{path}/send")).answer.url.path) == f"{path}/recipients"
    page = await upload(one, path, csv(rows(2)))
    assert "has the field Nickname" in page.text
    page = await one.send((await one.get(f"{path}/write")).form("/write"), text="  ")
    assert page.status == 400 and "Write a text." in page.text
    assert str((await one.get(f"{path}/check")).answer.url.path) == f"{path}/write"


async def test_the_text_is_counted_and_made_plain(browser: Browsers) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one, "“Hello” " * 20)
    page = await one.get(f"{path}/write")
    assert "160 characters · 3 messages each" in page.text
    assert "3 instead of 1 message each" in page.text
    page = await one.post(f"{path}/count", token=page.form("/write").fields["token"], text="Hi")
    fit = "Plain letters (GSM-7): 160 fit one message, 153 each of several."
    assert page.text == f"2 characters · 1 message each {fit}"
    form = (await one.get(f"{path}/write")).form("/write")
    page = await one.send(form, text="“Hello”", plain="1")
    assert '"Hello"' in page.text


async def test_hostile_names_and_cells_are_shown_as_they_are(browser: Browsers) -> None:
    one = browser()
    await one.sign_in()
    nasty = "<script>alert(1)</script>\"'&{{x}}" + "w" * 400
    path = await new_draft(one, "Hello <b>you</b>", nasty)
    table = [("+14155550101", "<img src=x onerror=alert(1)>", "=1+1"), ("<b>", "\u202eabc", "x")]
    pages = [await upload(one, path, csv(table))]
    for name in ("write", "recipients", "check", "send"):
        pages.append(await one.get(f"{path}/{name}"))
    pages.append(await one.get("/console/new"))
    form = (await one.get(f"{path}/write")).form("/write")
    turned = await one.send(form, name="\u202eabc")
    assert turned.status == 400 and "cannot be in a name" in turned.text
    for page in pages:
        assert page.status == 200
        assert "alert(1)" not in page.answer.text.replace("&lt;script&gt;alert(1)", "").replace(
            "onerror=alert(1)&gt;", ""
        )
        assert page.tags.count("script") == 1 and "b" not in page.tags
        assert page.tags.count("img") == 1


async def test_every_form_of_the_four_steps_has_a_token_and_needs_it(
    browser: Browsers, tmp_path: Path
) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one)
    await upload(one, path, csv(rows(2)))
    for name in ("write", "recipients", "check", "send"):
        page = await one.get(f"{path}/{name}")
        forms = [form for form in page.forms if form.method == "post"]
        assert forms and all(form.fields.get("token") for form in forms)
    for name in ("write", "columns", "test", "send", "count", "discard"):
        assert (await one.post(f"{path}/{name}", token="wrong")).status == 403
    page = await upload(one, path, csv(rows(2)), token="wrong")
    assert page.status == 403
    viewer = browser()
    await viewer.sign_in("read:Campaigns")
    assert (await viewer.get("/console/new")).status == 403
    assert not (await viewer.get("/console/campaigns")).offers("/console/new")
