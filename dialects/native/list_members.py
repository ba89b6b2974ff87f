"""Reading members of a mailing list: JSON, or CSV and XLSX with a header line."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any

from fastapi import Request

from campaign.expanding import Member
from campaign.model import FIELD_LENGTH_MAX, FIELDS_MAX
from campaign.phone import canonical_number
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused
from campaign.templates import is_field_name
from campaign.text import bad_character, clean
from dialects.http.bodies import BadBody, parse_json, read_body
from spreadsheets.people import find_columns, read_people
from spreadsheets.reading import is_workbook, read_table
from spreadsheets.table import BadTable, Table, TooLong
from spreadsheets.text_files import decode

BYTES_MAX = 16 * 1024 * 1024
JSON_MEMBERS_MAX = 10_000
CSV_MEMBERS_MAX = 50_000
# Faults that are listed of a file, and the characters of a value.
TABLE_FAULTS_MAX = 1_000
VALUE_SHOWN_MAX = 200
# Characters of a text that is written.
WRITTEN_AT_ONCE = 1024 * 1024
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES = ("application/json", "text/csv", XLSX)

# Takes a code, a message, a place and, for a file, details by name.
Fault = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Import:
    """The members of a body, and notes about how a file was read."""

    members: list[Member]
    notes: tuple[str, ...] = ()


class LongFile(Refused):
    """A CSV file has more than is read at once; ``text`` is the file as UTF-8, on disk."""

    def __init__(self, refusal: Refusal, text: IO[bytes], notes: tuple[str, ...]) -> None:
        super().__init__(refusal)
        self.text = text
        self.notes = notes


async def read_members(request: Request) -> Import:
    """Read the members in a body of limited size; raises as ``parse_members`` does.

    Raises LongFile, and BadBody for a media type other than JSON, CSV and XLSX.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise BadBody(
            f"send the members as {', '.join(MEDIA_TYPES[:-1])} or {MEDIA_TYPES[-1]}", 415
        )

    def read(raw: bytes) -> Import:
        try:
            return parse_members(raw, media_type == "application/json")
        except TooLong as error:
            refusal = Refusal(RefusalCode.TOO_MANY_RECIPIENTS, error.what, f"line {error.line}")
            if is_workbook(raw):
                raise Refused(refusal) from None
            raise LongFile(refusal, *_on_disk(raw)) from None

    return await read_body(request, BYTES_MAX, read)


def _on_disk(raw: bytes) -> tuple[IO[bytes], tuple[str, ...]]:
    """A temporary file with the text of a CSV file in UTF-8, and notes about its encoding."""
    text, notes = decode(raw)
    file = TemporaryFile()
    for start in range(0, len(text), WRITTEN_AT_ONCE):
        file.write(text[start : start + WRITTEN_AT_ONCE].encode())
    return file, notes


def parse_members(raw: bytes, is_json: bool) -> Import:
    """Read all members of a body; raises BadBody, or Refused.

    Raises TooLong for a file of more than ``CSV_MEMBERS_MAX`` rows, or of too many cells. One fault
    refuses the whole body. Of JSON at most ``SHOWN_MAX`` faults are listed, of a file
    ``TABLE_FAULTS_MAX``.
    """
    faults: list[Refusal] = []
    shown_max = SHOWN_MAX if is_json else TABLE_FAULTS_MAX + 1

    def fault(code: RefusalCode, message: str, place: str, **details: Any) -> None:
        if len(faults) < shown_max:
            faults.append(Refusal(code, message, place, details))

    notes: tuple[str, ...] = ()
    if is_json:
        members = list(_of_json(parse_json(raw), fault))
    else:
        members, notes = _of_table(raw, fault)
    if not members and not faults:
        fault(RefusalCode.FIELD_MISSING, "there are no members", "members")
    if faults:
        raise Refused(*faults)
    return Import(members, notes)


def _of_json(body: Any, fault: Fault) -> Iterator[Member]:
    entries = body.get("members") if isinstance(body, dict) else None
    if not isinstance(entries, list) or set(body) != {"members"}:
        fault(
            RefusalCode.FIELD_INVALID,
            "the body must have an array, members, and nothing else",
            "",
        )
        return
    if len(entries) > JSON_MEMBERS_MAX:
        what = f"at most {JSON_MEMBERS_MAX} members in one call"
        fault(RefusalCode.TOO_MANY_RECIPIENTS, what, "members")
        return
    for index, entry in enumerate(entries):
        place = f"members[{index}]"
        if not isinstance(entry, dict) or not set(entry) <= {"to", "fields"}:
            what = "must be an object with to and optionally fields"
            fault(RefusalCode.FIELD_INVALID, what, place)
            continue
        fields = entry.get("fields")
        if fields is None:
            fields = {}
        if not isinstance(fields, dict) or not all(isinstance(v, str) for v in fields.values()):
            fault(RefusalCode.FIELD_INVALID, "must be an object of strings", f"{place}.fields")
            continue
        yield _member(entry.get("to"), fields, place, fault)


def _of_table(raw: bytes, fault: Fault) -> tuple[list[Member], tuple[str, ...]]:
    try:
        table = read_table(raw, CSV_MEMBERS_MAX, BYTES_MAX)
        return members_of(table, fault), table.notes
    except TooLong:
        raise
    except BadTable as error:
        raise BadBody(str(error)) from None


def members_of(table: Table, fault: Fault, is_first: bool = True) -> list[Member]:
    """The members in a table; all faults, each with line, column and value. Raises BadTable.

    Those of the header are only told of the first part of a file. Only the caller, who has sent the
    values, gets this answer; it is recorded nowhere.
    """
    found = read_people(table, find_columns(table))
    faults = [one for one in found.faults if is_first or one.line != table.header.line]
    # The first message is the title of the answer.
    note = "".join(f" ({note})" for note in table.notes)
    for one in faults[:TABLE_FAULTS_MAX]:
        value = one.value[:VALUE_SHOWN_MAX]
        place = f"line {one.line}"
        fault(one.code, one.message + note, place, line=one.line, column=one.column, value=value)
        note = ""
    more = len(faults) - TABLE_FAULTS_MAX
    if more > 0:
        fault(RefusalCode.FIELD_INVALID, f"{more} more faults are not listed", "")
    return [Member(one.number, one.fields) for one in found.people]


def _member(to: Any, fields: dict[str, str], place: str, fault: Fault) -> Member:
    number = canonical_number(to) if isinstance(to, str) else None
    if number is None:
        fault(RefusalCode.NUMBER_INVALID, "must be a phone number with its country code", place)
    if len(fields) > FIELDS_MAX:
        fault(RefusalCode.FIELD_INVALID, f"must have at most {FIELDS_MAX} fields", place)
    elif not all(map(is_field_name, fields)):
        what = "field names must have 1 to 64 visible characters, without braces and line ends"
        fault(RefusalCode.FIELD_INVALID, what, place)
    elif any(len(value) > FIELD_LENGTH_MAX for value in fields.values()):
        what = f"field values must have at most {FIELD_LENGTH_MAX} characters"
        fault(RefusalCode.FIELD_INVALID, what, place)
    for value in fields.values():
        # No campaign could be sent to this member.
        if not value.isprintable() and (bad := bad_character(clean(value))):
            what = f"a field has the character {bad}, which is not allowed"
            fault(RefusalCode.CHARACTERS_INVALID, what, place)
            break
    return Member(number or "", fields)
