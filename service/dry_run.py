"""Dry runs: what a draft would send, cost and take, without a campaign."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from campaign.credits import CreditKind, Price, price_of
from campaign.expanding import at_entries
from campaign.forecast import Departure, Forecast, forecast
from campaign.model import ComposedCampaign, Evidence, Message
from campaign.rates import carrier_scope, sender_scope
from campaign.refusals import Refusal
from campaign.rules import JUDGEMENT
from campaign.smart_encoding import lacking
from campaign.states import MessageStatus
from campaign.text import is_blank, segment
from store.campaigns.admission import insufficient
from store.store import Store


@dataclass(frozen=True, slots=True)
class Country:
    """The messages and segments to one country, an ISO 3166 code; None where it is unknown."""

    country: str | None
    messages: int
    segments: int


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a campaign would be: what would go to whom, when and at what price, or why not.

    ``skipped`` counts the messages that would not go, by reason. ``encodings`` counts messages;
    ``ucs2_characters`` counts the characters that GSM-7 lacks, most frequent first. ``samples`` are
    the longest text, one of each encoding, and one for a recipient with an empty field.
    ``forecast`` is None if nothing would go.
    """

    total: int
    to_send: int
    skipped: Mapping[str, int]
    segments: int
    encodings: Mapping[str, int]
    ucs2_characters: Sequence[tuple[str, int]]
    price: Price
    available: Price
    countries: Sequence[Country]
    forecast: Forecast | None
    samples: Sequence[Message]
    refusals: tuple[Refusal, ...]


def dry_run(store: Store, composed: ComposedCampaign) -> DryRun:
    """Judge, price and forecast a composed draft by what the store knows now; stores nothing."""
    draft = composed.draft
    going: list[Message] = []
    skipped: Counter[str] = Counter()
    for message in composed.messages:
        if message.status is not MessageStatus.QUEUED:
            skipped[message.reason or message.status.value] += 1
        elif draft.exclude_opt_outs and store.opt_outs.contains(draft.account_id, message.to):
            skipped["opted_out"] += 1
        else:
            going.append(message)
    owned, quota, used = store.admissions.account_evidence(draft.account_id, composed.received_at)
    evidence = Evidence(
        texts=_firsts(going, lambda message: message.compliance_text or message.text),
        senders=_firsts(going, lambda message: message.sender),
        owned_senders=owned,
        to_send=len(going),
        quota=quota,
        used_today=used,
    )
    refusals = [refusal for check in JUDGEMENT for refusal in check(evidence)]
    mms = sum(message.media_url is not None for message in going)
    price = price_of(len(going) - mms, mms)
    account = store.accounts.show(draft.account_id)
    assert account is not None
    available = Price(*(account.balances[kind].available for kind in CreditKind))
    refusals += [insufficient(kind) for kind in CreditKind if available.of(kind) < price.of(kind)]
    if (fault := draft.credits_max.fault_of(price)) is not None:
        refusals.append(fault)
    return DryRun(
        total=len(composed.messages),
        to_send=len(going),
        skipped=skipped,
        segments=sum(message.segments for message in going),
        encodings=Counter(segment(message.text).encoding for message in going),
        ucs2_characters=lacking(message.text for message in going).most_common(),
        price=price,
        available=available,
        countries=_countries(going),
        forecast=_forecast(store, composed, going),
        samples=_samples(composed, going),
        refusals=tuple(at_entries(refusals, draft)),
    )


def _firsts(messages: list[Message], value: Callable[[Message], str]) -> Mapping[str, int]:
    firsts: dict[str, int] = {}
    for message in messages:
        firsts.setdefault(value(message), message.position)
    return firsts


def _countries(going: Sequence[Message]) -> list[Country]:
    messages = Counter(message.country for message in going)
    segments: Counter[str | None] = Counter()
    for message in going:
        segments[message.country] += message.segments
    return [Country(each, count, segments[each]) for each, count in messages.most_common()]


def _forecast(
    store: Store, composed: ComposedCampaign, going: Sequence[Message]
) -> Forecast | None:
    """Forecast the departures under the rates of senders and of the carriers that come first."""
    account_id, now = composed.draft.account_id, composed.received_at
    routes = store.database.read(lambda connection: store.routes.of(connection, account_id, now))
    rates = store.rates.rates()
    known: dict[str, float] = {}
    names: dict[str, tuple[str, ...]] = {}
    for sender in {message.sender for message in going}:
        carrier = (routes.get(sender) or routes[None])[0]
        scopes = {
            f"sender {sender}": sender_scope(account_id, sender),
            f"carrier {carrier}": carrier_scope(carrier),
        }
        limited = {name: rates[scope] for name, scope in scopes.items() if scope in rates}
        known.update(limited)
        names[sender] = tuple(limited)
    departures = (
        Departure(message.due_at, message.segments, names[message.sender]) for message in going
    )
    return forecast(departures, known, now)


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
