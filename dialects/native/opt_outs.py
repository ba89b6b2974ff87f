"""Opt-outs as JSON and CSV, with the evidence of each."""

from collections.abc import Iterator
from typing import Any

from campaign.csv_cells import csv_lines
from campaign.instants import iso
from campaign.keywords import OptOutEvidence
from store.accounts.opt_outs import OptOutEventView, OptOuts, OptOutView

PAGE = 1_000
COLUMNS = ("number", "source", "createdAt", "carrier", "address", "text", "reason")


def opt_out_json(one: OptOutView) -> dict[str, Any]:
    """A number that opted out, since when, and by which text to which of the senders."""
    evidence = OptOutEvidence(one.source, one.carrier, one.address, one.text, one.reason)
    return {"number": one.number, "createdAt": iso(one.created_at), **_shown(evidence)}


def event_json(event: OptOutEventView) -> dict[str, Any]:
    """One STOP or START with its evidence."""
    shown = {"id": event.id, "kind": event.kind.value, "at": iso(event.at)}
    return {**shown, **_shown(event.evidence)}


def opt_outs_csv(opt_outs: OptOuts, account_id: str) -> Iterator[str]:
    """Every opted-out number of an account as CSV, in parts; it can be imported again."""
    after: str | None = None
    yield csv_lines(COLUMNS, ())
    while page := opt_outs.list(account_id, PAGE, after):
        yield csv_lines(COLUMNS, map(opt_out_json, page), header=False)
        after = page[-1].number


def _shown(evidence: OptOutEvidence) -> dict[str, Any]:
    return {
        "source": evidence.source,
        "carrier": evidence.carrier,
        "address": evidence.address,
        "text": evidence.text,
        "reason": evidence.reason,
    }
