"""A storm of refused requests against an API process: its memory comes back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storms import GROWTH_MAX, SETTLED_SECONDS, Api, serving, storm, wait_for

pytestmark = pytest.mark.stack


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path) as running:
        yield running


def test_after_a_storm_of_refused_requests_memory_is_what_it_was(api: Api) -> None:
    api.refuse({"recipients": [{"to": "+14155550000"}], "text": ""}, "content_missing")
    before = api.memory()
    assert list(storm(api, texts=40, templates=10, heads=10)) == ["long texts", "bombs", "heads"]
    assert wait_for(lambda: api.memory() < GROWTH_MAX * before, SETTLED_SECONDS)
    assert api.is_up()
