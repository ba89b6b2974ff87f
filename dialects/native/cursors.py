"""Cursors of pages: opaque to callers, and safe in a URL as they are.

A cursor holds the name of its listing, so that it is refused by every other one.
"""

import base64
import binascii
import re

from campaign.instants import Instant
from dialects.native.handling import invalid

LENGTH_MAX = 1_000
Position = tuple[Instant, str]
_SAFE = re.compile(r"[A-Za-z0-9_-]+")


def write_cursor(listing: str, last: str) -> str:
    """The cursor of the page after ``last``, the key of the last entry of this one."""
    return base64.urlsafe_b64encode(f"{listing}:{last}".encode()).decode().rstrip("=")


def read_cursor(listing: str, cursor: str | None) -> str | None:
    """The key in a cursor of this listing, None without one; raises Stop with 400 for any other."""
    if cursor is None:
        return None
    name, colon, last = _decoded(cursor).partition(":")
    if name != listing or not colon or "\x00" in last or write_cursor(listing, last) != cursor:
        raise invalid("cursor must be the next of a page of this list", "cursor")
    return last


def read_number(listing: str, cursor: str | None) -> int | None:
    """The number in a cursor of this listing; raises Stop with 400 for any other."""
    last = read_cursor(listing, cursor)
    return None if last is None else number_in(last)


def number_in(part: str) -> int:
    """The whole number in a part of a cursor; raises Stop with 400 for anything else."""
    if not (part.isascii() and part.isdecimal()) or len(part) > 18:
        raise invalid("cursor must be the next of a page of this list", "cursor")
    return int(part)


def write_position(listing: str, at: Instant, id: str) -> str:
    """The cursor of the page after the entry with this instant and id."""
    return write_cursor(listing, f"{at}:{id}")


def read_position(listing: str, cursor: str | None) -> Position | None:
    """The instant and id in a cursor of this listing; raises Stop with 400 for any other."""
    last = read_cursor(listing, cursor)
    if last is None:
        return None
    at, _, id = last.partition(":")
    return number_in(at), id


def _decoded(cursor: str) -> str:
    if len(cursor) > LENGTH_MAX or not _SAFE.fullmatch(cursor):
        return ""
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
