"""Every carrier passes the same exercise."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from carriers import CARRIERS
from store.store import Store
from tests.carriers.described import Described, forget_settings
from tests.carriers.descriptions import ALL
from tests.carriers.exercise import CallbackApi, Exercise
from tests.carriers.serving_api import scratch_store, serving_api
from tests.store.builders import GRANTED, SENDER, StoreBuilder


def test_every_carrier_is_described() -> None:
    assert [described.name for described in ALL] == list(CARRIERS)


class TestEveryCarrier(Exercise):
    """The exercise, carrier by carrier."""

    @pytest.fixture(params=ALL, ids=[described.name for described in ALL])
    def described(self, request: pytest.FixtureRequest) -> Described:
        """One carrier."""
        described: Described = request.param
        return described

    @pytest.fixture
    def store(self, migrated: Path, tmp_path: Path, described: Described) -> Iterator[Store]:
        """A store for its receipts and texts."""
        with scratch_store(migrated, tmp_path, described.name) as store:
            yield store

    @pytest.fixture
    async def callbacks(
        self, described: Described, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[CallbackApi]:
        """The API that takes its callbacks."""
        described.set_up(monkeypatch)
        account = store.accounts.create("tester", 0, GRANTED, GRANTED, (SENDER,))[0]
        async with serving_api(store, described.name) as base_url:
            yield CallbackApi(StoreBuilder(store, account.id), base_url, forget_settings)
