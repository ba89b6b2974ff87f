"""Wald's sequential probability ratio test of a rate, and when it stops a campaign.

The test weighs two hypotheses after every outcome: the true rate is ``p0``, the highest that is
allowed, or it is ``p1``, at which the odds are ``ODDS_RATIO`` times as high. Each outcome adds the
logarithm of its likelihood ratio, and the test stops the campaign at ln((1 - beta) / alpha)
(A. Wald, Sequential Tests of Statistical Hypotheses, Annals of Mathematical Statistics 16, 1945,
section 3). Of all tests with the same errors it needs the fewest outcomes on average.

While a campaign runs the sum starts anew whenever it falls to 0, so that good outcomes of the past
do not hide what changed since (E. S. Page, Continuous Inspection Schemes, Biometrika 41, 1954). A
canary ends after a given number of outcomes; if nothing is decided by then, the sign of its sum
does that (Wald, Sequential Analysis, 1947, section 3.8, truncation).
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

from campaign.canary import Maxima, Measure
from campaign.states import MessageStatus

# p1 has these odds times those of p0: 5 % becomes 17 %, 20 % becomes 50 %.
ODDS_RATIO = 4.0
# How often a campaign at exactly the highest rate is stopped wrongly between two restarts, and how
# often one at p1 is not stopped. Campaigns are long, so the first is small.
ALPHA = 0.001
BETA = 0.05
_BAD = {
    Measure.FAILURES: "failed or were not delivered",
    Measure.OPT_OUTS: "were answered by an opt-out",
    Measure.UNKNOWN: "are unknown",
}
STOP_AT = math.log((1 - BETA) / ALPHA)


@dataclass(frozen=True, slots=True)
class CountedMessage:
    """One message with an outcome: its state, where it went, and whether its recipient opted out.

    ``country`` is an ISO 3166 code; None where it or the carrier is not known.
    """

    status: MessageStatus
    carrier: str | None
    sender: str
    country: str | None
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a guard stops a campaign: so many of so many outcomes were bad.

    ``guard`` is "canary" or "brake". Carrier, sender and country are None where the messages that
    decided have several.
    """

    guard: str
    measure: Measure
    bad: int
    outcomes: int
    rate_max: float
    carrier: str | None = None
    sender: str | None = None
    country: str | None = None

    @property
    def code(self) -> str:
        """The stable code of the reason, such as canary_failures."""
        return f"{self.guard}_{self.measure}"

    @property
    def detail(self) -> str:
        """The reason for people."""
        where = "".join(
            f" {word} {name}"
            for word, name in (
                ("through", self.carrier),
                ("from", self.sender),
                ("to", self.country),
            )
            if name is not None
        )
        return (
            f"its {self.guard} stopped it: {self.bad} of {self.outcomes} messages{where} "
            f"{_BAD[self.measure]}, and at most {100 * self.rate_max:g} % may"
        )

    def to_json(self) -> str:
        """The stop as the store keeps it."""
        return json.dumps(asdict(self))


def stop_from_json(stored: str) -> Stop:
    """Read what ``Stop.to_json`` made."""
    members = json.loads(stored)
    return Stop(**{**members, "measure": Measure(members["measure"])})


def find_stop(guard: str, messages: Sequence[CountedMessage], maxima: Maxima) -> Stop | None:
    """Test messages in the order of their outcomes, by carrier, sender and country.

    Returns the first rate that is decided to be above its maximum; None while nothing is decided.
    """
    groups: dict[tuple[str | None, str, str | None], list[CountedMessage]] = {}
    for message in messages:
        group = (message.carrier, message.sender, message.country)
        groups.setdefault(group, []).append(message)
    for group, members in groups.items():
        for measure, rate_max, trials in _trials(members, maxima):
            if (decided := _decide(trials, rate_max)) is not None:
                return Stop(guard, measure, *decided, rate_max, *group)
    return None


def conclude(guard: str, messages: Sequence[CountedMessage], maxima: Maxima) -> Stop | None:
    """Decide about all outcomes of a guard that gets no more; None lets the campaign go on."""
    stop = find_stop(guard, messages, maxima)
    if stop is not None:
        return stop
    for measure, rate_max, trials in _trials(messages, maxima):
        bad = sum(trials)
        hit, miss = _weights(rate_max)
        if bad * hit + (len(trials) - bad) * miss > 0:
            places = (
                {message.carrier for message in messages},
                {message.sender for message in messages},
                {message.country for message in messages},
            )
            where = [next(iter(names)) if len(names) == 1 else None for names in places]
            return Stop(guard, measure, bad, len(trials), rate_max, *where)
    return None


def outcomes_needed(rate_max: float) -> int:
    """How many outcomes in a row, all of them bad, decide that a rate is above its maximum."""
    return math.ceil(STOP_AT / _weights(rate_max)[0])


@lru_cache(maxsize=1_000)
def _weights(rate_max: float) -> tuple[float, float]:
    """What a bad and a good outcome add to the sum; where none may be bad, one decides."""
    if rate_max <= 0:
        return STOP_AT, 0.0
    p1 = ODDS_RATIO * rate_max / (1 - rate_max + ODDS_RATIO * rate_max)
    return math.log(p1 / rate_max), math.log((1 - p1) / (1 - rate_max))


def _decide(trials: Iterable[bool], rate_max: float) -> tuple[int, int] | None:
    """How many bad outcomes of how many decide to stop, since the sum was last 0; None: none."""
    hit, miss = _weights(rate_max)
    total, bad, outcomes = 0.0, 0, 0
    for is_bad in trials:
        total += hit if is_bad else miss
        bad, outcomes = bad + is_bad, outcomes + 1
        if total >= STOP_AT:
            return bad, outcomes
        if total <= 0:
            total, bad, outcomes = 0.0, 0, 0
    return None


def _trials(
    messages: Sequence[CountedMessage], maxima: Maxima
) -> Iterator[tuple[Measure, float, list[bool]]]:
    """The outcomes that count for each rate, in order; True is bad.

    A refusal comes at once, a receipt later, and some carriers send none. Compared only with the
    receipts that have come, refusals would look too many at first. So there are three: refusals
    among answers, undelivered among receipts, and both among answers.
    """
    answered = [one.status for one in messages if one.status is not MessageStatus.UNKNOWN]
    for measure, rate_max in maxima.items():
        match measure:
            case Measure.FAILURES:
                failed, undelivered = MessageStatus.FAILED, MessageStatus.UNDELIVERED
                receipts = (undelivered, MessageStatus.DELIVERED)
                yield measure, rate_max, [one is failed for one in answered]
                yield measure, rate_max, [one is undelivered for one in answered if one in receipts]
                yield measure, rate_max, [one in (failed, undelivered) for one in answered]
            case Measure.OPT_OUTS:
                left = (one for one in messages if one.status is not MessageStatus.FAILED)
                yield measure, rate_max, [one.opted_out for one in left]
            case Measure.UNKNOWN:
                yield (
                    measure,
                    rate_max,
                    [one.status is MessageStatus.UNKNOWN for one in messages],
                )
