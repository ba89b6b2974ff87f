"""The file of ``godwit send``: its campaign, where each recipient stands, and what is wrong."""

import json
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaign.model import RECIPIENTS_MAX
from campaign.refusals import Refusal, RefusalCode, Refused
from dialects.native.campaign_file import NOT_CONTENT, CampaignFile, content_key, of_table
from spreadsheets.people import TO, Columns, Fault, find_columns, number_of
from spreadsheets.reading import BYTES_MAX, read_table
from spreadsheets.table import BadTable, Table
from starter.cli.context import CommandError, plain
from starter.cli.send_options import STDIN

# Columns that are no fields.
MEMBERS = ("text", "mediaUrl", "sender", "scheduleDateTime", "idempotencyKey", "reference")
JSON_BYTES_MAX = 4 * BYTES_MAX
NAME_LENGTH_MAX = 200
_TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm")


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What the command line says about the file; ``head`` has members of the campaign."""

    head: Mapping[str, Any] = field(default_factory=dict)
    country: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    again: bool = False


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


def place_of(found: CampaignFile, fault: Fault) -> str:
    """Where a fault is, as the person who wrote the file finds it."""
    if found.header_line is None:
        return f"recipients[{fault.line}]" + (f".{fault.column}" if fault.column else "")
    return f"line {fault.line}" + (f", column {plain(fault.column)}" if fault.column else "")


def _of_table(file: Path, table: Table, columns: Columns, options: FileOptions) -> CampaignFile:
    name = None if file == STDIN else plain(file.stem)[:NAME_LENGTH_MAX]
    found = of_table(
        table, columns, {"name": name, **options.head}, options.columns, options.country
    )
    if options.again:
        found.key = _key_of_another()
    return found


def _of_json(file: Path, raw: bytes, options: FileOptions) -> CampaignFile:
    from dialects.http.bodies import BadBody, parse_json
    from dialects.http.payloads import payload_hash

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
    content = {name: value for name, value in head.items() if name not in NOT_CONTENT}
    content |= {"recipients": entries, "country": options.country}
    hashed = payload_hash(content)
    key = content_key(hashed) if given is None else given
    if options.again:
        key = _key_of_another()
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


def _key_of_another() -> str:
    return f"again:{uuid.uuid4().hex}"


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
