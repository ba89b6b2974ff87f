"""Requests to the Textingline routes, their faults, and what holds for each error."""

from collections.abc import Callable
from typing import Any

import httpx

from tests.conftest import LONG_CODE
from tests.serving import Api

LIMIT_HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
TEXT = "The harbour market opens at nine"
Body = dict[str, Any]
Fault = tuple[Callable[[Body], object], int, str]


def check_error(answer: httpx.Response, code: int, status: int) -> Body:
    """Hold an answer against the vendor's error shape."""
    assert answer.status_code == status, answer.text
    error: Body = answer.json()
    assert set(error) - {"details"} == {"code", "message", "status", "moreInfo"}
    assert (error["code"], error["status"]) == (code, status)
    assert isinstance(error["message"], str) and error["moreInfo"].startswith("https://")
    for header in LIMIT_HEADERS:
        assert answer.headers[header].isdigit(), header
    return error


def without(member: str) -> Callable[[Body], None]:
    return lambda body: body.pop(member)


def set_first(member: str, value: object) -> Callable[[Body], None]:
    return lambda body: body["recipients"][0].__setitem__(member, value)


def put(member: str, value: object) -> Callable[[Body], None]:
    return lambda body: body.__setitem__(member, value)


def broadcast(api: Api, count: int = 100, **members: object) -> Body:
    """A broadcast to numbers that no request of this test had before."""
    recipients = [{"to": one["to"]} for one in api.batch(count)["recipients"]]
    return {"from": LONG_CODE, "body": TEXT, "recipients": recipients, **members}


def single(api: Api, **members: object) -> Body:
    """A message to a number that no request of this test had before."""
    to = api.batch(1)["recipients"][0]["to"]
    return {"to": to, "from": LONG_CODE, "body": TEXT, **members}


async def post(
    api: Api, route: str, body: object, auth: httpx.Auth | None = None
) -> httpx.Response:
    """Post to a route with a new key, or with the one given."""
    path = f"/api/v1/messaging/{route}"
    return await api.http.post(path, json=body, auth=auth or api.basic())


# What can be wrong with a request: how, the code, and the place that is told.
COMMON: dict[str, Fault] = {
    "no from": (without("from"), 33005, "from"),
    "a name to send from": (put("from", "GODWIT"), 33003, "from"),
    "a sender of another type": (put("from", 18005559876), 33003, "from"),
    "neither body nor media": (without("body"), 33005, "body"),
    "an empty body": (put("body", ""), 33005, "body"),
    "a body of another type": (put("body", 7), 33005, "body"),
    "a body of 641 characters": (put("body", "x" * 641), 33005, "body"),
    "a control character": (put("body", "bell \x07"), 33016, "body"),
    "media of another type": (put("mediaUrl", ["https://example.com"]), 33005, "mediaUrl"),
    "media that is no web address": (put("mediaUrl", "file:///etc/passwd"), 33017, "mediaUrl"),
    "a key of another type": (put("idempotencyKey", 12), 33005, "idempotencyKey"),
    "a key of one character": (put("idempotencyKey", "x"), 33005, "idempotencyKey"),
    "a key of 101 characters": (put("idempotencyKey", "x" * 101), 33005, "idempotencyKey"),
    "a key with a dot": (put("idempotencyKey", "a.b"), 33005, "idempotencyKey"),
}
BROADCAST_FAULTS: dict[str, Fault] = {
    **COMMON,
    "no recipients": (without("recipients"), 33005, "recipients"),
    "recipients of another type": (put("recipients", {}), 33005, "recipients"),
    "a recipient of another type": (put("recipients", ["+1"]), 33005, "recipients[0]"),
    "no to": (lambda body: body["recipients"][2].pop("to"), 33005, "recipients[2].to"),
    "a national number": (set_first("to", "4155550100"), 33003, "recipients[0].to"),
    "a number that cannot exist": (set_first("to", "+1415555"), 33003, "recipients[0].to"),
    "a recipient's key with a dot": (
        set_first("idempotencyKey", "a.b"),
        33005,
        "recipients[0].idempotencyKey",
    ),
    "99 recipients": (lambda body: body["recipients"].pop(), 33024, "recipients"),
    "50,001 recipients": (
        lambda body: body["recipients"].extend([{"to": "+14155550100"}] * 49_901),
        33024,
        "recipients",
    ),
    "a number twice": (
        lambda body: body["recipients"][99].update(body["recipients"][2]),
        33024,
        "recipients[99].to",
    ),
}
MESSAGE_FAULTS: dict[str, Fault] = {
    **COMMON,
    "no to": (without("to"), 33005, "to"),
    "a national number": (put("to", "4155550100"), 33003, "to"),
    "a number with a line end": (put("to", "+14155550100\n"), 33003, "to"),
    "a number that cannot exist": (put("to", "+1415555"), 33003, "to"),
}
