"""A Telesign client for tests, written from the vendor's pages alone."""

import base64
import hashlib
import hmac
import itertools
import re
import uuid
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from store.accounts.api_keys import KeyPair
from tests.serving import Api

PATH = "/v1/verify/bulk_sms"
FORM = "application/x-www-form-urlencoded"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
REFERENCE = re.compile(r"[0-9A-F]{32}")
STATUSES = {
    293: "Bulk request accepted",
    500: "Transaction not attempted",
    501: "Not authorized",
}


def mac(secret: str, content: bytes) -> str:
    """HMAC-SHA256 under the decoded API key, in Base64."""
    digest = hmac.new(base64.b64decode(secret), content, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def form(**fields: object) -> bytes:
    """Fields as browsers encode them."""
    return urlencode({name: str(value) for name, value in fields.items()}).encode()


def signed(pair: KeyPair, body: bytes, **headers: str | None) -> dict[str, str]:
    """The headers of a signed request; a header given replaces the usual one, None drops it."""
    usual: dict[str, str | None] = {
        "content-type": FORM,
        "date": formatdate(usegmt=True),
        "x-ts-auth-method": "HMAC-SHA256",
        "x-ts-nonce": str(uuid.uuid4()),
    }
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {name: value for name, value in {**usual, **given}.items() if value is not None}
    string = string_of(sent, body)
    return {**sent, "authorization": f"TSA {pair.key_id}:{mac(pair.secret, string)}"}


def string_of(headers: dict[str, str], body: bytes) -> bytes:
    """The string that is signed."""
    date = "" if "x-ts-date" in headers else headers.get("date", "")
    lines = ["POST", headers.get("content-type", ""), date]
    lines += [f"{name}:{headers[name]}" for name in sorted(headers) if name.startswith("x-ts-")]
    return b"\n".join(["\n".join(lines).encode(), *([body] if body else []), PATH.encode()])


@dataclass
class Bulk:
    """Posts bulk requests to an API under test."""

    api: Api
    _numbers: Any = field(default_factory=lambda: itertools.count(1_000))

    def numbers(self, count: int) -> list[str]:
        """So many numbers that no request of this test had before, as this API writes them."""
        return [f"1415555{next(self._numbers):04d}" for _ in range(count)]

    def fields(self, count: int = 3, **fields: object) -> dict[str, object]:
        """The fields of a good request, but for those given."""
        recipients = ",".join(self.numbers(count))
        return {"recipients": recipients, "template": "Your parcel is here", **fields}

    async def post(
        self, body: bytes, auth: httpx.Auth | None = None, **headers: str
    ) -> httpx.Response:
        """Post a body with Basic credentials."""
        sent = {"content-type": FORM, **{k.replace("_", "-"): v for k, v in headers.items()}}
        auth = auth or self.api.basic()
        return await self.api.http.post(PATH, content=body, headers=sent, auth=auth)

    async def post_fields(self, **fields: object) -> httpx.Response:
        """Post a good request, but for the fields given."""
        return await self.post(form(**self.fields(**fields)))  # type: ignore[arg-type]

    async def send(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """Post a body with headers as they are."""
        return await self.api.http.post(PATH, content=body, headers=headers)


@pytest.fixture
def bulk(api: Api) -> Bulk:
    """A client of the API."""
    return Bulk(api)


def check_accepted(answer: httpx.Response) -> str:
    """Hold an answer against the vendor's acceptance; returns the reference id."""
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert set(shown) == {"reference_id", "sub_resource", "status", "errors"}
    assert (shown["sub_resource"], shown["errors"]) == ("bulk_sms", [])
    _check_status(shown, 293)
    return str(shown["reference_id"])


def check_error(answer: httpx.Response, code: int, http: int, status: int = 500) -> dict[str, Any]:
    """Hold an answer against the vendor's error shape; returns the first error."""
    assert answer.status_code == http, answer.text
    shown = answer.json()
    assert set(shown) - {"signature_string"} == {
        "reference_id",
        "sub_resource",
        "status",
        "errors",
    }
    assert ("signature_string" in shown) == (code == -30006)
    assert shown["sub_resource"] == "bulk_sms"
    _check_status(shown, status)
    assert all(set(error) == {"code", "description"} for error in shown["errors"])
    assert shown["errors"][0]["code"] == code
    assert ("www-authenticate" in answer.headers) == (http == 401)
    error: dict[str, Any] = shown["errors"][0]
    return error


def _check_status(shown: dict[str, Any], code: int) -> None:
    assert REFERENCE.fullmatch(shown["reference_id"])
    assert set(shown["status"]) == {"code", "description", "updated_on"}
    assert shown["status"]["code"] == code
    assert shown["status"]["description"] == STATUSES[code]
    assert STAMP.fullmatch(shown["status"]["updated_on"])
