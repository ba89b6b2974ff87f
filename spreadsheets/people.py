"""People in a table: what each column has, and every fault by line, column and value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType

from campaign.model import FIELD_LENGTH_MAX, FIELDS_MAX
from campaign.phone import OfflineLookup, canonical_number
from campaign.refusals import RefusalCode
from campaign.templates import is_field_name
from campaign.text import bad_character, clean
from spreadsheets.table import BadTable, Row, Table

TO = "to"
# Accepted names of the column that has the number, the first one first; without spaces.
NUMBER_COLUMNS = (
    TO, "number", "phone", "mobile", "msisdn", "recipient", "phonenumber", "mobilenumber",
    "mobilephone", "telephone", "tel", "cell", "cellphone",
)  # fmt: skip
# What a spreadsheet shows, and exports, where a formula fails.
ERROR_VALUES = frozenset(
    "#N/A #REF! #NAME? #VALUE! #DIV/0! #NULL! #NUM! #SPILL! #CALC! #FIELD! #BLOCKED!".split()
)
# Of one row; and in a message, the columns and the characters of a name.
ROW_FAULTS_MAX = 20
LISTED_MAX = 20
NAME_SHOWN_MAX = 100
_NO_COLUMNS: Mapping[str, str] = MappingProxyType({})
_MOBILE = ("mobile", "fixed_line_or_mobile")
_lookup = OfflineLookup()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one cell; a fault in the header's line concerns the whole file."""

    line: int
    column: str
    value: str
    code: RefusalCode
    message: str


@dataclass(frozen=True, slots=True)
class Person:
    """One row without a fault.

    ``number`` is canonical E.164. ``members`` has the values of columns that the caller asked for
    by name, where they are not empty; ``fields`` the values of all others, by the column's name.
    """

    line: int
    number: str
    members: Mapping[str, str]
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class People:
    """The people of a table and the faults of all other rows, both in the order of the lines."""

    people: tuple[Person, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a table have, by their index: the number, members and fields."""

    number: int
    members: Mapping[int, str]
    fields: Mapping[int, str]

    def index_of(self, member: str) -> int | None:
        """The column of the number, a member or a field; None if the table has none."""
        if member == TO:
            return self.number
        named = {name: index for index, name in (*self.fields.items(), *self.members.items())}
        return named.get(member)


def find_columns(
    table: Table, members: tuple[str, ...] = (), chosen: Mapping[str, str] = _NO_COLUMNS
) -> Columns:
    """Find out what each column of a table has.

    Names are compared without regard to case and to spaces at their ends.

    Args:
        table: its header names the columns.
        members: names of columns that are no fields, such as ``text``.
        chosen: the name of a column by what it has: ``to``, a member, or the name of a field.

    Raises:
        BadTable: no column has numbers, two have the same name, or a chosen one does not exist.
    """
    header = table.header.cells
    folded = [_folded(name) for name in header]
    line = f"line {table.header.line}"
    for index, name in enumerate(folded):
        if name and name in folded[:index]:
            raise BadTable(
                f"{line}: the header has a column twice: two columns have the same name, "
                f"{_short(name)!r}"
            )
    known = {_folded(member): member for member in (TO, *members)}
    taken: dict[int, str] = {}
    for what, column in chosen.items():
        if _folded(column) not in folded:
            raise BadTable(f"{line}: the header has no column {column!r}; it has {_listed(header)}")
        taken[folded.index(_folded(column))] = known.get(_folded(what), what)
    packed = ["".join(name.split()) for name in folded]
    numbers = [index for index, what in taken.items() if what == TO]
    numbers += [packed.index(name) for name in NUMBER_COLUMNS if name in packed]
    numbers = [index for index in numbers if taken.get(index, TO) == TO]
    if not numbers:
        raise BadTable(
            f"{line}: the header has no column of numbers: it must name the columns, among them "
            f"'{TO}'; it has {_listed(header)}"
        )
    by_member: dict[int, str] = {}
    fields: dict[int, str] = {}
    chosen_members = set(taken.values())
    for index, name in enumerate(header):
        what = taken.get(index) or known.get(packed[index], name)
        if index == numbers[0] or not name:
            continue
        if what in members and (index in taken or what not in chosen_members):
            by_member[index] = what
        else:
            fields[index] = what if index in taken else name
    return Columns(numbers[0], by_member, fields)


def read_people(table: Table, columns: Columns, region: str | None = None) -> People:
    """Read the people of a table; each fault is found, up to 20 of a row, and refuses only its row.

    Args:
        table: the rows, of which blank ones are left out already.
        columns: what each column has.
        region: the country (ISO 3166-1 alpha-2) of numbers without a country code.
    """
    faults = list(_header_faults(table, columns))
    people = []
    names = {columns.number: TO, **columns.members, **columns.fields}
    for row in table.rows:
        found = list(islice(_row_faults(table, row, columns, names), ROW_FAULTS_MAX))
        number, fault = _number(table, row, columns.number, region)
        faults += ([fault] if fault else []) + found
        if number is None or found:
            continue
        cells = row.cells
        if table.is_sheet:
            cells += ("",) * (len(table.header.cells) - len(cells))
        present = range(len(cells))
        members = {
            what: cells[index]
            for index, what in columns.members.items()
            if index in present and cells[index]
        }
        fields = {name: cells[i] for i, name in columns.fields.items() if i in present}
        people.append(Person(row.line, number, members, fields))
    return People(tuple(people), tuple(faults))


def number_of(cell: str, region: str | None = None) -> str | None:
    """The number in a cell as E.164; None if there is none, or more than one.

    With a region, a number without ``+`` is dialled in that country, unless it makes more sense
    with its country code: spreadsheets drop the ``+``. A mobile number makes more sense than
    another one, and an assigned number more than one that is not
    (docs/decisions/0040-files-of-people.md).
    """
    national = canonical_number(cell, region)
    if region is None:
        return national
    readings = [number for number in (national, canonical_number(cell)) if number is not None]
    return max(readings, key=_sense, default=None)


def _sense(number: str) -> int:
    line_type = _lookup.look_up(number).line_type
    return 2 if line_type in _MOBILE else 0 if line_type is None else 1


def column_name(table: Table, index: int) -> str:
    """The name of a column, or its letter where it has no name."""
    header = table.header.cells
    if index < len(header) and header[index]:
        return _short(header[index])
    letters = ""
    number = index + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _header_faults(table: Table, columns: Columns) -> Iterator[Fault]:
    line = table.header.line
    if len(columns.fields) > FIELDS_MAX:
        what = f"there are {len(columns.fields)} columns of fields, at most {FIELDS_MAX} are used"
        yield Fault(line, column_name(table, 0), "", RefusalCode.FIELD_INVALID, what)
    for index, name in columns.fields.items():
        if not is_field_name(name):
            what = "a name must have 1 to 64 visible characters, without braces and line ends"
            column = column_name(table, index)
            yield Fault(line, column, name, RefusalCode.FIELD_INVALID, what)


def _number(
    table: Table, row: Row, index: int, region: str | None
) -> tuple[str | None, Fault | None]:
    cell = row.cells[index] if index < len(row.cells) else ""
    if index in row.broken or cell in ERROR_VALUES:
        return None, None
    number = number_of(cell, region) if cell else None
    if number is not None:
        return number, None
    code, what = RefusalCode.NUMBER_INVALID, "is no phone number"
    if not cell:
        code, what = RefusalCode.FIELD_MISSING, "the number is missing"
    elif region is None:
        what = "is no phone number with its country code"
    return None, Fault(row.line, column_name(table, index), cell, code, what)


def _row_faults(
    table: Table, row: Row, columns: Columns, names: Mapping[int, str]
) -> Iterator[Fault]:
    for index, cell in enumerate(row.cells):
        if not cell:
            continue
        code, what = RefusalCode.FIELD_INVALID, row.broken.get(index)
        if what is None and cell in ERROR_VALUES:
            what = "is the error of a formula"
        elif what is None and index not in names:
            what = "stands in a column without a name; has a value a separator and no quotes?"
        elif what is None and index != columns.number:
            if not cell.isprintable() and (bad := bad_character(clean(cell))):
                code = RefusalCode.CHARACTERS_INVALID
                what = f"has the character {bad}, which is not allowed"
            elif len(cell) > FIELD_LENGTH_MAX and index in columns.fields:
                what = f"has more than {FIELD_LENGTH_MAX} characters"
        if what is not None:
            yield Fault(row.line, column_name(table, index), cell, code, what)


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _listed(header: tuple[str, ...]) -> str:
    named = [repr(_short(name)) for name in header if name]
    more = [f"and {len(named) - LISTED_MAX} more"] if len(named) > LISTED_MAX else []
    return ", ".join(named[:LISTED_MAX] + more) or "none"


def _short(name: str) -> str:
    return name[:NAME_SHOWN_MAX]
