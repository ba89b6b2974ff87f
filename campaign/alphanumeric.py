"""Which countries' networks carry alphanumeric senders; the table is alphanumeric_senders.toml."""

import tomllib
from collections.abc import Iterable
from importlib.resources import files

_TABLE = tomllib.loads(files(__package__).joinpath("alphanumeric_senders.toml").read_text("utf-8"))
_NONE: frozenset[str] = frozenset(_TABLE["none"])
_NUMBERS_OF: dict[str, str] = _TABLE["numbers_of"]


def countries_without_names(changes: Iterable[str] = ()) -> frozenset[str]:
    """The ISO 3166 codes of the countries that take no alphanumeric sender.

    ``changes`` differ from the table: ``JM=yes`` for a country that takes them, ``DE=no`` for one
    that does not.
    """
    found = set(_NONE)
    for change in changes:
        country, _, answer = change.partition("=")
        (found.discard if answer == "yes" else found.add)(country)
    return frozenset(found)


def home_of(country: str | None) -> str | None:
    """The country whose numbers are domestic in ``country``, mostly itself."""
    return _NUMBERS_OF.get(country or "", country)
