"""Query parameters that several lists take, and the link to the next page of a list."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request

from campaign.instants import Instant, read_instant
from campaign.phone import canonical_number
from dialects.native.handling import invalid

FILTER_LENGTH_MAX = 200
Text = Annotated[str | None, Query(min_length=1, max_length=FILTER_LENGTH_MAX)]
Since = Annotated[str | None, Query(description="at this time or later: RFC 3339, else UTC")]
Until = Annotated[str | None, Query(description="before this time: RFC 3339, else UTC")]


def address_of(written: str | None) -> str | None:
    """A number in the form in which it is stored; a name or a short code as it is."""
    return None if written is None else canonical_number(written) or written.strip()


def instant_of(written: str | None, place: str) -> Instant | None:
    """Read a date and time; raises Stop with 400 for anything else."""
    if written is None:
        return None
    # An unescaped plus arrives as a space.
    for spelling in ("+".join(written.rsplit(" ", 1)), written):
        try:
            return read_instant(spelling)
        except ValueError as error:
            fault = error
    raise invalid(f"{place} {fault}", place)


def number_of(written: str | None, place: str) -> str | None:
    """Read a phone number in any form into E.164; raises Stop with 400 for anything else."""
    if written is None:
        return None
    number = canonical_number(written)
    if number is None:
        raise invalid(f"{place} must be a phone number in international format", place)
    return number


def next_link(request: Request, cursor: str | None) -> dict[str, str]:
    """The header with the address of the next page, as RFC 8288 has it; none after the last one.

    The address is relative, because a proxy may have changed the host.
    """
    if cursor is None:
        return {}
    query = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
    target = f"{request.url.path}?{urlencode([*query, ('cursor', cursor)])}"
    return {"Link": f'<{target}>; rel="next"'}
