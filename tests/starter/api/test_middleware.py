"""Faults on every route leave no value in the log, and every answer's request id is there."""

import itertools
from base64 import b64encode
from typing import Any

import httpx
import pytest

from store.accounts.api_keys import KeyPair
from tests.conftest import LONG_CODE
from tests.dialects.http.test_access import belongings, filled, headers, operations
from tests.serving import Api
from tests.telemetry.planting import NAME, NUMBER, TEXT, failing, leaks, recorded

ONE = {"to": NUMBER, "text": TEXT, "fields": {"NAME": NAME}, "reference": NAME}
PLAIN = {"from": LONG_CODE, "body": TEXT}
FONE = {"To": NUMBER, "From": LONG_CODE, "Text": TEXT, "ExternalId": NAME}
MOBIVATE = {"originator": LONG_CODE.removeprefix("+"), "text": TEXT}
# A request that gets as far as the store.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/v1/campaigns"): {"name": NAME, "text": TEXT, "recipients": [ONE]},
    ("PATCH", "/v1/campaigns/{id}"): {"rate": 5},
    ("POST", "/v1/opt-outs"): {"number": NUMBER},
    ("POST", "/v1/mailing-lists"): {"name": NAME},
    ("POST", "/v1/mailing-lists/{id}/members"): {"members": [{"to": NUMBER, "name": NAME}]},
    ("POST", "/v1/webhooks"): {"url": f"https://hooks.customer.example/{NAME}"},
    ("PATCH", "/v1/webhooks/{id}"): {"url": f"https://hooks.customer.example/{NAME}"},
    ("POST", "/v1/senders"): {"address": NUMBER},
    ("POST", "/v1/keys"): {"permissions": ["read:Campaigns"]},
    ("POST", "/api/v1/messaging/batch"): {
        "from": LONG_CODE,
        "recipients": [{"to": f"{NUMBER[:-1]}{last}", "body": TEXT} for last in range(10)],
    },
    ("POST", "/api/v1/messaging/broadcast"): {
        **PLAIN,
        "recipients": [{"to": f"{NUMBER[:-3]}{last}"} for last in range(200, 400)],
    },
    ("POST", "/api/v1/messaging/message"): {**PLAIN, "to": NUMBER},
    ("POST", "/v2/Properties/{PropertySid}/Messages"): FONE,
    ("POST", "/v2/Properties/{PropertySid}/BatchMessages"): {"Messages": [FONE]},
    ("POST", "/send/batch"): {
        **MOBIVATE,
        "name": NAME,
        "recipients": [{"recipient": NUMBER[1:], "meta": {"NAME": NAME}}],
    },
    ("POST", "/send/single"): {**MOBIVATE, "recipient": NUMBER[1:]},
    ("POST", "/addressbook/optout"): {"mobile": NUMBER[1:]},
    ("POST", "/carriers/{name}/receipts"): {
        "id": "pretend-1",
        "reference": "msg_none",
        "status": "delivered",
        "at": "2026-11-28T12:00:00Z",
    },
    ("POST", "/carriers/{name}/inbound"): {
        "from": NUMBER,
        "to": LONG_CODE,
        "body": TEXT,
        "at": "2026-11-28T12:00:00Z",
    },
}
NUMBERS = itertools.count(1)
UNLISTED = [("GET", "/carriers/{name}/receipts"), ("GET", "/carriers/{name}/inbound")]
# These ask no store, and the second what it is.
STORELESS = {("GET", "/healthz"), ("GET", "/metrics"), ("GET", "/readyz"), *UNLISTED}


async def ask(api: Api, method: str, path: str, url: str, pair: KeyPair) -> httpx.Response:
    """Make one request as an ordinary client of the path's API makes it."""
    sent = {**headers(pair, path), "x-request-id": f"ask-{next(NUMBERS)}"}
    if path.endswith("bulk_sms"):
        form = {"recipients": NUMBER[1:], "template": TEXT, "sender_id": LONG_CODE[1:]}
        return await api.http.request(method, url, data=form, headers=sent)
    if (body := BODIES.get((method, path))) is not None:
        return await api.http.request(method, url, json=body, headers=sent)
    return await api.http.request(method, url, headers=sent)


def secrets_of(pair: KeyPair) -> tuple[str, ...]:
    """What a request proves itself with, in every form that a header has."""
    basic = b64encode(f"{pair.key_id}:{pair.secret}".encode()).decode()
    return pair.secret, pair.bearer, basic


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("fails", ["after authentication", "everything"])
async def test_a_fault_on_any_route_leaves_no_value_in_the_log(
    api: Api, log_format: str, fails: str
) -> None:
    things = await belongings(api) | {"{name}": "pretend", "{number}": NUMBER, "{code}": "Ab3Ab3Ab"}
    things["/v1/opt-outs/{number}"] = things["/v1/mailing-lists/{id}/members/{number}"] = NUMBER
    things["/v1/senders/{address}"] = NUMBER
    asked = [*await operations(api), *UNLISTED]
    pairs = {operation: api.key() for operation in asked}
    statuses: dict[tuple[str, str], int] = {}
    answers: list[httpx.Response] = []
    everything = fails == "everything"
    with (
        recorded(log_format) as log,
        failing(api.story.store.database, lambda sql: everything or "api_key" not in sql) as failed,
    ):
        for method, path in asked:
            url = filled(path, things, change=False)
            answer = await ask(api, method, path, url, pairs[method, path])
            statuses[method, path] = answer.status_code
            answers.append(answer)
    written = log.getvalue()
    assert len(failed) >= len(asked) * 2 // 3, "too few requests met the fault"
    if everything:
        spared = {one for one, status in statuses.items() if status != 500}
        assert spared <= STORELESS
    secrets = [secret for pair in pairs.values() for secret in secrets_of(pair)]
    assert leaks(written, *secrets) == []
    assert "IntegrityError" in written
    for answer in answers:
        assert answer.headers["x-request-id"] in written
        assert leaks(answer.text) == [] or answer.status_code < 500
