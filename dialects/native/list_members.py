"""Reading members of a mailing list: JSON, or CSV with a header line."""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

from fastapi import Request

from campaign.expanding import Member
from campaign.model import FIELD_LENGTH_MAX, FIELDS_MAX
from campaign.phone import canonical_number
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused
from campaign.text import is_field_name
from dialects.http.bodies import BadBody, parse_json, read_body

BYTES_MAX = 16 * 1024 * 1024
JSON_MEMBERS_MAX = 10_000
CSV_MEMBERS_MAX = 50_000
# In one line of CSV; quoted values may have many.
DELIMITERS_MAX = 100_000
# Accepted names of the column that has the number.
NUMBER_COLUMNS = ("to", "number", "phone", "mobile", "msisdn", "recipient")

Fault = Callable[[RefusalCode, str, str], None]


async def read_members(request: Request) -> list[Member]:
    """Read the members in a body of limited size; raises as ``parse_members`` does.

    Raises BadBody for a media type other than JSON and CSV.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in ("application/json", "text/csv"):
        raise BadBody("send the members as application/json or text/csv", 415)
    is_csv = media_type == "text/csv"
    return await read_body(request, BYTES_MAX, lambda raw: parse_members(raw, is_csv))


def parse_members(raw: bytes, is_csv: bool) -> list[Member]:
    """Read all members of a body; raises BadBody, or Refused with at most ``SHOWN_MAX`` faults.

    One fault refuses the whole body.
    """
    faults: list[Refusal] = []

    def fault(code: RefusalCode, message: str, place: str) -> None:
        if len(faults) < SHOWN_MAX:
            faults.append(Refusal(code, message, place))

    members = list(_of_csv(raw, fault) if is_csv else _of_json(parse_json(raw), fault))
    if not members and not faults:
        fault(RefusalCode.FIELD_MISSING, "there are no members", "members")
    if faults:
        raise Refused(*faults)
    return members


def _of_json(body: Any, fault: Fault) -> Iterator[Member]:
    entries = body.get("members") if isinstance(body, dict) else None
    if not isinstance(entries, list) or set(body) != {"members"}:
        fault(
            RefusalCode.FIELD_INVALID, "the body must have an array, members, and nothing else", ""
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


def _of_csv(raw: bytes, fault: Fault) -> Iterator[Member]:
    try:
        # Spreadsheets begin their files with a byte order mark.
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadBody("the file is not UTF-8") from None
    if "\x00" in text:
        raise BadBody("the file has a NUL character")
    header_line = text.partition("\n")[0]
    # In locales with a decimal comma, spreadsheets separate columns by semicolons.
    delimiter = ";" if ";" in header_line and "," not in header_line else ","
    reader = csv.reader(_lines(text, delimiter), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        number_column = _check_header(header)
        for count, row in enumerate(row for row in reader if row):
            place = f"line {reader.line_num}"
            if count == CSV_MEMBERS_MAX:
                what = f"at most {CSV_MEMBERS_MAX} members in one file"
                fault(RefusalCode.TOO_MANY_RECIPIENTS, what, place)
                return
            if len(row) > len(header):
                fault(RefusalCode.FIELD_INVALID, "has more columns than the header", place)
                continue
            fields = dict(zip(header, row, strict=False))
            number = fields.pop(header[number_column], None)
            yield _member(number, fields, place, fault)
    except csv.Error:
        raise BadBody(f"the file is not CSV: line {reader.line_num}") from None


def _lines(text: str, delimiter: str) -> Iterator[str]:
    """The lines of a file with their ends; the reader of CSV makes a list of each."""
    for line in io.StringIO(text, newline=""):
        if line.count(delimiter) > DELIMITERS_MAX:
            raise BadBody("the file has a line with too many columns")
        yield line


def _check_header(header: list[str]) -> int:
    folded = [name.casefold() for name in header]
    columns = [folded.index(name) for name in NUMBER_COLUMNS if name in folded]
    if not columns:
        raise BadBody("the header line has no column named to")
    if len(set(folded)) != len(folded):
        raise BadBody("the header line has a column twice")
    return columns[0]


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
    return Member(number or "", fields)
