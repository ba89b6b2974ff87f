"""The numbers that are opted out: a list, a file in, a file out, and back again."""

from collections.abc import Callable

import pytest

from store.clock import wall_clock
from tests.console.browsing import ROLES, Browser
from tests.console.test_lists import upload
from tests.console.test_people import NASTY, PERSON, write
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]


async def test_a_file_goes_in_with_its_faults_shown_and_comes_out_with_the_evidence(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    assert "Nobody has opted out." in (await one.get("/console/opt-outs")).text
    content = b"number\n+14155550150\n(415) 555-0151\nn/a\n+14155550150\n"
    page = await upload(one, "/console/opt-outs", content, country="US")
    assert page.status == 200 and "2 added from people.csv ; 1 were opted out" in page.text
    assert "4 number n/a It is no" in page.text and "+14155550151" in page.text
    write(api, "STOP", "SM1")
    answer = await one.http.get("/console/opt-outs.csv")
    lines = answer.text.splitlines()
    assert answer.headers["content-type"].startswith("text/csv") and len(lines) == 4
    assert any(line.startswith("+14155550190,inbound") and ",STOP," in line for line in lines)
    again = await upload(one, "/console/opt-outs", answer.content)
    assert "0 added" in again.text and "fault" not in again.text
    bad = await upload(one, "/console/opt-outs", b"")
    assert bad.status == 400 and "Choose a file, or paste a list." in bad.text


async def test_a_person_is_texted_again_after_a_question(browser: Browsers, api: Api) -> None:
    one, store, account = browser(), api.story.store, api.story.account.id
    await one.sign_in()
    assert (await one.get("/console/opt-outs/undo?number=%2B14155550190")).status == 404
    write(api, "STOP", "SM1")
    page = await one.get("/console/people?number=%2B14155550190")
    link = next(link for link in page.links if "/opt-outs/undo" in link)
    page = await one.get(link)
    assert "only if the person asked for it" in page.text
    page = await one.send(page.form("/undo"))
    assert "opted in again" in page.text and not store.opt_outs.contains(account, PERSON)


async def test_pages_go_on_by_number_and_a_viewer_changes_nothing(
    browser: Browsers, api: Api
) -> None:
    one, store, account = browser(), api.story.store, api.story.account.id
    numbers = [f"+1415555{n:04d}" for n in range(200, 251)]
    store.opt_outs.add_all(account, numbers, "file", wall_clock())
    write(api, f"stop {NASTY}", "SM2")
    await one.sign_in(*ROLES["viewer"])
    page = await one.get("/console/opt-outs")
    assert page.status == 200 and [form.action for form in page.forms] == ["/console/sign-out"]
    more = next(link for link in page.links if "after=" in link)
    assert "+14155550250" in (await one.get(more)).text
