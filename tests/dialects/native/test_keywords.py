"""The routes about keywords and opt-outs: settings, evidence, files in and out."""

import csv
import io

import pytest

from campaign.instants import SECOND, iso
from tests.conftest import LONG_CODE
from tests.serving import Api

WRITER = "+14155551002"


async def text_in(api: Api, body: str, at: int, sender: str = WRITER) -> None:
    """A person writes to the account's number."""
    sent = {"from": sender, "to": LONG_CODE, "body": body, "at": iso(at)}
    answer = await api.http.post("/carriers/pretend/inbound", json=sent)
    assert answer.status_code == 202, answer.text


async def opted_out(api: Api) -> list[str]:
    """The numbers that are opted out."""
    listed = await api.http.get("/v1/opt-outs", auth=api.basic())
    return [one["number"] for one in listed.json()["optOuts"]]


async def test_a_start_out_of_order_undoes_no_stop_and_the_evidence_is_shown(api: Api) -> None:
    now = await api.story.now()
    await text_in(api, "START", now - 300 * SECOND)
    await text_in(api, "please stop texting me", now - 100 * SECOND)
    await text_in(api, "START", now - 300 * SECOND)
    assert await opted_out(api) == [WRITER]
    found = await api.http.get(f"/v1/opt-outs/{WRITER}", auth=api.basic())
    shown = found.json()
    assert (shown["number"], shown["optedOut"]) == (WRITER, True)
    assert [event["kind"] for event in shown["events"]] == ["start", "stop"]
    evidence = {
        key: shown["events"][1][key] for key in ("source", "carrier", "address", "text", "at")
    }
    assert evidence == {
        "source": "inbound",
        "carrier": "pretend",
        "address": LONG_CODE,
        "text": "please stop texting me",
        "at": iso(now - 100 * SECOND),
    }
    assert (await api.http.get("/v1/opt-outs/+14155559999", auth=api.basic())).status_code == 404


async def test_words_that_only_look_like_a_keyword_opt_nobody_out(api: Api) -> None:
    now = await api.story.now()
    for body in ("Cancel 4", "10:30 cancel", "STOP 12345", "don't stop"):
        await text_in(api, body, now)
    assert await opted_out(api) == []


async def test_opt_outs_leave_and_come_back_as_a_file(api: Api) -> None:
    now = await api.story.now()
    await text_in(api, "=STOP", now)
    auth = api.basic()
    as_csv = {"accept": "text/csv"}
    answer = await api.http.get("/v1/opt-outs", auth=auth, headers=as_csv)
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert (row["number"], row["carrier"], row["source"]) == (WRITER, "pretend", "inbound")
    # A spreadsheet runs no formula.
    assert row["text"] == "'=STOP"
    file = answer.text + '"+1 415 555 1003",,,,,,\r\n14155551004,,,,,,\r\n'
    sent = await api.http.post(
        "/v1/opt-outs", content=file, auth=auth, headers={"content-type": "text/csv"}
    )
    assert (sent.status_code, sent.json()) == (200, {"added": 2, "total": 3})
    assert await opted_out(api) == [WRITER, "+14155551003", "+14155551004"]
    again = await api.http.post(
        "/v1/opt-outs", content=file, auth=auth, headers={"content-type": "text/csv"}
    )
    assert again.json() == {"added": 0, "total": 3}
    bad = await api.http.post(
        "/v1/opt-outs",
        content="number\nnobody\n+14155551005\n12",
        auth=auth,
        headers={"content-type": "text/csv"},
    )
    assert bad.status_code == 400
    assert len(bad.json()["errors"]) == 2
    assert "+14155551005" not in await opted_out(api)


@pytest.mark.one_store
async def test_an_account_sets_its_words_languages_and_answers(api: Api) -> None:
    auth = api.basic()
    shown = (await api.http.get("/v1/keywords", auth=auth)).json()
    assert len(shown["languages"]) == len(shown["words"]) == 11
    assert "baja" in shown["words"]["es"]["stop"]
    assert (shown["stop"], shown["stopReply"], shown["repliesPaid"]) == ([], "", False)
    wanted = {
        "languages": ["en", "es"],
        "stop": ["Genug"],
        "start": [],
        "help": ["Was?"],
        "stopReply": "{{ACCOUNT}}: done.",
        "helpReply": "",
        "repliesPaid": True,
    }
    put = await api.http.put("/v1/keywords", json=wanted, auth=auth)
    assert put.status_code == 200, put.text
    shown = (await api.http.get("/v1/keywords", auth=auth)).json()
    assert {key: shown[key] for key in wanted} == wanted
    now = await api.story.now()
    await text_in(api, "genug!", now)
    await text_in(api, "Abmelden", now, "+14155551003")
    assert await opted_out(api) == [WRITER]
    defaults = await api.http.put("/v1/keywords", json={}, auth=auth)
    assert defaults.json()["stop"] == [] and len(defaults.json()["languages"]) == 11


@pytest.mark.one_store
@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"languages": ["xx"]}, "languages[0]"),
        ({"stop": ["ok", "123"]}, "stop[1]"),
        ({"help": ["x" * 31]}, "help[0]"),
        ({"stopReply": "x" * 481}, "stopReply"),
        ({"helpReply": "a\u0007"}, "helpReply"),
    ],
)
async def test_a_setting_that_cannot_be_is_refused_with_its_place(
    api: Api, body: dict[str, object], place: str
) -> None:
    answer = await api.http.put("/v1/keywords", json=body, auth=api.basic())
    assert answer.status_code == 400
    assert [fault["place"] for fault in answer.json()["errors"]] == [place]
