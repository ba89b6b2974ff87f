"""The file of ``godwit send``: its campaign, where each recipient stands, and what is wrong."""

import json
import re
import sys
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaign.model import RECIPIENTS_MAX
from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.text import fill
from spreadsheets.people import TO, Columns, Fault, find_columns, number_of, read_people
from spreadsheets.reading import BYTES_MAX, read_table
from spreadsheets.rejects import write_rejects
from spreadsheets.table import BadTable, Table
from starter.cli.context import CommandError, plain
from starter.cli.send_options import STDIN

# Columns that are no fields.
MEMBERS = ("text", "mediaUrl", "sender", "scheduleDateTime", "idempotencyKey", "reference")
JSON_BYTES_MAX = 4 * BYTES_MAX
NAME_LENGTH_MAX = 200
_TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm")
# What does not make another campaign of the same content: names and times.
_NOT_CONTENT = {"name", "idempotencyKey", "scheduleDateTime", "spreadHours", "creditsMax"}
_RECIPIENT = re.compile(r"recipients\[([0-9]+)\]\.?(([A-Za-z]*).*)")


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What the command line says about the file; ``head`` has members of the campaign."""

    head: Mapping[str, Any] = field(default_factory=dict)
    country: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    again: bool = False


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
        return self.key != f"content:{self.content}"

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

    def place(self, fault: Fault) -> str:
        """Where a fault is, as the person who wrote the file finds it."""
        if self.header_line is None:
            return f"recipients[{fault.line}]" + (f".{fault.column}" if fault.column else "")
        return f"line {fault.line}" + (f", column {plain(fault.column)}" if fault.column else "")

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

    def write_rejects(self, file: Path) -> int:
        """Write the rows that have faults; returns how many."""
        rows = [fault for fault in self.faults if fault.line != self.header_line]
        return write_rejects(file, self.header, self.rows, rows)


def load(file: Path, options: FileOptions) -> CampaignFile:
    """Read JSON, CSV or XLSX, from standard input if the file is ``-``.

    Raises CommandError where nothing of the file can be read.
    """
    raw = _bytes_of(file)
    suffix = file.suffix.lower()
    begins = raw[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    if suffix == ".json" or (suffix not in _TABLES and begins.startswith((b"{", b"["))):
        return _of_json(file, raw, options)
    try:
        table = read_table(raw, RECIPIENTS_MAX)
        return _of_table(file, table, find_columns(table, MEMBERS, options.columns), options)
    except BadTable as error:
        raise CommandError(f"{_shown(file)}: {plain(str(error))}") from None


def row_faults(found: CampaignFile, check: Callable[[dict[str, Any]], object]) -> list[Refusal]:
    """Leave out all recipients that ``check`` refuses; returns what concerns the whole campaign.

    Args:
        found: the file; each of its recipients is checked as a campaign of one.
        check: reads and composes a body; raises Refused.
    """
    faults: list[Fault] = []
    of_all: dict[tuple[str, str], Refusal] = {}
    # A tag without a column is a fault of each row; it is told once.
    of_header = {fault.code for fault in found.faults if fault.line == found.header_line}
    of_header &= {RefusalCode.FIELDS_MISSING}
    for index, recipient in enumerate(found.recipients):
        try:
            check({**found.head, "recipients": [recipient], "idempotencyKey": found.key})
        except Refused as refused:
            for refusal in refused.refusals:
                fault = found.fault_of(refusal, index)
                if refusal.code in of_header:
                    continue
                if fault is None:
                    of_all.setdefault((refusal.place, refusal.message), refusal)
                else:
                    faults.append(fault)
    found.leave_out(faults)
    return list(of_all.values())


def _of_table(file: Path, table: Table, columns: Columns, options: FileOptions) -> CampaignFile:
    people = read_people(table, columns, options.country)
    fields = dict.fromkeys(columns.fields.values(), "")
    recipients = [
        {"to": one.number, **one.members, "fields": {**fields, **one.fields}}
        for one in people.people
    ]
    name = None if file == STDIN else plain(file.stem)[:NAME_LENGTH_MAX]
    head = {"name": name, **options.head}
    faults = list(people.faults)
    text = options.head.get("text")
    if text is not None and "text" not in columns.members.values():
        for tag in fill(text, fields).missing:
            what = f"the text uses {{{{{tag}}}}}, and the file has no such column"
            faults.append(Fault(table.header.line, tag, "", RefusalCode.FIELDS_MISSING, what))
    content = {
        "header": list(table.header.cells),
        "rows": [list(row.cells) for row in table.rows],
        "columns": dict(options.columns),
        "country": options.country,
        **{name: value for name, value in head.items() if name not in _NOT_CONTENT},
    }
    key, hashed = _key(content, None, options.again)
    names = {what: table.header.cells[index] for index, what in columns.members.items()}
    return CampaignFile(
        head=head,
        recipients=recipients,
        lines=[one.line for one in people.people],
        header=table.header.cells,
        rows={row.line: row.cells for row in table.rows},
        faults=faults,
        notes=table.notes,
        key=key,
        content=hashed,
        columns={**names, TO: table.header.cells[columns.number], "text": names.get("text", "")},
        header_line=table.header.line,
    )


def _of_json(file: Path, raw: bytes, options: FileOptions) -> CampaignFile:
    from dialects.http.bodies import BadBody, parse_json

    if options.columns:
        raise CommandError("--column names a column of CSV or XLSX, and this file is JSON")
    try:
        body = parse_json(raw.removeprefix(b"\xef\xbb\xbf"))
    except BadBody as bad:
        raise CommandError(f"{_shown(file)}: {bad.reason}") from None
    if not isinstance(body, dict):
        raise Refused(Refusal(RefusalCode.FIELD_INVALID, "must be an object"))
    entries = body.get("recipients")
    if not isinstance(entries, list):
        what = "must be an array of recipients"
        raise Refused(Refusal(RefusalCode.FIELD_MISSING, what, "recipients"))
    head = {name: value for name, value in body.items() if name != "recipients"}
    head |= options.head
    given = head.pop("idempotencyKey", None)
    content = {name: value for name, value in head.items() if name not in _NOT_CONTENT}
    content |= {"recipients": entries, "country": options.country}
    key, hashed = _key(content, given, options.again)
    found = CampaignFile(
        head=head,
        recipients=entries,
        lines=list(range(len(entries))),
        header=("recipient",),
        rows={index: (json.dumps(entry),) for index, entry in enumerate(entries)},
        faults=[],
        notes=(),
        key=key,
        content=hashed,
    )
    if options.country is not None:
        found.recipients = [_in_country(entry, options.country) for entry in entries]
    return found


def _in_country(recipient: Any, country: str) -> Any:
    number = recipient.get(TO) if isinstance(recipient, dict) else None
    if not isinstance(number, str):
        return recipient
    return {**recipient, TO: number_of(number, country) or number}


def _key(content: Mapping[str, Any], given: Any, again: bool) -> tuple[Any, str]:
    """The idempotency key, and the hash of the content."""
    from dialects.http.payloads import payload_hash

    hashed = payload_hash(content)
    if again:
        return f"again:{uuid.uuid4().hex}", hashed
    return (f"content:{hashed}" if given is None else given), hashed


def _bytes_of(file: Path) -> bytes:
    if file == STDIN:
        raw = sys.stdin.buffer.read(JSON_BYTES_MAX + 1)
    else:
        with file.open("rb") as source:
            raw = source.read(JSON_BYTES_MAX + 1)
    if len(raw) > JSON_BYTES_MAX:
        raise CommandError(f"{_shown(file)}: the file is larger than {JSON_BYTES_MAX} bytes")
    return raw


def _shown(file: Path) -> str:
    return "standard input" if file == STDIN else str(file)
