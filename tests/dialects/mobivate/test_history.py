"""The history and the opt-outs as present Mobivate clients read them, and receipts in XML."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest

from dialects.mobivate.events import receipt_xml
from tests.dialects.mobivate.calls import accepted, batch, bearer, check_error
from tests.dialects.mobivate.test_callbacks import deliveries
from tests.dialects.mobivate.test_events import MESSAGE
from tests.receiving import receive
from tests.serving import Api

ENVELOPE = {"type", "results", "scanned", "matches", "offset", "limit"}
RECORD = {"id", "reference", "status", "price", "currency", "parts", "created_at", "updated_at"}


async def read(api: Api, path: str, **query: str | int) -> dict[str, Any]:
    answer = await api.http.get(path, params=query, headers=bearer(api))
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    assert set(shown) == ENVELOPE
    return shown


async def test_the_history_has_the_vendors_envelope_and_records(api: Api) -> None:
    body = batch(3)
    body["recipients"][0]["reference"] = "aaa"
    body["recipients"][2]["originator"] = "72345"
    record = await accepted(api, body)
    await api.finished(record["id"])
    shown = await read(api, "/messages/history")
    assert (shown["scanned"], shown["matches"], shown["offset"], shown["limit"]) == (3, 3, 0, 100)
    first = shown["results"][0]
    assert set(first) == RECORD
    assert (first["reference"], first["parts"], first["currency"]) == ("aaa", 1, "CREDITS")
    assert first["price"] == 2 and first["status"] in ("ACCEPTED", "DELIVERED")
    of_one = await read(api, "/messages/history", originator="72345")
    assert (of_one["scanned"], of_one["matches"], len(of_one["results"])) == (3, 1, 1)
    second = await read(api, "/messages/history", limit=1, offset=1)
    assert [one["id"] for one in second["results"]] == [shown["results"][1]["id"]]
    assert second["matches"] == 3
    # The end of the time is exclusive, its start is not.
    at = first["created_at"].partition(".")[0] + "Z"
    assert (await read(api, "/messages/history", toDate=at))["matches"] == 0
    assert (await read(api, "/messages/history", fromDate=at))["matches"] == 3


async def test_the_opt_outs_have_the_same_envelope(api: Api) -> None:
    store, account = api.story.store, api.story.account.id
    for number, source in (("+447911123457", "api"), ("+447911123458", "inbound")):
        store.opt_outs.add(account, number, source, 5)
    shown = await read(api, "/addressbook/optouts")
    assert (shown["scanned"], shown["matches"]) == (2, 2)
    first = shown["results"][0]
    members = {"userID", "msisdn", "note", "created_at", "updated_at", "id", "group"}
    assert set(first) == members
    assert (first["userID"], first["msisdn"], first["note"]) == (account, "447911123457", "API")
    rest = await read(api, "/addressbook/optouts", offset=1, limit=5_000)
    assert [one["msisdn"] for one in rest["results"]] == ["447911123458"]
    assert (rest["matches"], rest["offset"], rest["limit"]) == (2, 1, 5_000)


@pytest.mark.one_store
async def test_a_query_that_cannot_be_read_is_a_validation_error(api: Api) -> None:
    wrong = (("limit", "0"), ("limit", "5001"), ("offset", "-1"), ("fromDate", "yesterday"))
    for name, value in wrong:
        answer = await api.http.get("/messages/history", params={name: value}, headers=bearer(api))
        check_error(answer, "ValidationError", 400)
    for path in ("/messages/history", "/addressbook/optouts"):
        answer = await api.http.get(path, params={"limit": "many"}, headers=bearer(api))
        check_error(answer, "ValidationError", 400)
        answer = await api.http.get(path, headers={"authorization": "Bearer nobody"})
        check_error(answer, "AuthenticationError", 403)


def test_a_receipt_in_xml_has_the_members_of_the_vendors_form() -> None:
    root = ElementTree.fromstring(receipt_xml(MESSAGE))
    assert root.tag == "deliveryreceipt"
    assert [(child.tag, child.text) for child in root] == [
        ("deliveryMessageId", "msg_1"),
        ("clientReference", "aaa"),
        ("status", "DELIVERED"),
        ("statusCode", "1"),
        ("part", "2"),
        ("parts", "2"),
    ]


@pytest.mark.parametrize(
    "reference, read",
    [
        ("<a>&\"'", "<a>&\"'"),
        ("a\x00b\x1fc", "a\ufffdb\ufffdc"),
        ("\u00fc & 100%", "\u00fc & 100%"),
    ],
)
def test_no_reference_breaks_the_document(reference: str, read: str) -> None:
    root = ElementTree.fromstring(receipt_xml(replace(MESSAGE, reference=reference)))
    assert root.findtext("clientReference") == read


async def test_the_account_chooses_the_form_of_its_receipts(api: Api) -> None:
    api.story.store.accounts.update(api.story.account.id, receipt_form="xml")
    async with receive() as receiver, deliveries(api.story):
        record = await accepted(api, batch(1, callbackURL=receiver.url))
        (taken,) = (await receiver.until(lambda found: len(found) >= 1))[:1]
    assert taken.headers["content-type"] == "application/x-www-form-urlencoded"
    (document,) = parse_qs(taken.body.decode(), strict_parsing=True)["xml"]
    root = ElementTree.fromstring(document)
    messages = api.story.store.campaigns.messages(record["id"])
    assert root.findtext("deliveryMessageId") == messages[0].id
    assert root.findtext("status") == "ACCEPTED"
