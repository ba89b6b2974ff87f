"""The hash of a payload: of its canonical JSON, in however many parts that is written."""

import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dialects.http.payloads import ENTRIES_AT_ONCE, payload_hash

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


def hashed_whole(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@given(VALUES)
def test_the_hash_is_that_of_the_canonical_json(value: Any) -> None:
    assert payload_hash(value) == hashed_whole(value)


def test_a_long_array_has_the_hash_that_it_has_as_a_whole() -> None:
    for count in (ENTRIES_AT_ONCE, ENTRIES_AT_ONCE + 1, 3 * ENTRIES_AT_ONCE, 777):
        people = [{"to": f"+1415555{index:04d}", "body": "é"} for index in range(count)]
        body = {"recipients": people, "from": "+18005550123", "a": [[], {}]}
        assert payload_hash(body) == hashed_whole(body)
        assert payload_hash(["message", body]) == hashed_whole(["message", body])
