"""CSV: the encoding and the separator of a file, and its rows."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, TYPE_CHECKING, TextIO

from spreadsheets.table import CELL_LENGTH_MAX, BadTable, Row

if TYPE_CHECKING:
    from charset_normalizer import CharsetMatches

SEPARATORS = ",;\t"
# In one line; quoted values may have many.
SEPARATORS_MAX = 100_000
# In a file that is too long for memory.
LINE_LENGTH_MAX = 1024 * 1024
# The rows by which a separator is chosen.
_LOOKED_AT = 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SEPARATOR_LINE = re.compile(r'"?sep=([^"\r\n])"?[,;\t ]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
# Beyond ASCII and the signs of Windows-1252 that stand in texts of any language.
_BEYOND_SIGNS = re.compile(r"[^\x00-\x7f\u20ac\u2018-\u201e\u2013\u2014\u2026\u2022\xa0«»£§©®°·]")
# Accents of other encodings become capitals inside of words.
_INNER_CAPITAL = re.compile("[a-zß-öø-ÿ][À-ÖØ-ÞŠŒŽŸ]")
_SAMPLE_BYTES = 64 * 1024
WINDOWS = "the file is not UTF-8 and was read as Windows-1252; check the accents in a dry run"
_SAVE = "save it as CSV UTF-8"


def read_text(raw: bytes) -> tuple[Iterator[Row], tuple[str, ...]]:
    """The rows of a CSV file, and notes about how it was read.

    Raises BadTable, also while the rows are taken.
    """
    text, notes = decode(raw)
    named = _SEPARATOR_LINE.match(text)
    if named is None:
        return _rows(io.StringIO(text, newline=""), _separator(text), 1), notes
    return _rows(io.StringIO(text[named.end() :], newline=""), named[1], 2), notes


def read_long_text(file: IO[bytes]) -> Iterator[Row]:
    """The rows of a CSV file in UTF-8 that is too long for memory; raises as ``read_text``."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        file.seek(0)
        sample = text.read(_SAMPLE_BYTES)
        # A row that the sample cuts off says nothing about separators.
        sample = sample[: max(sample.rfind("\n"), sample.rfind("\r")) + 1] or sample
        text.seek(0)
        named = _SEPARATOR_LINE.match(sample)
        if named is None:
            yield from _rows(_limited(text), _separator(sample), 1)
        else:
            text.readline()
            yield from _rows(_limited(text), named[1], 2)
    except UnicodeDecodeError:
        raise BadTable(f"the file is not valid UTF-8: {_SAVE}") from None
    finally:
        text.detach()  # Or it would close the file.


def decode(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of a file, and a note if its encoding had to be assumed.

    UTF-8, UTF-16 and UTF-32 by their marks, UTF-16 without one, UTF-8, and Windows-1252 where it
    reads as a Western language. Raises BadTable for all else: a wrong guess would go out as
    misspelt names.
    """
    notes: tuple[str, ...] = ()
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            text = _decoded(raw[len(mark) :], encoding)
            break
    else:
        guess = _wide(raw)
        try:
            text = raw.decode(guess or "utf-8")
        except UnicodeDecodeError as error:
            if guess is not None:
                raise BadTable(f"the file is not valid {guess.upper()}: {_SAVE}") from None
            text, notes = _western(raw, error.start), (WINDOWS,)
    if "\x00" in text:
        line = _line_at(text, text.index("\x00"))
        raise BadTable(f"line {line} has a NUL character (U+0000)")
    return text.lstrip("\ufeff"), notes


def _decoded(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = _line_at(raw[: error.start].decode(encoding, "replace"), None)
        raise BadTable(f"line {line} is not valid {encoding.upper()}: {_SAVE}") from None


def _wide(raw: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of Latin letters and separators is zero."""
    sample = raw[:4096]
    if len(raw) % 2 or len(raw) < 4 or b"\x00" not in sample:
        return None
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    share = len(sample) // 4
    if odd > share and not even:
        return "utf-16-le"
    return "utf-16-be" if even > share and not odd else None


def _western(raw: bytes, fault: int) -> str:
    """A file that is not UTF-8, read as Windows-1252; raises BadTable where that reads wrongly."""
    lines = [line for line in raw.splitlines() if not line.isascii()]
    if any(map(_is_utf8, lines)):
        line = _line_at(raw[:fault].decode("utf-8", "replace"), None)
        raise BadTable(f"line {line} is not UTF-8, and other lines are: {_SAVE}")
    sample = b"\n".join(lines)[:_SAMPLE_BYTES]
    try:
        text = raw.decode("cp1252")
        looks_right = _reads_well(sample)
    except UnicodeDecodeError:
        looks_right = False
    if looks_right:
        return text
    best = _matches(sample).best()
    guess = f" (it may be {best.encoding})" if best is not None else ""
    raise BadTable(f"the file is not UTF-8, UTF-16 or Windows-1252{guess}: {_SAVE}")


def _reads_well(sample: bytes) -> bool:
    text = sample.decode("cp1252")
    if _BEYOND_SIGNS.search(text) is None:
        return True
    return _INNER_CAPITAL.search(text) is None and bool(_matches(sample, "cp1252"))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _matches(sample: bytes, *encodings: str) -> "CharsetMatches":
    """The encodings in which a sample reads as a text."""
    from charset_normalizer import from_bytes

    return from_bytes(sample, cp_isolation=list(encodings) or None, enable_fallback=False)


def _line_at(text: str, position: int | None) -> int:
    """The line of a position, or of the end of a text."""
    before = text[:position].replace("\r\n", "\n")
    return before.count("\n") + before.count("\r") + 1


def _separator(text: str) -> str:
    """The separator that splits the header, and the rows below it, into most equal parts."""

    def score(separator: str) -> tuple[int, int]:
        widths: list[int] = []
        try:
            for row in islice(_rows(io.StringIO(text, newline=""), separator, 1), _LOOKED_AT):
                cells = row.cells
                if any(cell.strip() for cell in cells):
                    widths.append(len(cells))
        except BadTable:
            pass
        if not widths or widths[0] < 2:
            return 0, 0
        return sum(width == widths[0] for width in widths), widths[0]

    return max(SEPARATORS, key=score)


def _rows(lines: Iterable[str], separator: str, first_line: int) -> Iterator[Row]:
    reader = csv.reader(_lines(lines, separator), delimiter=separator, strict=True)
    begins = 0
    try:
        for cells in reader:
            yield Row(first_line + begins, tuple(cells))
            begins = reader.line_num
    except csv.Error as error:
        raise BadTable(f"line {first_line + begins}: {_fault(error)}") from None


def _fault(error: csv.Error) -> str:
    what = str(error)
    if "limit" in what:
        return f"not CSV: a value has more than {CELL_LENGTH_MAX} characters; is a quote open?"
    if "end of data" in what:
        return "not CSV: a quote that opens here is never closed"
    return "not CSV: a quoted value goes on behind its closing quote"


def _lines(lines: Iterable[str], separator: str) -> Iterator[str]:
    """Lines with their ends; the reader of CSV makes a list of each."""
    for line in lines:
        if line.count(separator) > SEPARATORS_MAX:
            raise BadTable("the file has a line with too many columns")
        yield line


def _limited(text: TextIO) -> Iterator[str]:
    while line := text.readline(LINE_LENGTH_MAX):
        if len(line) == LINE_LENGTH_MAX and line[-1] not in "\r\n":
            raise BadTable(f"not CSV: a line has more than {LINE_LENGTH_MAX} characters")
        yield line
