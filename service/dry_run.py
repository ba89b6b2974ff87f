"""Dry runs: the judgement and price of a draft, without a campaign."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from campaign.credits import CreditKind, Price, price_of
from campaign.expanding import at_entries
from campaign.model import ComposedCampaign, Evidence, Message
from campaign.refusals import Refusal
from campaign.rules import JUDGEMENT
from campaign.states import MessageStatus
from store.campaigns.admission import insufficient
from store.store import Store


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a campaign would be: how many would go, at what price, or why not."""

    total: int
    to_send: int
    segments: int
    price: Price
    refusals: tuple[Refusal, ...]


def dry_run(store: Store, composed: ComposedCampaign) -> DryRun:
    """Judge and price a composed draft by what the store knows now, without storing it."""
    draft = composed.draft
    going = [
        message
        for message in composed.messages
        if message.status is MessageStatus.QUEUED
        and not (draft.exclude_opt_outs and store.opt_outs.contains(draft.account_id, message.to))
    ]
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
    refusals += [
        insufficient(kind)
        for kind in CreditKind
        if account.balances[kind].available < price.of(kind)
    ]
    segments = sum(message.segments for message in going)
    result = tuple(at_entries(refusals, draft))
    return DryRun(len(composed.messages), len(going), segments, price, result)


def _firsts(messages: list[Message], value: Callable[[Message], str]) -> Mapping[str, int]:
    firsts: dict[str, int] = {}
    for message in messages:
        firsts.setdefault(value(message), message.position)
    return firsts
