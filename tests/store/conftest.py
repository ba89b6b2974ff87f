"""Every store test runs on both databases: ``any_store`` is the same store twice."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from campaign.settings import Settings
from store.accounts.accounts import AccountView
from store.store import Store, open_store
from tests.postgres import Postgres
from tests.store.builders import GRANTED, StoreBuilder

DATABASES = ("sqlite", "postgresql")


@pytest.fixture(params=DATABASES)
def any_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without a schema, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        with server.database("template0") as url:
            yield url


@pytest.fixture(params=DATABASES)
def any_settings(
    request: pytest.FixtureRequest, tmp_path: Path, migrated: Path
) -> Iterator[Settings]:
    """Settings that name a migrated database of each kind."""
    if request.param == "sqlite":
        file = shutil.copyfile(migrated, tmp_path / "godwit.db")
        yield _settings(f"sqlite:///{file}")
    else:
        server: Postgres = request.getfixturevalue("postgres")
        with server.database() as url:
            yield _settings(url)


@pytest.fixture
def any_store(any_settings: Settings) -> Iterator[Store]:
    """A migrated store of each kind, one test's own."""
    opened = open_store(any_settings)
    yield opened
    opened.close()


@pytest.fixture
def rival_store(any_settings: Settings, any_store: Store) -> Iterator[Store]:
    """The same store as another process has it: other connections, no lock in common."""
    opened = open_store(any_settings)
    yield opened
    opened.close()


@pytest.fixture
def postgres_store(postgres: Postgres) -> Iterator[Store]:
    """A migrated store on PostgreSQL, for races that SQLite's one writer rules out."""
    with postgres.database() as url:
        opened = open_store(_settings(url))
        yield opened
        opened.close()


@pytest.fixture
def account(any_store: Store) -> AccountView:
    """An account with credits of both kinds and a sender."""
    return any_store.accounts.create("tester", 0, GRANTED, GRANTED, ("+18005559876",))[0]


@pytest.fixture
def builder(any_store: Store, account: AccountView) -> StoreBuilder:
    """The account's campaigns, made and moved in few words."""
    return StoreBuilder(any_store, account.id)


def _settings(url: str) -> Settings:
    return Settings(database_url=url, secret_key=SecretStr("a secret for tests"))
