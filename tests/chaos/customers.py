"""Customers in the arena: they post campaigns with keys, ask again when in doubt, and steer."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.arena import Arena

PEOPLE = 500
PATIENCE_SECONDS = 90.0
CANARY_NUMBER = "+14155557321"
CANARY_TEXT = "the canary sings at dawn"
SENDER = "+18005559876"
# Misfortunes by the number's last digits, a few in each campaign; 0001 fails for good.
ODD = ("0001", "0002", "0003", "0004", "0005", "0006")


@dataclass
class Customers:
    """What was asked for, and what was answered."""

    arena: Arena
    rng: random.Random
    posted: dict[str, int] = field(default_factory=dict)
    _numbers: int = 0

    def campaign(self, number: int) -> dict[str, Any]:
        """A campaign of ``PEOPLE`` recipients nobody had before, some of them odd."""
        recipients = []
        for index in range(PEOPLE - len(ODD)):
            exchange, line = divmod(self._numbers, 9_000)
            self._numbers += 1
            to = f"+1415{200 + exchange}{1_000 + line}"
            recipient: dict[str, Any] = {"to": to, "text": f"Campaign {number}, parcel {index}"}
            if index % 5 == 0:
                recipient["idempotencyKey"] = f"parcel-{number}-{index}"
            if index % 25 == 0:
                recipient["mediaUrl"] = "https://example.com/parcel.jpg"
            recipients.append(recipient)
        recipients[0] |= {"to": CANARY_NUMBER, "text": CANARY_TEXT}
        recipients += [{"to": f"+1415{300 + number}{odd}", "text": "Odd"} for odd in ODD]
        self.rng.shuffle(recipients)
        body = {"sender": SENDER, "recipients": recipients, "idempotencyKey": f"chaos-{number}"}
        return body | ({"spreadHours": 0.003} if number % 4 == 3 else {})

    async def post(self, number: int) -> str:
        """Post a campaign until it is taken; an unclear answer is asked for again by its key."""
        answer = await self._ask("POST", "/v1/campaigns", json=self.campaign(number))
        assert answer.status_code in (200, 201), f"refused: {answer.text}"
        self.posted[answer.json()["id"]] = PEOPLE
        return str(answer.json()["id"])

    async def steer(self, campaign_id: str, verb: str) -> None:
        """Pause, resume or cancel, retry_while_unavailable; an ended campaign is left alone."""
        answer = await self._ask("POST", f"/v1/campaigns/{campaign_id}/{verb}")
        assert answer.status_code in (202, 409), answer.text

    async def get(self, path: str) -> Any:
        """Get a route, retry_while_unavailable."""
        answer = await self._ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Ask until there is an answer that is not "later"; a part that stays away is a failure."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        said = "nothing"
        while time.monotonic() < deadline:
            try:
                answer = await self.arena.api.request(method, path, **request)
            except httpx.TransportError as error:
                said = repr(error)
            else:
                if answer.status_code < 500:
                    return answer
                assert answer.status_code == 503, answer.text
                said = answer.text
            await asyncio.sleep(0.3)
        raise AssertionError(f"{method} {path} was not answered: {said}")
