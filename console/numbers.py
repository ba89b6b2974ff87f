"""Numbers as people type them into a page."""

from console.drafts import default_sender, likely_country
from spreadsheets.people import number_of
from store.store import Store


def typed_number(store: Store, account_id: str, written: str) -> str | None:
    """A number that somebody typed, as E.164; None if it is none.

    Without a country code it is one of the country of the account's first sender, as in a list.
    """
    return number_of(written, likely_country(default_sender(store, account_id)) or None)
