"""Calls of the Fone Dynamics API for its tests, in few words."""

import itertools
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from store.accounts.api_keys import KeyPair
from tests.serving import Api

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "fonedynamics"
POOL = [f"+6149977700{digit}" for digit in range(8)]
SENDER = "+18005559876"
ACCEPTED = {
    "MessageSid",
    "AccountSid",
    "PropertySid",
    "From",
    "To",
    "Text",
    "DeliveryReceipt",
    "NumSegments",
    "Status",
    "Direction",
    "Created",
    "ErrorCode",
    "ExternalId",
}
Body = dict[str, Any]
_numbers = itertools.count(100)


def sample(name: str) -> Any:
    """A document of the vendor's page."""
    return json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))


def message(**members: object) -> Body:
    """A message to a number of which no other of this run has heard."""
    to = f"+614880{next(_numbers):05d}"
    return {"From": SENDER, "To": to, "Text": "You win again, gravity!", **members}


def leased(**members: object) -> Body:
    """A message without a sender."""
    return message(**{"From": "", **members})


@dataclass
class Client:
    """One key of the account at the API, as the vendor's clients use it."""

    api: Api
    pair: KeyPair = field(init=False)

    def __post_init__(self) -> None:
        self.pair = self.api.key()

    @property
    def auth(self) -> httpx.BasicAuth:
        """The credentials: AccountSid and token."""
        return httpx.BasicAuth(self.pair.key_id, self.pair.secret)

    @property
    def property_sid(self) -> str:
        """The account's property."""
        return self.api.story.account.property_sid

    @property
    def path(self) -> str:
        """Where batches go."""
        return f"/v2/Properties/{self.property_sid}/BatchMessages"

    async def post(self, body: object, path: str | None = None) -> httpx.Response:
        """Post a JSON body."""
        return await self.api.http.post(path or self.path, json=body, auth=self.auth)

    async def batch(self, *messages: object) -> list[Body]:
        """The array that answers a batch."""
        answer = await self.post({"Messages": list(messages)})
        assert answer.status_code == 200, answer.text
        items: list[Body] = answer.json()
        assert isinstance(items, list) and len(items) == len(messages)
        return items

    async def one(self, **members: object) -> Body:
        """The only item that answers a batch of one message."""
        return (await self.batch(message(**members)))[0]

    async def single(self, body: object) -> httpx.Response:
        """Post a single message."""
        return await self.post(body, f"/v2/Properties/{self.property_sid}/Messages")

    async def get(self, sid: str) -> Body:
        """One message as it stands."""
        answer = await self.api.http.get(f"/v2/Messages/{sid}", auth=self.auth)
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"Message"}
        shown: Body = answer.json()["Message"]
        return shown

    def fill_pool(self, count: int = len(POOL)) -> None:
        """Put numbers into the pool."""
        for number in POOL[:count]:
            self.api.story.store.leases.add_number(number, "AU", 0)


def check_item(item: Body, code: str, *fields: str) -> None:
    """Hold a failed item against the vendor's shape."""
    assert set(item) == {"ErrorCode", "Message", "Errors"}, item
    assert (item["ErrorCode"], item["Errors"]) == (code, [{"FieldName": name} for name in fields])
    assert isinstance(item["Message"], str) and item["Message"]


def check_failure(answer: httpx.Response, status: int, code: str, *fields: str) -> None:
    """Hold the failure of a whole request against the vendor's shape."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"ResponseStatus"}
    result = answer.json()["ResponseStatus"]
    assert set(result) - {"Errors"} == {"ErrorCode", "Message"}
    assert result["ErrorCode"] == code
    assert result.get("Errors", []) == [{"FieldName": name} for name in fields]
    assert isinstance(result["Message"], str) and result["Message"]


def in_seconds(seconds: float) -> int:
    """A time from now as the vendor writes it."""
    return int(time.time() + seconds)
