"""CSV files of members that are too long for memory: kept on disk, and read in blocks."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any

from fastapi import Request

from campaign.expanding import Member
from campaign.refusals import Refusal, RefusalCode, Refused
from dialects.http.answer_time import extend
from dialects.http.bodies import RECEIVE_BYTES_PER_SECOND, RECEIVE_SECONDS, BadBody
from dialects.native.list_members import (
    BYTES_MAX,
    TABLE_FAULTS_MAX,
    LongFile,
    members_of,
    read_members,
)
from spreadsheets.table import BadTable, in_parts
from spreadsheets.text_files import read_long_text
from store.accounts.mailing_lists import MEMBERS_MAX

FILE_BYTES_MAX = 256 * 1024 * 1024
BLOCK_ROWS = 10_000
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
    text: IO[bytes] | None = None
    notes: tuple[str, ...] = ()
    if media_type != "text/csv" or not length.isdecimal() or int(length) <= BYTES_MAX:
        try:
            found = await read_members(request)
        except LongFile as long:
            text, notes = long.text, long.notes
        else:
            yield Pages([found.members], found.notes)
            return
    # Without names: gone with the block or the process.
    with text or TemporaryFile() as file, TemporaryFile() as members:
        extend(request, CHECK_SECONDS)
        if text is None:
            await receive(request, file)
            extend(request, CHECK_SECONDS)
        await asyncio.to_thread(check, file, members, notes)
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


def check(file: IO[bytes], members: IO[bytes], notes: tuple[str, ...] = ()) -> None:
    """Read a whole file of UTF-8 and write its members, block by block.

    ``notes`` come with the faults. Raises BadBody, or Refused with every fault as for a short file.
    """
    faults: list[Refusal] = []
    count = 0

    def fault(code: RefusalCode, message: str, place: str, **details: Any) -> None:
        faults.append(Refusal(code, message, place, details))

    try:
        for index, table in enumerate(in_parts(read_long_text(file), BLOCK_ROWS, notes)):
            found = members_of(table, fault, is_first=index == 0)
            count += len(found)
            if count > MEMBERS_MAX:
                what, line = f"at most {MEMBERS_MAX} members in one file", table.rows[-1].line
                raise Refused(Refusal(RefusalCode.TOO_MANY_RECIPIENTS, what, f"line {line}"))
            if len(faults) > TABLE_FAULTS_MAX:
                break
            block = [[one.number, dict(one.fields)] for one in found]
            members.write(json.dumps(block).encode() + b"\n")
    except BadTable as error:
        raise BadBody(str(error)) from None
    if not count and not faults:
        fault(RefusalCode.FIELD_MISSING, "there are no members", "members")
    if len(faults) > TABLE_FAULTS_MAX:
        # The rest of the file has not been read.
        what = "more faults are not listed"
        faults[TABLE_FAULTS_MAX:] = [Refusal(RefusalCode.FIELD_INVALID, what)]
    if faults:
        raise Refused(*faults)


def pages(members: IO[bytes]) -> Iterator[Sequence[Member]]:
    """The members that ``check`` wrote, block by block."""
    members.seek(0)
    for line in members:
        yield [Member(number, fields) for number, fields in json.loads(line)]


def _with_time(request: Request, pages: Iterator[Sequence[Member]]) -> Iterator[Sequence[Member]]:
    for page in pages:
        extend(request, PAGE_SECONDS)
        yield page
