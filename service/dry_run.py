"""Dry runs: what a draft would send, cost and take, without a campaign."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from campaign.credits import CreditKind, Price
from campaign.expanding import at_entries
from campaign.forecast import Departure, Forecast, Limits, limits_of, simulate
from campaign.model import ComposedCampaign, Draft, Evidence, Message
from campaign.rates import campaign_scope
from campaign.refusals import Refusal
from campaign.report import CountryTotal
from campaign.rules import JUDGEMENT
from campaign.sending_windows import hours_of
from campaign.smart_encoding import lacking, segments_saved
from campaign.states import MessageStatus
from campaign.text import is_blank, segment
from store.campaigns.admission import insufficient
from store.store import Store

# Stands for the id of a campaign that has none.
NOT_STORED = ""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a campaign would be: what would go to whom, when and at what price, or why not.

    ``skipped`` counts the messages that would not go, by reason. ``encodings`` counts messages;
    ``ucs2_characters`` counts the characters that GSM-7 lacks, most frequent first, those that
    smart encoding replaced included. ``samples`` are
    the longest text, one of each encoding, and one for a recipient with an empty field.
    ``forecast`` is None if nothing would go. ``smart_encoding_saves`` counts the segments that
    smart encoding has saved, or would save if it is off. ``messages`` has all, and ``skip_reasons``
    why some would not go, by position.
    """

    total: int
    to_send: int
    skipped: Mapping[str, int]
    segments: int
    encodings: Mapping[str, int]
    ucs2_characters: Sequence[tuple[str, int]]
    price: Price
    available: Price
    countries: Sequence[CountryTotal]
    forecast: Forecast | None
    samples: Sequence[Message]
    refusals: tuple[Refusal, ...]
    smart_encoding_saves: int
    messages: Sequence[Message]
    skip_reasons: Mapping[int, str]


def dry_run(store: Store, composed: ComposedCampaign) -> DryRun:
    """Judge, price and forecast a composed draft by what the store knows now; stores nothing."""
    draft = composed.draft
    skip_reasons = _skip_reasons(store, composed)
    going = [message for message in composed.messages if message.position not in skip_reasons]
    limits = _limits(store, composed, going)
    spread = [message for message in going if message.scheduled_at is None]
    owned, quota, used = store.admissions.account_evidence(draft.account_id, composed.received_at)
    evidence = Evidence(
        texts=_firsts(going, lambda message: message.compliance_text or message.text),
        senders=_firsts(going, lambda message: message.sender),
        owned_senders=owned,
        to_send=len(going),
        quota=quota,
        used_today=used,
        spread_hours=draft.spread_hours,
        spread_segments=_segments(spread),
        limits=limits,
    )
    refusals = [refusal for check in JUDGEMENT for refusal in check(evidence)]
    held = sum((message.price for message in going), Price())
    account = store.accounts.show(draft.account_id)
    assert account is not None
    available = Price(*(account.balances[kind].available for kind in CreditKind))
    refusals += [insufficient(kind) for kind in CreditKind if available.of(kind) < held.of(kind)]
    if (fault := draft.credits_max.fault_of(held)) is not None:
        refusals.append(fault)
    departures = _departures(draft, going, limits)
    simulation = simulate(departures, limits.rates, composed.received_at, draft.expires_at)
    for skip in simulation.skips:
        skip_reasons[going[skip.index].position] = skip.reason
    going = [message for message in going if message.position not in skip_reasons]
    written = [composed.written.get(message.position, message.text) for message in going]
    return DryRun(
        total=len(composed.messages),
        to_send=len(going),
        skipped=Counter(skip_reasons.values()),
        segments=sum(message.segments for message in going),
        encodings=Counter(segment(message.text).encoding for message in going),
        ucs2_characters=lacking(written).most_common(),
        price=sum((message.price for message in going), Price()),
        available=available,
        countries=_countries(going),
        forecast=simulation.forecast,
        samples=_samples(composed, going),
        refusals=tuple(at_entries(refusals, draft)),
        smart_encoding_saves=segments_saved(written, draft.policy.text_length_max),
        messages=composed.messages,
        skip_reasons=skip_reasons,
    )


def _departures(draft: Draft, going: Sequence[Message], limits: Limits) -> list[Departure]:
    hours = hours_of(draft.purpose, draft.window)
    return [
        Departure(
            message.due_at,
            message.segments,
            limits.names[message.sender],
            open_at=None
            if hours is None
            else hours.for_recipient(message.to, message.country, message.time_zone),
            skips=hours is not None and hours.skips,
        )
        for message in going
    ]


def _skip_reasons(store: Store, composed: ComposedCampaign) -> dict[int, str]:
    """Find the messages that are not even planned, by position, with the reason."""
    draft = composed.draft
    opted_out: set[str] = set()
    if draft.exclude_opt_outs:
        opted_out = store.opt_outs.among(draft.account_id, [each.to for each in composed.messages])
    reasons: dict[int, str] = {}
    for message in composed.messages:
        if message.status is not MessageStatus.QUEUED:
            reasons[message.position] = message.reason or message.status.value
        elif message.to in opted_out:
            reasons[message.position] = "opted_out"
    return reasons


def _firsts(messages: list[Message], value: Callable[[Message], str]) -> Mapping[str, int]:
    firsts: dict[str, int] = {}
    for message in messages:
        firsts.setdefault(value(message), message.position)
    return firsts


def _countries(going: Sequence[Message]) -> list[CountryTotal]:
    messages = Counter(message.country for message in going)
    segments: Counter[str | None] = Counter()
    prices: dict[str | None, Price] = dict.fromkeys(messages, Price())
    for message in going:
        segments[message.country] += message.segments
        prices[message.country] += message.price
    return [
        CountryTotal(each, count, segments[each], prices[each])
        for each, count in messages.most_common()
    ]


def _limits(store: Store, composed: ComposedCampaign, going: Sequence[Message]) -> Limits:
    """Find the rates of senders and of the carriers that come first for them."""
    draft, now = composed.draft, composed.received_at
    senders = {message.sender for message in going}
    routes = store.database.read(
        lambda connection: store.routes.of(connection, draft.account_id, now, draft.sandbox)
    )
    rates = dict(store.rates.rates())
    if draft.rate is not None:
        rates[campaign_scope(NOT_STORED)] = draft.rate
    return limits_of(draft.account_id, senders, routes, rates, NOT_STORED, draft.sandbox)


def _segments(messages: Sequence[Message]) -> Mapping[str, int]:
    segments: Counter[str] = Counter()
    for message in messages:
        segments[message.sender] += message.segments
    return segments


def _samples(composed: ComposedCampaign, going: Sequence[Message]) -> list[Message]:
    """Return the messages that show most of what could be wrong, each once."""
    if not going:
        return []
    longest = max(going, key=lambda message: (message.segments, len(message.text)))
    chosen = {longest.position: longest}
    encodings: set[str] = set()
    has_empty = False
    for message in going:
        encoding = segment(message.text).encoding
        if encoding not in encodings:
            encodings.add(encoding)
            chosen.setdefault(message.position, message)
        fields = composed.draft.recipients[message.position].fields
        if not has_empty and any(is_blank(value) for value in fields.values()):
            has_empty = True
            chosen.setdefault(message.position, message)
    return list(chosen.values())
