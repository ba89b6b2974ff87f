"""Fone Dynamics: reading a whole request and leasing its numbers (003_9fb2bf36535a4962.txt)."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from campaign.alphanumeric import countries_without_names
from campaign.instants import Instant
from campaign.leases import LEASE_FOR, LeaseRequest, NoLease
from campaign.model import Draft, DraftRecipient
from campaign.settings import Settings
from dialects.fonedynamics.errors import whole_failure
from dialects.fonedynamics.message import (
    LOOKUP,
    NAME,
    POLICY,
    Checked,
    Item,
    members_of,
    read_item,
)
from dialects.fonedynamics.models import (
    TEXT_LENGTH_MAX,
    WORDS,
    FoneDynamicsBatch,
    FoneDynamicsMessage,
)
from dialects.fonedynamics.responses import fault_of
from dialects.http.bodies import BadBody, parse_json
from dialects.http.faults import Entries
from dialects.http.payloads import keyed
from dialects.http.vendor_routes import Stop
from store.accounts.api_keys import Principal
from store.store import Store

_MESSAGES: Entries[FoneDynamicsMessage] = Entries(FoneDynamicsBatch, "Messages", WORDS)


@dataclass(frozen=True, slots=True)
class Batch:
    """A request that was read: its messages in order, and the draft of them all."""

    items: list[Item]
    draft: Draft

    @property
    def has_valid(self) -> bool:
        """True if at least one message can be sent."""
        return any(not item.faults for item in self.items)


def parse(raw: bytes) -> Any:
    """Parse a JSON body in UTF-8 or, as the vendor's Java client writes it, in Latin-1.

    Otherwise as strict as ``parse_json``; raises BadBody.
    """
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        raw = raw.decode("latin-1").encode("utf-8")
    return parse_json(raw)


def entries_of(body: Any) -> list[Any]:
    """The entries of a batch; raises BadBody, and Stop for none or too many."""
    if not isinstance(body, dict):
        raise BadBody("The body must be a JSON object")
    members = members_of(body)
    if members is None:
        raise BadBody("The body repeats a member")
    entries, faults = _MESSAGES.unread(members.get("messages"))
    for one in faults:
        raise Stop(whole_failure(400, fault_of(one.code).code, one.message, "Messages"))
    return entries


def prepare(
    store: Store, principal: Principal, entries: list[Any], now: Instant, settings: Settings
) -> Batch:
    """Read and validate messages, and lease the numbers that they need; blocking.

    Stores only leases, and only for messages without a fault. A second run finds the same leases.
    """
    senders = store.accounts.senders(principal.account_id)
    owned = frozenset(sender.address for sender in senders if sender.active)
    checked: Checked = {}
    inside_too = settings.allow_private_urls
    nameless = countries_without_names(settings.alphanumeric_senders)
    items = [read_item(entry, owned, now, inside_too, checked, nameless) for entry in entries]
    _lease(store, principal.account_id, items, now, nameless)
    draft = Draft(
        account_id=principal.account_id,
        dialect=NAME,
        recipients=[_final(item) for item in items],
        policy=POLICY,
    )
    return Batch(items, keyed(draft, principal, entries))


def _lease(
    store: Store, account_id: str, items: list[Item], now: Instant, nameless: Collection[str]
) -> None:
    wanting = [item for item in items if item.options.leased and not item.faults]
    countries = [LOOKUP.look_up(item.recipient.to).country for item in wanting]
    lease_requests = [
        LeaseRequest(
            recipient=item.recipient.to,
            purpose=item.options.purpose(),
            until=(item.recipient.scheduled_at or now) + LEASE_FOR,
            country=country,
            domestic=country in nameless,
        )
        for item, country in zip(wanting, countries, strict=True)
    ]
    leased = store.leases.claim(account_id, lease_requests, now) if lease_requests else []
    for item, number in zip(wanting, leased, strict=True):
        if isinstance(number, NoLease):
            item.faults.append(fault_of(number))
        else:
            item.recipient = replace(item.recipient, sender=number)


def _final(item: Item) -> DraftRecipient:
    """The recipient for the draft: with its options, or with its first fault."""
    if not item.faults:
        asked = item.options.leased or not item.options.receipts
        return replace(item.recipient, replies=item.options if asked else None)
    return DraftRecipient(
        to=item.recipient.to,
        text=(item.recipient.text or "")[:TEXT_LENGTH_MAX],
        sender=item.recipient.sender,
        reference=item.recipient.reference,
        fault=item.faults[0].reason,
    )
