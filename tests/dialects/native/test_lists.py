"""Mailing lists over HTTP: made, filled by JSON and CSV, kept apart, and sent to."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from dialects.native.list_members import XLSX
from store.accounts import mailing_lists
from store.campaigns.audit import audit
from tests.dialects.mobivate.calls import accepted, batch, check_error, post, sample, texts
from tests.serving import Api
from tests.spreadsheets.making import workbook

LISTS = "/v1/mailing-lists"
Json = dict[str, Any]


async def call(api: Api, method: str, path: str, **more: Any) -> httpx.Response:
    return await api.http.request(method, LISTS + path, auth=more.pop("auth", api.basic()), **more)


async def make(api: Api, *numbers: str, name: str = "spring") -> str:
    """A list with these members, each with a NAME; its id."""
    made = await call(api, "POST", "", json={"name": name})
    assert made.status_code == 201, made.text
    id: str = made.json()["id"]
    if numbers:
        members = [
            {"to": one, "fields": {"NAME": f"N{index}"}} for index, one in enumerate(numbers)
        ]
        filled = await call(api, "POST", f"/{id}/members", json={"members": members})
        assert filled.status_code == 200, filled.text
    return id


async def import_csv(api: Api, id: str, text: str | bytes) -> httpx.Response:
    content = text if isinstance(text, bytes) else text.encode()
    headers = {"content-type": "text/csv; charset=utf-8"}
    return await call(api, "POST", f"/{id}/members", content=content, headers=headers)


async def send(api: Api, expected: int = 201, **body: Any) -> Json:
    answer = await api.http.post("/v1/campaigns", json=body, auth=api.basic())
    assert answer.status_code == expected, answer.text
    shown: Json = answer.json()
    return shown


@pytest.mark.one_store
async def test_a_list_is_made_looked_at_and_deleted(api: Api) -> None:
    made = await call(api, "POST", "", json={"name": "spring"})
    shown = made.json()
    assert set(shown) == {"id", "name", "members", "createdAt"}
    assert uuid.UUID(shown["id"]).version == 4 and shown["members"] == 0
    assert made.headers["location"] == f"{LISTS}/{shown['id']}"
    assert (await call(api, "GET", f"/{shown['id'].upper()}")).json() == shown
    assert (await call(api, "GET", "")).json() == {"mailingLists": [shown], "next": None}
    again = await call(api, "POST", "", json={"name": "spring"})
    assert (again.status_code, again.json()["type"]) == (
        409,
        "urn:godwit:problem:mailing_list_name_taken",
    )
    assert (await call(api, "DELETE", f"/{shown['id']}")).status_code == 204
    assert (await call(api, "DELETE", f"/{shown['id']}")).status_code == 404
    assert (await call(api, "GET", f"/{shown['id']}")).status_code == 404


@pytest.mark.one_store
@pytest.mark.parametrize(
    "body", [{}, [], {"name": ""}, {"name": 7}, {"name": "x" * 101}, {"name": "a\x07"}, {"id": "x"}]
)
async def test_a_list_needs_a_name_and_nothing_else(api: Api, body: Any) -> None:
    assert (await call(api, "POST", "", json=body)).status_code == 400
    extra = await call(api, "POST", "", json={"name": "x", "size": 5})
    assert extra.status_code == 400
    assert (await call(api, "GET", "")).json()["mailingLists"] == []


async def test_members_are_added_changed_paged_and_removed(api: Api) -> None:
    id = await make(api, "+14155550101", "14155550102", "001 415 555 0103")
    answer = await call(
        api,
        "POST",
        f"/{id}/members",
        params={"replace": "true"},
        json={"members": [{"to": "+14155550102"}, {"to": "1 415 555 0104"}]},
    )
    assert answer.json() == {"added": 1, "updated": 1, "members": 4}
    first = (await call(api, "GET", f"/{id}/members", params={"limit": 3})).json()
    assert [one["to"] for one in first["members"]] == [f"+1415555010{n}" for n in (1, 2, 3)]
    assert [one["fields"] for one in first["members"]] == [{"NAME": "N0"}, {}, {"NAME": "N2"}]
    rest = await call(api, "GET", f"/{id}/members", params={"limit": 3, "cursor": first["next"]})
    assert [one["to"] for one in rest.json()["members"]] == ["+14155550104"]
    assert rest.json()["next"] is None
    assert (await call(api, "DELETE", f"/{id}/members/14155550101")).status_code == 204
    assert (await call(api, "DELETE", f"/{id}/members/%2B14155550101")).status_code == 404
    assert (await call(api, "GET", f"/{id}")).json()["members"] == 3
    for limit in (0, 1_001):
        assert (await call(api, "GET", f"/{id}/members?limit={limit}")).status_code == 400


@pytest.mark.one_store
@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, ""),
        ({"members": {}}, ""),
        ({"members": [], "extra": 1}, ""),
        ({"members": []}, "members"),
        ({"members": ["+14155550101"]}, "members[0]"),
        ({"members": [{"to": "+14155550101", "id": 1}]}, "members[0]"),
        ({"members": [{"fields": {}}]}, "members[0]"),
        ({"members": [{"to": "+14155550101"}, {"to": "0800"}]}, "members[1]"),
        ({"members": [{"to": 14155550101}]}, "members[0]"),
        ({"members": [{"to": "+14155550101", "fields": ["a"]}]}, "members[0].fields"),
        ({"members": [{"to": "+14155550101", "fields": {"A": 1}}]}, "members[0].fields"),
        ({"members": [{"to": "+14155550101", "fields": {"A{B": "x"}}]}, "members[0]"),
        ({"members": [{"to": "+14155550101", "fields": {"A": "x" * 1_601}}]}, "members[0]"),
        (
            {"members": [{"to": "+14155550101", "fields": {f"F{n}": "" for n in range(51)}}]},
            "members[0]",
        ),
        ({"members": [{"to": "+14155550101"}] * 10_001}, "members"),
    ],
)
async def test_one_bad_member_and_nobody_is_added(api: Api, body: Json, place: str) -> None:
    id = await make(api)
    answer = await call(api, "POST", f"/{id}/members", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["place"] == place
    assert "1415555" not in answer.text
    assert (await call(api, "GET", f"/{id}")).json()["members"] == 0


async def test_ten_thousand_members_come_in_one_call(api: Api) -> None:
    id = await make(api)
    members = [{"to": f"+1415{5_000_000 + index}"} for index in range(10_000)]
    answer = await call(api, "POST", f"/{id}/members", json={"members": members})
    assert answer.json() == {"added": 10_000, "updated": 0, "members": 10_000}


@pytest.mark.one_store
@pytest.mark.parametrize(
    ("text", "members"),
    [
        (
            "to,NAME,CITY\n+14155550101,Ada,London\n14155550102,,Rome\n",
            [{"NAME": "Ada", "CITY": "London"}, {"NAME": "", "CITY": "Rome"}],
        ),
        (
            '\ufeffNAME;Mobile\r\nAda;+1 (415) 555-0101\r\n\r\n"a;""b""\nc";14155550102\r\n',
            [{"NAME": "Ada"}, {"NAME": 'a;"b"\nc'}],
        ),
        ("phone\n+14155550101\n+14155550102", [{}, {}]),
        ("to,A,B\n14155550101,1\n14155550102,1,2\n", [{"A": "1"}, {"A": "1", "B": "2"}]),
    ],
)
async def test_a_csv_file_brings_numbers_and_fields(
    api: Api, text: str, members: list[dict[str, str]]
) -> None:
    id = await make(api)
    answer = await import_csv(api, id, text)
    assert answer.json() == {"added": 2, "updated": 0, "members": 2}, answer.text
    found = (await call(api, "GET", f"/{id}/members")).json()["members"]
    assert [one["to"] for one in found] == ["+14155550101", "+14155550102"]
    assert [one["fields"] for one in found] == members


@pytest.mark.one_store
@pytest.mark.parametrize(
    ("text", "status", "result"),
    [
        (b"", 400, "no column"),
        (b"name,city\nAda,London\n", 400, "no column"),
        (b"to,a,A\n14155550101,1,2\n", 400, "column twice"),
        (b"to\n", 400, "no members"),
        (b"to\n14155550101\n0800\n", 400, "line 3"),
        (b"to\n14155550101,Ada\n", 400, "line 2"),
        (b'to,a\n14155550101,"open\n', 400, "not CSV"),
        (b"to,a\n14155550101," + b"x" * 200_000, 400, "not CSV"),
        (b"to\n\xff\xfe\n", 400, "UTF-8"),
        (b"to\n1415555\x000101\n", 400, "NUL"),
        # The fault is in the header.
        (b"to,a{b\n14155550101,x\n", 400, "line 1"),
        (b"to\n" + b" " * (16 * 1024 * 1024), 400, "not CSV"),
    ],
)
async def test_a_csv_file_with_a_fault_adds_nobody(
    api: Api, text: bytes, status: int, result: str
) -> None:
    id = await make(api)
    answer = await import_csv(api, id, text)
    assert answer.status_code == status and result in answer.text
    assert (await call(api, "GET", f"/{id}")).json()["members"] == 0


@pytest.mark.one_store
async def test_what_no_campaign_may_send_is_refused_at_import_with_its_line(api: Api) -> None:
    id = await make(api)
    text = "to,NAME,CITY\n14155550101,Ada,Rome\n\n0800,Bob,\u202eolso\n14155550102,#N/A,x\n"
    answer = await import_csv(api, id, text)
    assert answer.status_code == 400, answer.text
    found = [
        (error["place"], error["code"], *error["details"].values())
        for error in answer.json()["errors"]
    ]
    assert found == [
        ("line 4", "number_invalid", 4, "to", "0800"),
        ("line 4", "characters_invalid", 4, "CITY", "\u202eolso"),
        ("line 5", "field_invalid", 5, "NAME", "#N/A"),
    ]
    members = [{"to": "+14155550101"}, {"to": "+14155550102", "fields": {"NAME": "a\u202eb"}}]
    answer = await call(api, "POST", f"/{id}/members", json={"members": members})
    error = answer.json()["errors"][0]
    assert (error["place"], error["code"]) == ("members[1]", "characters_invalid")
    assert (await call(api, "GET", f"/{id}")).json()["members"] == 0


async def test_an_import_with_fewer_columns_keeps_the_other_fields(api: Api) -> None:
    id = await make(api)
    await import_csv(api, id, "to,name,city\n14155550101,Ada,Rome\n14155550102,Bob,Oslo\n")

    async def fields() -> list[dict[str, str]]:
        found = (await call(api, "GET", f"/{id}/members")).json()["members"]
        return [one["fields"] for one in found]

    answer = await import_csv(api, id, "to, NAME \n14155550101,Eve\n")
    assert answer.json() == {"added": 0, "updated": 1, "members": 2}
    assert await fields() == [{"city": "Rome", "NAME": "Eve"}, {"name": "Bob", "city": "Oslo"}]
    await import_csv(api, id, "to\n14155550101\n14155550102\n")
    members = {"members": [{"to": "+14155550102", "fields": {"City": "Bern"}}]}
    await call(api, "POST", f"/{id}/members", json=members)
    assert await fields() == [{"city": "Rome", "NAME": "Eve"}, {"name": "Bob", "City": "Bern"}]
    headers = {"content-type": "text/csv"}
    replaced = await call(
        api,
        "POST",
        f"/{id}/members",
        params={"replace": "true"},
        content=b"to,name\n14155550101,Zoe\n",
        headers=headers,
    )
    assert replaced.json() == {"added": 0, "updated": 1, "members": 2}
    assert await fields() == [{"name": "Zoe"}, {"name": "Bob", "City": "Bern"}]


async def test_an_import_may_not_give_a_member_more_fields_than_can_be_sent(api: Api) -> None:
    id = await make(api)
    many = {f"F{index}": "x" for index in range(50)}
    members = {"members": [{"to": "+14155550101", "fields": many}]}
    assert (await call(api, "POST", f"/{id}/members", json=members)).status_code == 200
    answer = await import_csv(api, id, "to,f0,EXTRA\n14155550101,y,z\n")
    assert (answer.status_code, answer.json()["type"]) == (
        409,
        "urn:godwit:problem:mailing_list_fields_full",
    )
    found = (await call(api, "GET", f"/{id}/members")).json()["members"]
    assert found[0]["fields"] == many


@pytest.mark.one_store
async def test_workbooks_and_other_encodings_are_imported_and_said(api: Api) -> None:
    id = await make(api)
    content = workbook([[" Mobile ", "First Name"], [14155550101.0, "Ada"], [], ["0800", None]])
    headers = {"content-type": XLSX}
    answer = await call(api, "POST", f"/{id}/members", content=content, headers=headers)
    assert answer.json()["errors"][0]["details"] == {"line": 4, "column": "Mobile", "value": "0800"}
    content = workbook(
        [[" Mobile ", "First Name"], [14155550101.0, "Ada"], [], ["+14155550102", None]]
    )
    answer = await call(api, "POST", f"/{id}/members", content=content, headers=headers)
    assert answer.json() == {"added": 2, "updated": 0, "members": 2}
    answer = await import_csv(api, id, "to\tFirst Name\n14155550102\tJosé\n".encode("cp1252"))
    assert answer.json()["updated"] == 1 and "Windows-1252" in answer.json()["notes"][0]
    found = (await call(api, "GET", f"/{id}/members")).json()["members"]
    assert [one["fields"] for one in found] == [{"First Name": "Ada"}, {"First Name": "José"}]


async def test_a_template_fault_says_which_members_of_a_list_and_how_many(api: Api) -> None:
    id = await make(api, *(f"+1415555010{n}" for n in range(5)))
    await import_csv(api, id, "to\n14155550151\n14155550152\n14155550150\n")
    people = [{"to": "+14155550199", "fields": {"NAME": "x"}}, {"mailingList": id}]
    problem = await send(api, 400, text="Hi {{NAME}}", sender="GODWIT", recipients=people)
    assert [(error["place"], error["code"], error["details"]) for error in problem["errors"]] == [
        (
            "recipients[1].members[5].fields",
            "template_fields_missing",
            {"members": 3, "member": "+14155550150"},
        )
    ]
    assert "3 members" in problem["errors"][0]["detail"]


@pytest.mark.one_store
async def test_other_kinds_of_bodies_are_415(api: Api) -> None:
    id = await make(api)
    for kind in ("text/plain", "application/vnd.ms-excel", ""):
        headers = {"content-type": kind}
        answer = await call(api, "POST", f"/{id}/members", content=b"to\n", headers=headers)
        assert answer.status_code == 415


async def test_another_account_sees_and_changes_nothing(api: Api) -> None:
    id = await make(api, "+14155550101")
    _, pair = api.story.store.accounts.create("other", 0, 100, 0, ("NEIGHBOUR",))
    auth = httpx.BasicAuth(pair.key_id, pair.secret)
    body = {"members": [{"to": "+14155550102"}]}
    for method, path in (
        ("GET", f"/{id}"),
        ("DELETE", f"/{id}"),
        ("GET", f"/{id}/members"),
        ("POST", f"/{id}/members"),
        ("DELETE", f"/{id}/members/+14155550101"),
    ):
        answer = await call(api, method, path, json=body, auth=auth)
        assert answer.status_code == 404
        unknown = await call(api, method, path.replace(id, str(uuid.uuid4())), json=body, auth=auth)
        assert answer.content == unknown.content
    campaign = {"text": "Hello", "recipients": [{"mailingList": id}]}
    refused = await api.http.post("/v1/campaigns", json=campaign, auth=auth)
    assert refused.json()["errors"][0]["code"] == "mailing_list_unknown"
    assert (await call(api, "GET", f"/{id}")).json()["members"] == 1


@pytest.mark.one_store
async def test_keys_need_the_permissions(api: Api) -> None:
    id = await make(api)
    reader, sender = api.basic("read:Campaigns"), api.basic("create:BatchSMS")
    assert (await call(api, "GET", f"/{id}", auth=reader)).status_code == 200
    assert (await call(api, "DELETE", f"/{id}", auth=reader)).status_code == 403
    assert (await call(api, "GET", "", auth=sender)).status_code == 403
    assert (await api.http.get(LISTS)).status_code == 401


async def test_a_campaign_to_lists_and_people_skips_repeats_over_all(api: Api) -> None:
    one = await make(api, "+14155550101", "+14155550102", "+14155550103")
    two = await make(api, "+14155550103", "+14155550104", name="two")
    shown = await send(
        api,
        sender="GODWIT",
        text="Hi {{NAME}} of {{CITY}}",
        recipients=[
            {"to": "+14155550102", "fields": {"NAME": "Own", "CITY": "Rome"}},
            {"mailingList": one, "fields": {"name": "nobody", "CITY": "Oslo"}, "reference": "r"},
            {"mailingList": two.upper(), "text": "For two: {{NAME}}", "sender": "72345"},
        ],
    )
    assert (shown["counts"]["total"], shown["counts"]["skipped"]) == (6, 2)
    done = await api.finished(shown["id"])
    assert (done["counts"]["sent"], done["counts"]["skipped"]) == (4, 2)
    said = {str(row["to"]): row["from"] for row in api.story.carrier.log}
    assert sorted(said) == [f"+1415555010{n}" for n in (1, 2, 3, 4)]
    assert said["+14155550103"] == "GODWIT" and said["+14155550104"] == "72345"
    messages = api.story.store.campaigns.messages(shown["id"])
    assert [one.text for one in messages if one.reason is None] == [
        "Hi Own of Rome",
        "Hi N0 of Oslo",
        "Hi N2 of Oslo",
        "For two: N1",
    ]
    assert [one.reference for one in messages] == [None, "r", "r", "r", None, None]


@pytest.mark.one_store
@pytest.mark.parametrize(
    ("recipients", "code", "place"),
    [
        ([{"mailingList": str(uuid.uuid4())}], "mailing_list_unknown", "recipients[0].mailingList"),
        ([{"mailingList": "spring"}], "mailing_list_unknown", "recipients[0].mailingList"),
        ([{"to": "+14155550101"}, {}], "field_missing", "recipients[1].to"),
        (
            [{"to": "+14155550101", "mailingList": "x"}],
            "field_invalid",
            "recipients[0].mailingList",
        ),
        ([{"mailingList": 7}], "field_invalid", "recipients[0].mailingList"),
    ],
)
async def test_a_list_that_is_not_there_is_a_typed_refusal(
    api: Api, recipients: list[Json], code: str, place: str
) -> None:
    problem = await send(api, 400, text="Hello", recipients=recipients)
    error = problem["errors"][0]
    assert (error["code"], error["place"]) == (code, place)
    assert api.story.store.campaigns.list() == []


@pytest.mark.one_store
async def test_an_empty_list_and_a_key_on_a_list_are_refused(api: Api) -> None:
    empty, full = await make(api), await make(api, "+14155550101", name="full")
    people = [{"to": "+14155550101"}, {"mailingList": empty}]
    error = (await send(api, 400, text="Hello", recipients=people))["errors"][0]
    assert (error["code"], error["place"]) == ("mailing_list_empty", "recipients[1].mailingList")
    keyed = [{"mailingList": full, "idempotencyKey": "once"}]
    error = (await send(api, 400, text="Hello", recipients=keyed))["errors"][0]
    assert error["place"] == "recipients[0].idempotencyKey"


async def test_lists_count_with_their_members_against_the_most(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailing_lists, "MEMBERS_MAX", 50_000)
    id = await make(api)
    for part in range(5):
        low = 5_000_000 + part * 10_000
        members = [{"to": f"+1415{low + index}"} for index in range(10_000)]
        await call(api, "POST", f"/{id}/members", json={"members": members})
    full = await call(api, "POST", f"/{id}/members", json={"members": [{"to": "+14165550001"}]})
    assert (full.status_code, full.json()["type"]) == (409, "urn:godwit:problem:mailing_list_full")
    people = [{"mailingList": id}, {"to": "+14165550001"}]
    error = (await send(api, 400, text="Hello", recipients=people))["errors"][0]
    assert error["code"] == "too_many_recipients" and "more than 50,000" in error["detail"]
    many = [{"mailingList": id}] * 1_000
    problem = await send(api, 400, text="Hello", recipients=many)
    assert "50000000" in problem["errors"][0]["detail"]


@pytest.mark.one_store
async def test_places_point_at_the_entry_of_the_request(api: Api) -> None:
    id = await make(api, "+14155550101", "+14155550102", "+14155550103")
    people = [{"mailingList": id}, {"to": "+14155550109", "text": "Cheap vodka, two for one"}]
    problem = await send(api, 422, text="Hello", sender="GODWIT", recipients=people)
    assert problem["errors"][0]["place"] == "recipients[1].text"
    people[1]["text"] = "x" * 1_601
    problem = await send(api, 400, text="Hello", sender="GODWIT", recipients=people)
    assert problem["errors"][0]["place"] == "recipients[1].text"
    people[1]["text"] = "Cheap vodka, two for one"
    answer = await api.http.post(
        "/v1/campaigns?dryRun=true",
        json={"text": "Hello", "sender": "GODWIT", "recipients": people},
        auth=api.basic(),
    )
    preview = answer.json()
    assert (preview["total"], preview["refusals"][0]["place"]) == (4, "recipients[1].text")


async def test_whoever_leaves_or_opts_out_before_the_send_gets_nothing(api: Api) -> None:
    id = await make(api, *(f"+1415555010{n}" for n in range(1, 6)))
    soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    record = await accepted(
        api,
        batch(
            recipients=[{"recipient": id, "meta": {"type": "mailinglist"}}], scheduleDateTime=soon
        ),
    )
    assert record["recipientCount"] == 5
    await call(api, "DELETE", f"/{id}/members/+14155550102")
    await call(api, "POST", f"/{id}/members", json={"members": [{"to": "+14155550109"}]})
    api.story.store.opt_outs.add(api.story.account.id, "+14155550104", "inbound", 1)
    done = await api.finished(record["id"])
    assert (done["counts"]["sent"], done["counts"]["skipped"]) == (3, 2)
    taken = sorted(str(row["to"])[-4:] for row in api.story.carrier.log)
    assert taken == ["0101", "0103", "0105"]


async def test_the_example_of_the_page_sends_as_the_page_describes(api: Api) -> None:
    store, account = api.story.store, api.story.account.id
    for originator in ("test", "CustomOrigi"):
        store.accounts.add_sender(account, originator, 1)
    body = sample("batch")
    # Its own name is one letter longer than networks carry.
    long = check_error(await post(api, body), "ValidationError", 400)
    assert [one["path"] for one in long["details"]] == ["recipients[2].originator"]
    body["recipients"][2]["originator"] = "CustomOrigi"
    missing = await post(api, body)
    error = check_error(missing, "ValidationError", 400)
    assert error["details"][0]["path"] == "recipients[3].recipient"
    store.lists.create(account, body["recipients"][3]["recipient"], "My list", 1)
    members = {"members": [{"to": "447900000108", "fields": {"NAME": "Jill", "CITY": "Cork"}}]}
    members["members"].append({"to": "+447900000109"})
    list_id = body["recipients"][3]["recipient"]
    await call(api, "POST", f"/{list_id}/members", json=members)
    # Its own numbers end in digits that mean trouble to the pretend carrier.
    for index, recipient in enumerate(body["recipients"][:3]):
        recipient["recipient"] = f"44790000010{index}"
    record = await accepted(api, body)
    assert (record["type"], record["recipientCount"]) == ("BatchSMS", 5)
    assert texts(api, record["id"]) == [
        "Hello John, how is the weather in London?",
        "Hello Jack, how is the weather in Dublin?",
        "Hello Michael. How are you?",
        "Hello Jill, how is the weather in Cork?",
        "Hello , how is the weather in ?",
    ]
    campaign = await api.finished(record["id"])
    assert (campaign["name"], campaign["counts"]["sent"]) == ("My Campaign", 5)
    said = {str(row["to"]): row["from"] for row in api.story.carrier.log}
    assert said["+447900000102"] == "CustomOrigi"
    assert len(said) == 5
    messages = store.campaigns.messages(record["id"])
    assert [one.reference for one in messages] == ["aaa", "bbb", "ccc", None, None]


async def test_lists_and_campaigns_at_once_keep_the_books(api: Api) -> None:
    id = await make(api, *(f"+141555510{n:02d}" for n in range(40)))
    body: Json = {"text": "Hello", "sender": "GODWIT", "recipients": [{"mailingList": id}]}

    async def leave(index: int) -> None:
        await call(api, "DELETE", f"/{id}/members/+141555510{index:02d}")

    leaving = asyncio.gather(*(leave(index) for index in range(20)))
    first, _ = await asyncio.gather(send(api, **body), leaving)
    counts = (await api.finished(first["id"]))["counts"]
    assert counts["sent"] + counts["skipped"] == counts["total"]
    assert len(api.story.carrier.log) == counts["sent"] >= 20
    assert audit(api.story.store.database).findings == ()
