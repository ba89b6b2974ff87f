"""Mailing lists: made once, filled from dirty files, renamed, and deleted with a question."""

from collections.abc import Callable

import pytest

from campaign.activity import ActivityFilter
from tests.console.browsing import ROLES, Browser, Page
from tests.console.test_people import NASTY
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]
PEOPLE = "Mobile,First name\n(415) 555-0150,Ann\n+14155550151,Zoë\nn/a,Bob\n415 555 0150,Anna\n"


async def make(one: Browser, name: str) -> str:
    """Make a list; returns its path."""
    form = (await one.get("/console/lists")).form("/console/lists")
    page = await one.send(form, name=name)
    assert page.status == 200, page.text
    return str(page.answer.url.path)


async def upload(one: Browser, path: str, content: bytes, **fields: str) -> Page:
    """Choose a file on a page with a list in its form, and send it."""
    form = next(f for f in (await one.get(path)).forms if "pasted" in f.fields)
    token = {"token": form.fields["token"]}
    answer = await one.http.post(
        form.action, data={**token, **fields}, files={"file": ("people.csv", content)}
    )
    return Page(answer)


async def test_an_empty_page_teaches_and_one_form_makes_one_list(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    page = await one.get("/console/lists")
    assert "No lists yet. A list keeps people" in page.text
    form = page.form("/console/lists")
    first, second = [await one.send(form, name="Regulars") for _ in range(2)]
    assert first.answer.url == second.answer.url and "Nobody is on this list" in first.text
    taken = await one.send((await one.get("/console/lists")).form("/lists"), name="Regulars")
    assert taken.status == 400 and "You have a list of this name" in taken.text
    for wrong in (" ", "a\nb", "x" * 101):
        page = await one.send((await one.get("/console/lists")).form("/lists"), name=wrong)
        assert page.status == 400 and "name of one line" in page.text
    assert len(api.story.store.lists.list(api.story.account.id)) == 1


async def test_a_dirty_file_fills_a_list_and_its_faults_are_shown_by_line_and_value(
    browser: Browsers,
) -> None:
    one = browser()
    await one.sign_in()
    path = await make(one, "Visits")
    page = await upload(one, path, PEOPLE.encode(), country="US")
    assert page.status == 200 and "2 added" in page.text
    assert "1 row has a fault and was left out" in page.text
    assert "4 Mobile n/a It is no" in page.text and "+14155550150 First name : Anna" in page.text
    again = await upload(one, path, PEOPLE.encode(), country="US")
    assert "0 added , 2 were on the list already" in again.text
    bad = await upload(one, path, b"Name,Town\nAnn,Cork\n")
    assert bad.status == 400 and "the header has no column of numbers" in bad.text
    chosen = await upload(one, path, b"Name,Reach\nAnn,+14155550152\n", column="reach")
    assert "1 added" in chosen.text
    nothing = await upload(one, path, b"")
    assert nothing.status == 400 and "Choose a file, or paste a list." in nothing.text
    nobody = await upload(one, path, b"to\nn/a\n")
    assert "Nothing was added" in nobody.text


async def test_a_pasted_list_of_numbers_alone_is_added_and_one_is_removed(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    path = await make(one, "Pasted")
    page = await upload(one, path, b"", pasted="+14155550153\n+14155550154", country="")
    assert "2 added" in page.text
    page = await one.send((await one.get(path)).form("/remove"))
    assert "+14155550153" not in page.text and "+14155550154" in page.text
    assert api.story.store.lists.list(api.story.account.id)[0].size == 1


async def test_a_list_is_renamed_and_deleted_after_a_question(browser: Browsers, api: Api) -> None:
    one = browser()
    await one.sign_in()
    await make(one, "Taken")
    path = await make(one, "Old")
    page = await one.send((await one.get(path)).form("/rename"), name="<b>New</b>")
    assert page.status == 200 and "<b>New</b>" in page.text and "b" not in page.tags
    page = await one.send((await one.get(path)).form("/rename"), name="Taken")
    assert page.status == 400 and "You have a list of this name" in page.text
    page = await one.get(f"{path}/delete")
    assert "Delete the list “<b>New</b>”?" in page.text and "cannot be undone" in page.text
    page = await one.send(page.form("/delete"))
    assert "Taken" in page.text and "<b>" not in page.text
    assert (await one.get(path)).status == 404
    found = api.story.store.activities.list(api.story.account.id, ActivityFilter())
    actions = [one.action for one in found]
    assert actions[:2] == ["list.removed", "list.changed"]


async def test_pages_of_lists_and_people_go_on_where_they_ended(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    path = await make(one, "A first")
    for index in range(50):
        await make(one, f"List {index:02d}")
    page = await one.get("/console/lists")
    assert "A first" in page.text and "List 48" in page.text and "List 49" not in page.text
    more = next(link for link in page.links if "after=" in link)
    assert "List 49" in (await one.get(more)).text
    numbers = "\n".join(f"+1415555{n:04d}" for n in range(200, 251))
    await upload(one, path, b"", pasted=numbers)
    page = await one.get(path)
    assert "+14155550249" in page.text and "+14155550250" not in page.text
    more = next(link for link in page.links if "after=" in link)
    assert "+14155550250" in (await one.get(more)).text


async def test_a_viewer_changes_nothing_and_another_accounts_list_is_not_there(
    browser: Browsers, api: Api
) -> None:
    one, viewer, other = browser(), browser(), browser()
    await one.sign_in()
    path = await make(one, NASTY.split("<script>")[0])
    await viewer.sign_in(*ROLES["viewer"])
    page = await viewer.get(path)
    assert page.status == 200 and [form.action for form in page.forms] == ["/console/sign-out"]
    assert not page.offers("/delete")
    _, pair = api.story.store.accounts.create("other", 0)
    form = (await other.get("/console/sign-in")).form("/sign-in")
    await other.send(form, keyId=pair.key_id, keySecret=pair.secret)
    assert (await other.get(path)).status == 404
    assert (await other.get("/console/lists")).text.count("Hello") == 0
