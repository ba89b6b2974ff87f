"""A campaign that is being written: its text, its people, and what would be sent of it."""

import contextlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from phonenumbers import SUPPORTED_REGIONS

from campaign.model import RECIPIENTS_MAX, Draft
from campaign.phone import OfflineLookup
from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.smart_encoding import lacking, replacement_of
from campaign.templates import fill, is_field_name
from campaign.text import Segments, clean, is_blank, segment
from console.draft_members import members_of
from dialects.native.campaign_file import CampaignFile, of_table, row_faults
from dialects.native.requests import read
from service.composition import CampaignComposer
from spreadsheets.people import TO, Fault, find_columns, read_people
from spreadsheets.reading import read_table
from spreadsheets.table import BadTable, Row, Table
from store.accounts.api_keys import Principal
from store.campaigns.drafts import SavedDraft, SavedRow
from store.store import Store

# Above so many people, their number has to be typed.
TYPED_ABOVE = 1_000
FAULTS_SHOWN = 100
PREVIEW_ROWS = 5
# So many members of a mailing list show which fields it has.
LIST_SAMPLE = 20
NO_TABLE = Table(Row(1, ()), ())
NO_HEAD: Mapping[str, str] = {}
NOBODY = Refusal(RefusalCode.TOO_FEW_RECIPIENTS, "there is nobody to send to", "recipients")
_lookup = OfflineLookup()


@dataclass(frozen=True, slots=True)
class Count:
    """How long a text is: its segments, and the characters that make it longer than it looks."""

    text: str
    segments: Segments
    culprits: Sequence[str]
    plain: str
    plain_segments: Segments

    @property
    def is_longer(self) -> bool:
        """True if plain characters would make it shorter."""
        return self.plain_segments.count < self.segments.count


@dataclass(frozen=True, slots=True)
class People:
    """The table of a draft as its page shows it.

    ``faults`` has every row that cannot be sent to, ``of_all`` what concerns the whole campaign.
    ``missing`` says why there is no ``found``: no column has the numbers.
    """

    table: Table
    found: CampaignFile | None
    of_all: Sequence[Refusal] = ()
    missing: str = ""

    @property
    def number_column(self) -> str:
        """The name of the column that has the numbers."""
        return "" if self.found is None else self.found.columns[TO]

    @property
    def bad(self) -> int:
        """How many rows have a fault."""
        return len({fault.line for fault in self.row_faults})

    @property
    def repeated(self) -> int:
        """How many good rows have the number of another one before them."""
        good = [] if self.found is None else [one["to"] for one in self.found.recipients]
        return len(good) - len(set(good))

    @property
    def row_faults(self) -> Sequence[Fault]:
        """The faults of rows, by line."""
        if self.found is None:
            return ()
        line = self.found.header_line
        faults = [fault for fault in self.found.faults if fault.line != line]
        return sorted(faults, key=lambda fault: fault.line)

    @property
    def kinds_of_faults(self) -> Mapping[tuple[str, str], int]:
        """How many faults of rows there are of each column and message, the most first."""
        return dict(Counter((one.column, one.message) for one in self.row_faults).most_common(10))

    @property
    def header_faults(self) -> Sequence[Fault]:
        """The faults that no row can be left out for, such as a field without a column."""
        if self.found is None:
            return ()
        return [fault for fault in self.found.faults if fault.line == self.found.header_line]


def count(text: str) -> Count:
    """Count a text as it would be sent; its fields count as they are written."""
    text = clean(text)
    found = lacking([text])
    plain = "".join(
        character if character not in found else replacement_of(character) or character
        for character in text
    )
    return Count(text, segment(text), list(found), plain, segment(plain))


def field_names(draft: SavedDraft) -> list[str]:
    """The columns of the draft's table that a text can use as fields."""
    header = draft.header or {}
    return [name for name in header.get("cells", ()) if is_field_name(name)]


def list_fields(store: Store, list_id: str) -> list[str]:
    """The fields that the first members of a mailing list have."""
    members = store.lists.members(list_id, LIST_SAMPLE)
    return list(dict.fromkeys(name for one in members for name in one.fields))


def table_of(content: bytes, pasted: str) -> Table:
    """The table in a file or in a pasted text; raises BadTable."""
    table = read_table(content or pasted.encode(), RECIPIENTS_MAX)
    if not table.rows:
        raise BadTable("there are no rows below the header")
    return table


def table_in_columns(pasted: str) -> str:
    """A pasted list of numbers alone, with the header that it lacks."""
    first = pasted.strip().partition("\n")[0]
    digits = sum(character.isdigit() for character in first)
    is_number = digits >= 6 and not any(character.isalpha() for character in first)
    return f"{TO}\n{pasted.strip()}" if is_number else pasted


def saved_header(table: Table, file_name: str) -> Mapping[str, Any]:
    """What is stored of a table besides its rows."""
    return {
        "line": table.header.line,
        "cells": table.header.cells,
        "isSheet": table.is_sheet,
        "notes": table.notes,
        "file": file_name,
    }


def saved_rows(table: Table, choices: Mapping[str, Any]) -> list[SavedRow]:
    """The rows of a table with the numbers that were read in them, by which people are erased."""
    numbers: Mapping[int, str] = {}
    # Without it, somebody has yet to choose the column.
    with contextlib.suppress(BadTable):
        columns = find_columns(table, (), _chosen(choices))
        people = read_people(table, columns, _country(choices)).people
        numbers = {one.line: one.number for one in people}
    return [SavedRow(row.line, row.cells, row.broken, numbers.get(row.line)) for row in table.rows]


def read_saved(draft: SavedDraft, rows: Sequence[SavedRow]) -> Table | None:
    """The table of a draft, as it was read from its file; None if it has none."""
    header = draft.header
    if header is None:
        return None
    return Table(
        Row(header["line"], tuple(header["cells"])),
        tuple(Row(row.line, tuple(row.cells), row.broken) for row in rows),
        header["isSheet"],
        tuple(header["notes"]),
    )


def people_of(
    store: Store, composer: CampaignComposer, draft: SavedDraft, principal: Principal
) -> People | None:
    """The people of a draft with every fault; None if it has neither a table nor a list yet.

    Raises Unreadable if a time in the draft cannot be read.
    """
    head = members_of(draft)
    if draft.choices.get("list"):
        return People(NO_TABLE, _of_list(draft, head))
    table = read_saved(draft, store.drafts.rows(draft.id))
    if table is None:
        return None
    try:
        columns = find_columns(table, (), _chosen(draft.choices))
    except BadTable as bad:
        return People(table, None, missing=str(bad))
    found = of_table(table, columns, head, NO_HEAD, _country(draft.choices))
    found.key = draft_key(draft.id)
    found.leave_out(_empty_fields(found, draft.text))
    if not draft.text.strip() or not found.recipients:
        return People(table, found)
    sender = draft.sender or default_sender(store, draft.account_id)

    def check(body: dict[str, Any]) -> object:
        return composer.compose(read({**body, "sender": sender}, principal))

    return People(table, found, row_faults(found, check))


def _of_list(draft: SavedDraft, head: dict[str, Any]) -> CampaignFile:
    """The campaign to everybody who is on a mailing list when it is sent."""
    return CampaignFile(
        head=head,
        recipients=[{"mailingList": draft.choices["list"]}],
        lines=[0],
        header=(),
        rows={},
        faults=[],
        notes=(),
        key=draft_key(draft.id),
        content="",
    )


def _empty_fields(found: CampaignFile, text: str) -> list[Fault]:
    """A fault for each field of the text that is empty in a row: nobody means to send "on at"."""
    used = {name.casefold() for name in fill(text, NO_HEAD).missing}
    what = "is empty, and the text uses it"
    return [
        Fault(line, name, "", RefusalCode.FIELDS_MISSING, what)
        for line, recipient in zip(found.lines, found.recipients, strict=True)
        for name, value in recipient["fields"].items()
        if name.casefold() in used and is_blank(value)
    ]


def draft_of(found: CampaignFile, principal: Principal) -> Draft:
    """What is sent of a draft: its people without those that have faults; raises Refused."""
    if not found.recipients:
        raise Refused(NOBODY)
    return read(found.body, principal)


def rejects(people: People) -> str:
    """The rows that are left out, as CSV with what is wrong with each."""
    lines = io.StringIO()
    if people.found is not None:
        people.found.write_rejects(lines)
    return lines.getvalue()


def draft_key(draft_id: str) -> str:
    """The idempotency key of the campaign that a draft becomes."""
    return f"console:{draft_id}"


def default_sender(store: Store, account_id: str) -> str:
    """The first active sender of an account; empty if it has none."""
    return next((one.address for one in store.accounts.senders(account_id) if one.active), "")


@cache
def countries() -> Sequence[str]:
    """The countries whose numbers can be written without their code (ISO 3166)."""
    return sorted(SUPPORTED_REGIONS)


def likely_country(sender: str) -> str:
    """The country of a sender's number, where most of its recipients are; empty for a name."""
    return (_lookup.look_up(sender).country or "") if sender.startswith("+") else ""


def unchecked(choices: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Choices with changes that make an earlier check count no more."""
    return {name: one for name, one in {**choices, **changes}.items() if name != "checked"}


def _chosen(choices: Mapping[str, Any]) -> dict[str, str]:
    column = choices.get("column")
    return {TO: column} if column else {}


def _country(choices: Mapping[str, Any]) -> str | None:
    return choices.get("country") or None
