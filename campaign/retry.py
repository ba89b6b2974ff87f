"""When a message is retried, and which failed messages can be."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from campaign.explaining import REASONS
from campaign.instants import SECOND, Instant
from campaign.phone import country_fault
from campaign.refusals import Refusal, RefusalCode

RETRY_AFTER_MAX: Instant = 3600 * SECOND
# A request was cut off, and the carrier, asked after its deadline, has not accepted the message.
NOT_ACCEPTED = "not_accepted"
# The carrier was busy, unavailable or misconfigured, or a look-up showed that it did not take the
# message: codes of a TemporaryFailure, and of a DoubtfulHandoff that was cleared up.
MAY_PASS = frozenset(
    "rate_limited unavailable carrier_configuration carrier_removed no_connection not_started "
    "not_accepted timeout interrupted connection_lost answer_unreadable answer_too_large".split()
)
# Our words by which a carrier says that a number reaches nobody and never will. "unreachable" and
# "not_routable" are not among them: a phone may be off, and a route may be missing.
DEAD_NUMBER = frozenset({"invalid_number"})
# Reasons of failed messages that are never retried: the recipient or an operator has decided.
DECIDED = frozenset({"opted_out", "operator_says_failed"})
# What a retry calls the country of a message whose country is not known; the Unicode CLDR and the
# numbering plans of libphonenumber use it so, and ISO 3166 gives it to no country.
UNKNOWN_COUNTRY = "ZZ"
# Statuses that refuse nothing for good; every other 4xx does.
_UNCLEAR_STATUS = re.compile(r"http_(408|[1-35-9][0-9]{2})")


@dataclass(frozen=True, slots=True)
class RetrySelection:
    """Which failed messages of a campaign are retried, and how.

    No ``reasons`` mean every reason that may pass, no ``countries`` all of them; UNKNOWN_COUNTRY is
    where none is known. ``carrier`` is the only one that they are sent through; None for their
    route. ``text`` is their new text.
    """

    reasons: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    carrier: str | None = None
    text: str | None = None

    def faults(self, carriers: Collection[str]) -> Iterator[Refusal]:
        """What is wrong with it, with its place; ``carriers`` are those in use."""
        for index, reason in enumerate(self.reasons):
            if reason in DECIDED:
                what = "is final: its messages are never sent again"
                yield Refusal(RefusalCode.FIELD_INVALID, what, f"reasons[{index}]")
        for index, country in enumerate(self.countries):
            fault = None if country == UNKNOWN_COUNTRY else country_fault(country)
            if fault is not None:
                yield Refusal(RefusalCode.FIELD_INVALID, fault, f"countries[{index}]")
        if self.carrier is not None and self.carrier not in carriers:
            what = f"is not in use; carriers in use: {', '.join(carriers)}"
            yield Refusal(RefusalCode.FIELD_INVALID, what, "carrier")

    def unknown_reasons(self, known: Collection[str]) -> Iterator[Refusal]:
        """Faults of reasons that nobody knows; ``known`` are those of failed messages."""
        for index, reason in enumerate(self.reasons):
            if reason not in known and reason not in REASONS and not may_pass(reason):
                yield Refusal(
                    RefusalCode.FIELD_INVALID,
                    "is no reason for which a message of this campaign failed",
                    f"reasons[{index}]",
                    {"reasons": sorted(known)},
                )

    def takes(self, reason: str, country: str | None) -> bool:
        """True if it takes a message that failed for this reason, to this country."""
        if self.countries and (country or UNKNOWN_COUNTRY) not in self.countries:
            return False
        return reason in self.reasons if self.reasons else may_pass(reason)


EVERYTHING = RetrySelection()


def may_pass(code: str | None) -> bool:
    """True if a message that failed with ``code`` can be sent later.

    False for refusals for good (an invalid number, a rejected text, an operator's decision) and for
    unknown codes.
    """
    return code is not None and (code in MAY_PASS or bool(_UNCLEAR_STATUS.fullmatch(code)))


def next_try_at(
    now: Instant, attempt: int, backoff_seconds: tuple[float, ...], retry_after: float | None
) -> Instant | None:
    """When attempt number ``attempt + 1`` is due, or None if the retries are used up.

    ``backoff_seconds[n]`` is the wait after attempt ``n + 1``; its length is therefore the
    number of retries. A carrier's ``retry_after`` (seconds) lengthens the wait, never shortens
    it, and counts for at most one hour, so that an absurd header cannot park a message. NaN and
    values up to zero are ignored.
    """
    if attempt > len(backoff_seconds):
        return None
    wait = round(backoff_seconds[attempt - 1] * SECOND)
    if retry_after is not None and retry_after > 0:
        wait = max(wait, round(min(retry_after * SECOND, RETRY_AFTER_MAX)))
    return now + wait
