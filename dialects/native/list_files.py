"""CSV files of members that are too long for memory: kept on disk, and read in blocks."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from tempfile import TemporaryFile
from typing import IO

from fastapi import Request

from campaign.expanding import Member
from campaign.refusals import Refusal, RefusalCode, Refused
from dialects.http.answer_time import extend
from dialects.http.bodies import RECEIVE_BYTES_PER_SECOND, RECEIVE_SECONDS, BadBody
from dialects.native.list_members import (
    BYTES_MAX,
    TABLE_FAULTS_MAX,
    LongFile,
    parse_members,
    read_members,
)
from spreadsheets.table import BadTable
from spreadsheets.text_files import decode
from store.accounts.mailing_lists import MEMBERS_MAX

FILE_BYTES_MAX = 256 * 1024 * 1024
BLOCK_BYTES, BLOCK_ROWS = 1024 * 1024, 10_000
# For receiving a whole file, for checking it, and then for adding each of its pages.
CHECK_SECONDS, PAGE_SECONDS = 600.0, 60.0


@dataclass(slots=True)
class Pages:
    """The members of a body, page by page, and notes about how a file was read."""

    pages: Iterable[Sequence[Member]]
    notes: tuple[str, ...] = ()


@asynccontextmanager
async def imported(request: Request) -> AsyncIterator[Pages]:
    """Read the members in a body: as one page, or a long CSV file from disk.

    Raises as :func:`dialects.native.list_members.read_members` and ``check`` do.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    length = request.headers.get("content-length", "")
    raw = b""
    if media_type != "text/csv" or not length.isdecimal() or int(length) <= BYTES_MAX:
        try:
            found = await read_members(request)
        except LongFile as file_read:
            raw = file_read.raw
        else:
            yield Pages([found.members], found.notes)
            return
    # Without names: gone with the block or the process.
    with TemporaryFile() as file, TemporaryFile() as members:
        extend(request, CHECK_SECONDS)
        notes = await asyncio.to_thread(_write_text, raw, file) if raw else ()
        if not raw:
            await receive(request, file)
        extend(request, CHECK_SECONDS)
        notes += await asyncio.to_thread(check, file, members)
        yield Pages(_with_time(request, pages(members)), notes)


async def receive(request: Request, file: IO[bytes]) -> None:
    """Write a body to a file; raises BadBody if it is too large or arrives too slowly."""
    size, began = 0, asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(began + RECEIVE_SECONDS) as deadline:
            async for chunk in request.stream():
                size += len(chunk)
                if size > FILE_BYTES_MAX:
                    raise BadBody(f"the body is larger than {FILE_BYTES_MAX} bytes", 413)
                file.write(chunk)
                deadline.reschedule(began + RECEIVE_SECONDS + size / RECEIVE_BYTES_PER_SECOND)
    except TimeoutError:
        raise BadBody("the body did not arrive in time", 408) from None


def _write_text(raw: bytes, file: IO[bytes]) -> tuple[str, ...]:
    """Write a CSV file as UTF-8; returns notes about its encoding, and raises BadBody."""
    try:
        text, notes = decode(raw)
    except BadTable as error:
        raise BadBody(str(error)) from None
    file.write(text.encode())
    return notes


def check(file: IO[bytes], members: IO[bytes]) -> tuple[str, ...]:
    """Read a whole file and write its members, block by block; returns notes about it.

    Raises BadBody, or Refused with every fault as for a short file.
    """
    faults: list[Refusal] = []
    notes: dict[str, None] = {}
    count = 0
    for before, raw in _blocks(file):
        try:
            found = parse_members(raw, is_json=False)
        except Refused as refused:
            faults += (_moved(fault, before) for fault in refused.refusals)
            if len(faults) > TABLE_FAULTS_MAX:
                break
            continue
        notes |= dict.fromkeys(found.notes)
        count += len(found.members)
        if count > MEMBERS_MAX:
            what = f"at most {MEMBERS_MAX} members in one file"
            raise Refused(Refusal(RefusalCode.TOO_MANY_RECIPIENTS, what, f"line {before + 1}"))
        if not faults:
            block = [[one.number, dict(one.fields)] for one in found.members]
            members.write(json.dumps(block).encode() + b"\n")
    if faults:
        raise Refused(*faults[:TABLE_FAULTS_MAX])
    return tuple(notes)


def pages(members: IO[bytes]) -> Iterator[Sequence[Member]]:
    """The members that ``check`` wrote, block by block."""
    members.seek(0)
    for line in members:
        yield [Member(number, fields) for number, fields in json.loads(line)]


def _with_time(request: Request, pages: Iterator[Sequence[Member]]) -> Iterator[Sequence[Member]]:
    for page in pages:
        extend(request, PAGE_SECONDS)
        yield page


def _moved(fault: Refusal, before: int) -> Refusal:
    """A fault of a block with its line in the file; a block begins with the header, too."""
    line = fault.details.get("line")
    if line is None:
        return fault
    return replace(
        fault, place=f"line {line + before}", details={**fault.details, "line": line + before}
    )


def _blocks(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The header with some rows at a time, and how many lines before those were in other blocks."""
    file.seek(0)
    records = _records(file)
    header, _ = next(records, (b"", 0))
    block, rows, before, lines = bytearray(header), 0, 0, 0
    is_first = True
    for record, length in records:
        if rows and (rows == BLOCK_ROWS or len(block) + len(record) > BLOCK_BYTES):
            yield before, bytes(block)
            block, rows, before, lines = bytearray(header), 0, before + lines, 0
            is_first = False
        block += record
        rows, lines = rows + 1, lines + length
    if rows or is_first:
        yield before, bytes(block)


def _records(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """The rows of a file with their lines: a quoted value may have line ends."""
    record, quotes, lines = bytearray(), 0, 0
    while line := file.readline(BLOCK_BYTES):
        record += line
        quotes, lines = quotes + line.count(b'"'), lines + 1
        if len(record) > BLOCK_BYTES:
            raise BadBody("a row is too long, or a quotation mark is not closed")
        if quotes % 2 == 0:
            yield bytes(record), lines
            record, quotes, lines = bytearray(), 0, 0
    if record:
        yield bytes(record), lines
