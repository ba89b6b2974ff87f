"""What a pydantic model found wrong in a body, in the words of a dialect.

A dialect has one table of words. It is asked for a member with a fault of pydantic
(``reference.string_type``), for the member (``reference``), then for the fault (``missing``). An
entry of an array has the member's name with brackets (``recipients[]``). The words may name the
``{member}`` and what pydantic knows of the fault (``{max_length}``).
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Generic, TypeVar, cast

from pydantic import BaseModel, PlainValidator, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused

Words = Mapping[str, tuple[RefusalCode, str]]
Model = TypeVar("Model", bound=BaseModel)
Entry = TypeVar("Entry")
T = TypeVar("T")

# Entries that are validated at once: their faults are all in memory, and no request is answered
# meanwhile.
ENTRIES_AT_ONCE = 200
_CODES = {code.value: code for code in RefusalCode}


def fault(code: RefusalCode, words: str, **details: Any) -> PydanticCustomError:
    """Make the fault that a validator raises; it needs no words of a table.

    The words may name the details, which become those of the refusal.
    """
    return PydanticCustomError(code.value, words, details or None)


def text_as(read: Callable[[str], Any]) -> PlainValidator:
    """A member that ``read`` makes of a string; a ValueError is a fault of type value_error."""

    def validate(value: object) -> Any:
        if isinstance(value, str):
            return read(value)
        raise PydanticCustomError("string_type", "must be a string")

    return PlainValidator(validate, json_schema_input_type=str)


def read_model(
    model: type[Model], body: Any, words: Words
) -> tuple[Model, list[Refusal]] | tuple[None, list[Refusal]]:
    """The model of a body and no fault, or None and the faults of its members.

    Raises Refused for a body that is no object.
    """
    if not isinstance(body, Mapping):
        raise Refused(Refusal(*words["model_type"]))
    try:
        return model.model_validate(body), []
    except ValidationError as error:
        return None, faults_of(error, words)


class Entries(Generic[Entry]):
    """Reads an array of a request, whose limits and entries are those of a member of a model.

    It reads the array in parts, because a report of all faults of a body could fill memory.
    """

    def __init__(
        self, model: type[BaseModel], member: str, words: Words, one_fault_each: bool = False
    ) -> None:
        field = model.model_fields[member]
        self._member, self._words, self._one_fault_each = member, words, one_fault_each
        self._limits = TypeAdapter(Annotated[list[Any], *field.metadata])
        self._entries: TypeAdapter[list[Entry]] = TypeAdapter(cast(Any, field.annotation))

    def read(self, value: Any, make: Callable[[Entry], T]) -> tuple[list[T], list[Refusal]]:
        """What ``make`` makes of each entry, and the first faults, ``SHOWN_MAX`` at most.

        With faults there are not all entries. A value that is no array, or one of another length,
        has one fault.
        """
        found: list[T] = []
        entries, faults = self.unread(value)
        for start in range(0, len(entries), ENTRIES_AT_ONCE):
            try:
                part = self._entries.validate_python(entries[start : start + ENTRIES_AT_ONCE])
                found += map(make, part)
            except ValidationError as error:
                wrong = faults_of(error, self._words, self._member, start)
                if self._one_fault_each:
                    # The place of an entry ends with the first bracket.
                    wrong = list({one.place.partition("]")[0]: one for one in wrong[::-1]}.values())
                    wrong.reverse()
                faults += wrong
                if len(faults) >= SHOWN_MAX:
                    break
        return found, faults[:SHOWN_MAX]

    def unread(self, value: Any) -> tuple[list[Any], list[Refusal]]:
        """The entries as they came if they are within the limits, otherwise a fault."""
        try:
            return self._limits.validate_python(value), []
        except ValidationError as error:
            return [], faults_of(error, self._words, self._member)


def faults_of(
    error: ValidationError, words: Words, within: str = "", start: int = 0
) -> list[Refusal]:
    """One refusal for each place, in order, without a value of the body.

    ``within`` is the member that was validated if it was not the body, and ``start`` the index of
    its first entry. A null counts as a missing member.
    """
    faults: dict[str, Refusal] = {}
    for one in error.errors(include_url=False):
        place, member = _place(one["loc"], words, within, start)
        if place not in faults:
            faults[place] = _refusal(one, words, member, place)
    return list(faults.values())


def _place(loc: tuple[int | str, ...], words: Words, within: str, start: int) -> tuple[str, str]:
    """Where a fault is, and the last member there; a member with own words hides what is in it."""
    place = member = within
    for part in loc:
        if isinstance(part, int):
            place, member, start = f"{place}[{part + start}]", f"{member}[]", 0
            continue
        place, member = f"{place}.{part}" if place else part, part
        if part in words:
            break
    return place, member


def _refusal(one: ErrorDetails, words: Words, member: str, place: str) -> Refusal:
    if own := _CODES.get(one["type"]):
        return Refusal(own, one["msg"], place, one.get("ctx", {}))
    type_ = "missing" if one["input"] is None else one["type"]
    keys = (f"{member}.{type_}", member, type_)
    code, template = next(words[key] for key in keys if key in words)
    return Refusal(code, template.format(member=member, **one.get("ctx", {})), place)
