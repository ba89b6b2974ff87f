"""The campaign in a file of people: where each recipient stands, and what is wrong with it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TextIO

from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.templates import fill
from dialects.http.payloads import payload_hash
from spreadsheets.people import TO, Columns, Fault, read_people
from spreadsheets.rejects import write_rejects
from spreadsheets.table import Table

NOTHING: Mapping[str, str] = MappingProxyType({})
# What does not make another campaign of the same content: names and times.
NOT_CONTENT = {"name", "idempotencyKey", "scheduleDateTime", "spreadHours", "creditsMax"}
_RECIPIENT = re.compile(r"recipients\[([0-9]+)\]\.?(([A-Za-z]*).*)")


@dataclass
class CampaignFile:
    """A campaign in a file.

    ``lines`` has the line of each recipient, or its position in JSON. ``rows`` has what is written
    to the rejects, by line, and ``faults`` what was found so far; those in ``header_line`` concern
    the whole file.
    """

    head: dict[str, Any]
    recipients: list[dict[str, Any]]
    lines: list[int]
    header: Sequence[str]
    rows: Mapping[int, Sequence[str]]
    faults: list[Fault]
    notes: tuple[str, ...]
    key: str
    content: str
    columns: Mapping[str, str] = field(default_factory=dict)
    header_line: int | None = None

    @property
    def key_is_given(self) -> bool:
        """True if the key is not that of the content."""
        return self.key != content_key(self.content)

    @property
    def body(self) -> dict[str, Any]:
        """The body of POST /v1/campaigns without the recipients that have faults."""
        return {**self.head, "recipients": self.recipients, "idempotencyKey": self.key}

    def leave_out(self, faults: Iterable[Fault]) -> None:
        """Add faults, and take their recipients out of the campaign."""
        self.faults += faults
        bad = {fault.line for fault in self.faults}
        kept = [index for index, line in enumerate(self.lines) if line not in bad]
        self.recipients = [self.recipients[index] for index in kept]
        self.lines = [self.lines[index] for index in kept]

    def fault_of(self, refusal: Refusal, index: int | None = None) -> Fault | None:
        """A refusal as a fault of a row; None if it concerns the whole campaign.

        ``index`` is that of the recipient if it was checked by itself.
        """
        match = _RECIPIENT.match(refusal.place)
        position = int(match[1]) if match and index is None else index
        if match is None or position is None or position >= len(self.recipients):
            return None
        recipient, member = self.recipients[position], match[3]
        value = recipient.get(member) if isinstance(recipient, dict) else None
        column = match[2] if self.header_line is None else self.columns.get(member, "")
        shown = value if isinstance(value, str) else ""
        return Fault(self.lines[position], column, shown, refusal.code, refusal.message)

    def write_rejects(self, lines: TextIO) -> int:
        """Write the rows that have faults; returns how many."""
        rows = [fault for fault in self.faults if fault.line != self.header_line]
        return write_rejects(lines, self.header, self.rows, rows)


def row_faults(found: CampaignFile, check: Callable[[dict[str, Any]], object]) -> list[Refusal]:
    """Leave out all recipients that ``check`` refuses; returns what concerns the whole campaign.

    Args:
        found: the file; its recipients are checked as campaigns of fewer and fewer, down to one.
        check: reads and composes a body; raises Refused.
    """
    faults: list[Fault] = []
    of_all: dict[tuple[str, str], Refusal] = {}
    # A tag without a column is a fault of each row; it is told once.
    of_header = {fault.code for fault in found.faults if fault.line == found.header_line}
    of_header &= {RefusalCode.FIELDS_MISSING}
    parts = [(0, len(found.recipients))] if found.recipients else []
    while parts:
        low, high = parts.pop()
        recipients = found.recipients[low:high]
        try:
            check({**found.head, "recipients": recipients, "idempotencyKey": found.key})
        except Refused as refused:
            if high - low > 1:
                middle = (low + high) // 2
                parts += [(middle, high), (low, middle)]
                continue
            for refusal in refused.refusals:
                fault = found.fault_of(refusal, low)
                if refusal.code in of_header:
                    continue
                if fault is None:
                    of_all.setdefault((refusal.place, refusal.message), refusal)
                else:
                    faults.append(fault)
    found.leave_out(faults)
    return list(of_all.values())


def of_table(
    table: Table,
    columns: Columns,
    head: Mapping[str, Any],
    chosen: Mapping[str, str] = NOTHING,
    country: str | None = None,
) -> CampaignFile:
    """The campaign of a table; its key is that of the content.

    Args:
        table: the rows.
        columns: what its columns have.
        head: members of the campaign.
        chosen: the columns that somebody chose by what they have.
        country: that of numbers without a country code.
    """
    people = read_people(table, columns, country)
    fields = dict.fromkeys(columns.fields.values(), "")
    recipients = [
        {"to": one.number, **one.members, "fields": {**fields, **one.fields}}
        for one in people.people
    ]
    faults = list(people.faults)
    text = head.get("text")
    if text is not None and "text" not in columns.members.values():
        for tag in fill(text, fields).missing:
            what = f"the text uses {{{{{tag}}}}}, and the file has no such column"
            faults.append(Fault(table.header.line, tag, "", RefusalCode.FIELDS_MISSING, what))
    content = {
        "header": list(table.header.cells),
        "rows": [list(row.cells) for row in table.rows],
        "columns": dict(chosen),
        "country": country,
        **{name: value for name, value in head.items() if name not in NOT_CONTENT},
    }
    hashed = payload_hash(content)
    names = {what: table.header.cells[index] for index, what in columns.members.items()}
    return CampaignFile(
        head=dict(head),
        recipients=recipients,
        lines=[one.line for one in people.people],
        header=table.header.cells,
        rows={row.line: row.cells for row in table.rows},
        faults=faults,
        notes=table.notes,
        key=content_key(hashed),
        content=hashed,
        columns={**names, TO: table.header.cells[columns.number], "text": names.get("text", "")},
        header_line=table.header.line,
    )


def content_key(hashed: str) -> str:
    """The idempotency key of a campaign with this hash of its content."""
    return f"content:{hashed}"
