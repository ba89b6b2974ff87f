"""Values of query parameters that several listings take: instants, and places in a listing."""

from campaign.instants import Instant, read_instant
from dialects.native.cursors import read_cursor, write_cursor
from dialects.native.handling import invalid

Position = tuple[Instant, str]


def read_query_instant(name: str, written: str | None) -> Instant | None:
    """Read the parameter ``name`` as RFC 3339, UTC without a zone; raises Stop with 400."""
    if written is None:
        return None
    # An unescaped plus arrives as a space.
    for spelling in ("+".join(written.rsplit(" ", 1)), written):
        try:
            return read_instant(spelling)
        except ValueError as error:
            fault = error
    raise invalid(f"{name} {fault}", name)


def write_position(listing: str, at: Instant, id: str) -> str:
    """The cursor of the page after the entry with this instant and id."""
    return write_cursor(listing, f"{at}:{id}")


def read_position(listing: str, cursor: str | None) -> Position | None:
    """The instant and id in a cursor of this listing; raises Stop with 400 for any other."""
    last = read_cursor(listing, cursor)
    if last is None:
        return None
    at, _, id = last.partition(":")
    if not at.isdecimal() or len(at) > 18:
        raise invalid("cursor must be the next of a page of this list", "cursor")
    return int(at), id
