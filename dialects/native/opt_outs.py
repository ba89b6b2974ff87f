"""Opt-outs as models and as CSV, with the evidence of each."""

from collections.abc import Iterator

from campaign.csv_cells import csv_lines
from campaign.instants import iso
from dialects.native.account_models import Evidence, OptOut, OptOutEvent
from store.accounts.opt_outs import OptOutEventView, OptOuts

PAGE = 1_000
COLUMNS = ("number", "source", "createdAt", "carrier", "address", "text", "reason")


def event_of(event: OptOutEventView) -> OptOutEvent:
    """One STOP or START with its evidence."""
    evidence = Evidence.of(event.evidence).model_dump(by_alias=False)
    return OptOutEvent(id=event.id, kind=event.kind, at=iso(event.at), **evidence)


def opt_outs_csv(opt_outs: OptOuts, account_id: str) -> Iterator[str]:
    """Every opted-out number of an account as CSV, in parts; it can be imported again."""
    after: str | None = None
    yield csv_lines(COLUMNS, ())
    while page := opt_outs.list(account_id, PAGE, after):
        rows = (OptOut.of(one).json_object() for one in page)
        yield csv_lines(COLUMNS, rows, header=False)
        after = page[-1].number
