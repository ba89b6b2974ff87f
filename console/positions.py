"""Where a page of a list that is in order of time begins, in the address of the page."""

from campaign.instants import Instant

INSTANT_DIGITS_MAX = 18


def write_position(at: Instant, id: str) -> str:
    """The position of an entry, for the page after it."""
    return f"{at}:{id}"


def read_position(written: str | None) -> tuple[Instant, str] | None:
    """The instant and id of a position; None, for the first page, if it is none of ours."""
    at, _, id = (written or "").partition(":")
    if not (at.isascii() and at.isdecimal()) or len(at) > INSTANT_DIGITS_MAX or "\x00" in id:
        return None
    return int(at), id
