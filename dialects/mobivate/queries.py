"""Mobivate: the queries of its logs and lists, as pydantic models, and the number of an opt-out."""

from typing import Annotated, Any, Literal, TypeVar

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from campaign.instants import Instant, read_instant
from campaign.phone import canonical_number
from dialects.http.bodies import BadBody
from dialects.http.faults import text_as
from store.accounts.api_keys import Principal

PAGE_DEFAULT = 10
PAGE_MAX = 1_000
LIMIT_DEFAULT = 100
LIMIT_MAX = 5_000
OFFSET_MAX = 10_000_000
ORIGINATOR_LENGTH_MAX = 50

Query = TypeVar("Query", bound=BaseModel)


def _instant(written: str) -> Instant:
    # An unescaped plus arrives as a space.
    return read_instant(written.replace(" ", "+"), whole_days=True)


def _whole(written: object) -> int:
    text = str(written)
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise ValueError("not a whole number")
    return int(text)


Moment = Annotated[Instant, text_as(_instant)]
Whole = Annotated[int, BeforeValidator(_whole)]


class MobivateOptOutQuery(BaseModel):
    """Where a list of opt-outs goes on."""

    after: str = Field("", description="the last number of the page before")


class MobivateLogQuery(BaseModel):
    """A page of the message log between two dates."""

    startDate: Moment = Field(description="ISO 8601")
    endDate: Moment = Field(description="ISO 8601")
    page: Whole = Field(1, ge=1, le=OFFSET_MAX)
    pageSize: Whole = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    direction: Literal["MO", "MT"] | None = None


class MobivateMobile(BaseModel):
    """The number of an opt-out."""

    mobile: Annotated[str, text_as(canonical_number)] = Field(
        description="digits with country code", examples=["447911123401"]
    )


class _Window(BaseModel):
    limit: Whole = Field(LIMIT_DEFAULT, ge=1, le=LIMIT_MAX)
    offset: Whole = Field(0, ge=0, le=OFFSET_MAX)


class MobivateOptOutPageQuery(_Window):
    """A page of the opt-outs."""


class _Times(BaseModel):
    fromDate: Moment | Literal[""] = Field("", description="ISO 8601")
    toDate: Moment | Literal[""] = Field("", description="ISO 8601, exclusive")
    originator: str = ""


class MobivateHistoryQuery(_Window, _Times):
    """A page of the history: all messages without dates."""


def read_query(request: Request, model: type[Query]) -> Query:
    """Read the query of a request; raises BadBody for the first parameter that is wrong."""
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise BadBody(f"Invalid {error.errors()[0]['loc'][0]}") from None


def senders_of(originator: str) -> list[str]:
    """The senders that an originator may stand for; this vendor writes numbers without a plus."""
    originator = originator[:ORIGINATOR_LENGTH_MAX].strip()
    if not originator:
        return []
    forms = [originator, f"+{originator}", canonical_number(originator)]
    return [form for form in dict.fromkeys(forms) if form is not None]


def read_mobile(body: Any, principal: Principal) -> str:
    """Read the number of an opt-out; raises BadBody."""
    try:
        number = MobivateMobile.model_validate(body).mobile
    except ValidationError:
        number = None
    if number is None:
        raise BadBody("Invalid mobile number")
    return number
