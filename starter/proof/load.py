"""The campaigns of a proof: planned from a seed, posted over its minutes, and steered."""

import random
import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from starter.problems import detail_of

# Ordinary endings of numbers that are kept for fiction.
AREAS = (
    "205 212 213 215 216 303 305 312 313 314 404 412 415 416 503 504 512 514 602 604 612 613 617"
    " 702 713 716 718 804 808 816 901 902 904 907"
).split()
ENDINGS = range(1_000, 10_000)
SIZES = (1, 10, 50, 200, 500, 1_000)
TEXT = "We open at nine"
PAUSE_SECONDS = 2.0
AGAIN_SECONDS = 0.5


class CannotProve(Exception):
    """A proof cannot be carried out; the text says why."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much: messages over so many seconds, and a fault each so many; the hook is for show."""

    messages: int
    seconds: float
    every_seconds: float
    seed: int
    hook: str

    @property
    def command(self) -> str:
        """The command that sends the same load again."""
        words = ["godwit", "prove", "--messages", str(self.messages)]
        words += ["--minutes", f"{self.seconds / 60:g}", "--every", f"{self.every_seconds:g}"]
        words += ["--seed", str(self.seed), *(["--hook", self.hook] if self.hook else [])]
        return shlex.join(words)


@dataclass(frozen=True, slots=True)
class PlannedCampaign:
    """One campaign: posted ``at`` seconds after the start, then perhaps paused or cancelled."""

    number: int
    at: float
    size: int
    spread_seconds: float
    order: str = ""

    def body(self, run: str) -> dict[str, Any]:
        """The request that creates it; the same again for the same run."""
        first = self.number * SIZES[-1]
        recipients = [{"to": number_of(first + index)} for index in range(self.size)]
        key = f"prove-{run}-{self.number}"
        body: dict[str, Any] = {
            "name": key,
            "text": TEXT,
            "idempotencyKey": key,
            "recipients": recipients,
        }
        if self.spread_seconds:
            body["spreadHours"] = round(self.spread_seconds / 3_600, 6)
        return body


def number_of(index: int) -> str:
    """A number for fiction; the first 300,000 differ."""
    area = AREAS[index // len(ENDINGS) % len(AREAS)]
    return f"+1{area}555{ENDINGS[index % len(ENDINGS)]}"


def plan_load(messages: int, seconds: float, seed: int) -> list[PlannedCampaign]:
    """Campaigns of ``messages`` recipients in all, in the order in which they are posted.

    Half of them are spread, a fifth is paused for two seconds, and one in seven is cancelled.
    """
    dice = random.Random(seed)
    sizes: list[int] = []
    while (left := messages - sum(sizes)) > 0:
        sizes.append(min(left, dice.choice(SIZES)))
    instants = sorted(dice.uniform(0, seconds * 0.8) for _ in sizes)
    return [
        PlannedCampaign(
            number,
            at,
            size,
            dice.uniform(0, (seconds - at) / 2) if dice.random() < 0.5 else 0.0,
            "cancel" if number % 7 == 6 else "pause" if number % 5 == 4 else "",
        )
        for number, (at, size) in enumerate(zip(instants, sizes, strict=True))
    ]


class Sender:
    """Posts and steers campaigns as a client that repeats what was not answered."""

    def __init__(self, api: httpx.Client, run: str, patience_seconds: float) -> None:
        self._api = api
        self._run = run
        self._patience = patience_seconds

    def post(self, planned: PlannedCampaign) -> str:
        """Create a campaign; returns its id. Done again, it is the same campaign."""
        return str(self.call("POST", "/v1/campaigns", planned.body(self._run))["id"])

    def post_all(self, plans: Sequence[PlannedCampaign]) -> Iterator[str]:
        """Post each campaign at its time and give its order; yields the ids."""
        started = time.monotonic()
        resumes: list[tuple[float, str]] = []
        for planned in plans:
            time.sleep(max(0.0, started + planned.at - time.monotonic()))
            id = self.post(planned)
            if planned.order:
                self.call("POST", f"/v1/campaigns/{id}/{planned.order}")
            if planned.order == "pause":
                resumes.append((time.monotonic() + PAUSE_SECONDS, id))
            yield id
            while resumes and resumes[0][0] <= time.monotonic():
                self.call("POST", f"/v1/campaigns/{resumes.pop(0)[1]}/resume")
        for due, id in resumes:
            time.sleep(max(0.0, due - time.monotonic()))
            self.call("POST", f"/v1/campaigns/{id}/resume")

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the API until it answers; a 409 is an answer: the campaign had ended before.

        Raises CannotProve for a refusal, and when no answer came within the patience.
        """
        deadline = time.monotonic() + self._patience
        while True:
            reason = ""
            try:
                answer = self._api.request(method, path, json=body)
                if answer.is_success or answer.status_code == 409:
                    return answer.json()
                reason = f"answers {answer.status_code}"
                if answer.status_code < 500 and answer.status_code != 429:
                    raise CannotProve(f"the API {reason} to {method} {path}: {detail_of(answer)}")
            except (httpx.TransportError, ValueError) as error:
                reason = f"does not answer ({type(error).__name__})"
            if time.monotonic() > deadline:
                raise CannotProve(f"the API {reason} to {method} {path}")
            time.sleep(AGAIN_SECONDS)
