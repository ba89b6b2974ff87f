"""The sample request and answers of Telesign's API are what goes over the wire."""

import json
import re
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from dialects.telesign.requests import read
from store.accounts.api_keys import Principal
from tests.dialects.telesign.client import Bulk, bulk, check_accepted, form, signed
from tests.serving import Api

__all__ = ["bulk"]

SAMPLES = Path(__file__).parents[2] / "samples" / "telesign"


def sample(name: str, shown: dict[str, Any]) -> Any:
    """A sample answer with the id and the moment of a real one."""
    expected = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
    expected["reference_id"] = shown["reference_id"]
    expected["status"]["updated_on"] = shown["status"]["updated_on"]
    return expected


@pytest.mark.parametrize(
    "ucid", "ATCK BACF BACS CHBK CLDR LEAD OTHR PWRT RESV RXPF SHIP THEF TRVF UNKN".split()
)
def test_every_use_case_of_the_page_is_taken(ucid: str) -> None:
    principal = Principal("acc", "k", frozenset("*"), "", False, False, "random")
    fields = {"recipients": "14155550100", "template": "Hello", "ucid": ucid}
    assert read(fields, principal).text == "Hello"


@pytest.mark.parametrize(
    ("ucid", "purpose"),
    [("LEAD", "marketing"), ("PWRT", "transactional"), ("OTHR", None), ("UNKN", None), ("", None)],
)
def test_the_use_case_decides_the_purpose_where_it_says_one(ucid: str, purpose: str | None) -> None:
    principal = Principal("acc", "k", frozenset("*"), "", False, False, "random")
    fields = {"recipients": "14155550100", "template": "Hello", "ucid": ucid}
    assert read(fields, principal).purpose == purpose


@pytest.mark.one_store
async def test_the_sample_request_is_accepted_as_the_sample_answer_says(
    bulk: Bulk, api: Api
) -> None:
    body = (SAMPLES / "bulk.txt").read_bytes()
    for answer in (await bulk.post(body), await bulk.send(body, signed(api.key(), body))):
        reference_id = check_accepted(answer)
        assert answer.json() == sample("accepted", answer.json())
        messages = api.story.store.campaigns.messages(reference_id)
        assert [(message.to, message.reference) for message in messages] == [
            ("+14155550100", "order-1"),
            ("+14155550101", "order-2"),
        ]


@pytest.mark.one_store
async def test_the_sample_errors_are_what_is_answered(bulk: Bulk, api: Api) -> None:
    empty = (await bulk.post(form(recipients="", template="x"))).json()
    assert empty == sample("empty_recipients", empty)
    body = (SAMPLES / "bulk.txt").read_bytes()
    headers = signed(api.key(), body + b"&", date=None, x_ts_date=formatdate(usegmt=True))
    forged = (await bulk.send(body, headers)).json()
    expected = sample("invalid_signature", forged)
    for name in ("x-ts-date", "x-ts-nonce"):
        line = re.compile(f"^{name}:.*$", re.M)
        string = line.sub(f"{name}:{headers[name]}", expected["signature_string"])
        expected["signature_string"] = string
    assert forged == expected
