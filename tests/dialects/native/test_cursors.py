"""Cursors are opaque, safe in a URL as they are, and each list takes its own alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.native.cursors import read_cursor, write_cursor
from dialects.native.handling import Stop
from tests.serving import Api

NUMBERS = ["+12125550180", "+12125550181", "+12125550182"]
NAMES = ["Ärzte & Co", "a+b c/d?e#f=g", "z\u2603"]


async def pages(api: Api, path: str, member: str, key: str) -> list[str]:
    """Read a list in pages of one entry, using each cursor as it is."""
    found: list[str] = []
    query = "limit=1"
    while True:
        answer = await api.http.get(f"{path}?{query}", auth=api.basic())
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [one[key] for one in page[member]]
        if page["next"] is None:
            return found
        assert re.fullmatch(r"[A-Za-z0-9_-]+", page["next"])
        query = f"limit=1&cursor={page['next']}"


async def test_every_list_can_be_read_to_its_end_with_cursors_as_they_are(api: Api) -> None:
    auth = api.basic()
    for number in NUMBERS:
        await api.http.post("/v1/opt-outs", json={"number": number}, auth=auth)
    for name in NAMES:
        await api.http.post("/v1/mailing-lists", json={"name": name}, auth=auth)
    lists = (await api.http.get("/v1/mailing-lists", auth=auth)).json()["mailingLists"]
    members = f"/v1/mailing-lists/{lists[0]['id']}/members"
    people = {"members": [{"to": number} for number in NUMBERS]}
    await api.http.post(members, json=people, auth=auth)
    made = []
    for number in ("+14155550190", "+14155550191"):
        body = {"text": "Hello", "recipients": [{"to": number}, {"to": "+14155550192"}]}
        answer = await api.http.post("/v1/campaigns", json=body, auth=auth)
        made.append(answer.json()["id"])
    assert await pages(api, "/v1/opt-outs", "optOuts", "number") == NUMBERS
    assert sorted(await pages(api, "/v1/mailing-lists", "mailingLists", "name")) == sorted(NAMES)
    assert await pages(api, members, "members", "to") == NUMBERS
    assert await pages(api, "/v1/campaigns", "campaigns", "id") == made[::-1]
    messages = f"/v1/campaigns/{made[0]}/messages"
    assert await pages(api, messages, "messages", "to") == ["+14155550190", "+14155550192"]


@pytest.mark.one_store
async def test_a_cursor_that_is_none_of_the_list_is_refused_with_its_place(api: Api) -> None:
    alien = write_cursor("members", NUMBERS[0])
    for cursor in (NUMBERS[0], f"%2B{NUMBERS[0][1:]}", "", "0", alien, alien + "=", "x" * 3_000):
        for path in ("/v1/opt-outs", "/v1/campaigns", "/v1/mailing-lists"):
            answer = await api.http.get(f"{path}?limit=2&cursor={cursor}", auth=api.basic())
            assert answer.status_code == 400, (path, cursor)
            (fault,) = answer.json()["errors"]
            assert (fault["place"], fault["code"]) == ("cursor", "field_invalid")


@pytest.mark.one_store
async def test_a_forged_position_among_the_messages_of_a_campaign_is_refused(api: Api) -> None:
    auth = api.basic()
    body = {"text": "Hello", "recipients": [{"to": "+14155550193"}]}
    made = (await api.http.post("/v1/campaigns", json=body, auth=auth)).json()["id"]
    for forged in ("", "x", "-1", "1:2", "9" * 30, "\u0661"):
        cursor = write_cursor("messages", forged)
        path = f"/v1/campaigns/{made}/messages?cursor={cursor}"
        answer = await api.http.get(path, auth=auth)
        assert answer.status_code == 400, forged
        assert answer.json()["errors"][0]["place"] == "cursor"


@pytest.mark.one_store
async def test_limit_is_refused_alike_by_every_list(api: Api) -> None:
    auth = api.basic()
    made = await api.http.post("/v1/mailing-lists", json={"name": "all"}, auth=auth)
    members = f"/v1/mailing-lists/{made.json()['id']}/members"
    for path in ("/v1/campaigns", "/v1/opt-outs", "/v1/mailing-lists", members):
        for limit, status in ((0, 400), (-1, 400), (1_001, 400), (1_000, 200), (1, 200)):
            answer = await api.http.get(f"{path}?limit={limit}", auth=auth)
            assert answer.status_code == status, (path, limit)
            if status == 400:
                assert answer.json()["errors"][0]["place"] == "limit"


@given(st.text(max_size=100).filter(lambda text: "\x00" not in text))
def test_what_was_written_is_read_by_the_same_list_and_by_no_other(last: str) -> None:
    try:
        cursor = write_cursor("mailing-lists", last)
    except UnicodeEncodeError:
        return
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)
    assert read_cursor("mailing-lists", cursor) == last
    with pytest.raises(Stop):
        read_cursor("members", cursor)
