"""The command line in this process, on a database of its own; a few tests run it as a process."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from campaign.settings import Settings
from campaign.states import CampaignStatus, MessageStatus
from starter.__main__ import run
from starter.cli import administration, campaigns, keys
from store.store import Store, open_store
from tests.carriers.servers import free_port
from tests.store.builders import NOW, StoreBuilder, outcome

SECRET = "a secret for tests"


@dataclass(frozen=True)
class Outcome:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON; nothing else may be there."""
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def fault(self) -> str:
        """The one line that says what the user did wrong."""
        assert self.code == 1, self
        assert "Traceback" not in self.out + self.err
        lines = self.err.splitlines()
        assert len(lines) == 1 and lines[0].startswith("godwit: "), self.err
        return lines[0].removeprefix("godwit: ")


@dataclass
class CommandLine:
    """``godwit`` with an environment of its own."""

    directory: Path
    capture: pytest.CaptureFixture[str]
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str) -> Outcome:
        """Run a command in this process."""
        self.capture.readouterr()
        with (
            patch.object(sys, "argv", ["godwit", *arguments]),
            patch.dict(os.environ, self.environment, clear=True),
        ):
            code = run()
        captured = self.capture.readouterr()
        return Outcome(code, captured.out, captured.err)

    def process(self, *arguments: str) -> Outcome:
        """Run a command as a process of its own."""
        ran = subprocess.run(
            self._command(*arguments), env=self.environment, capture_output=True, timeout=60
        )
        return Outcome(ran.returncode, ran.stdout.decode(), ran.stderr.decode())

    async def beside(self, *arguments: str) -> Outcome:
        """Run a command as a process while this loop works on."""
        process = await asyncio.create_subprocess_exec(
            *self._command(*arguments),
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        return Outcome(process.returncode or 0, out.decode(), err.decode())

    def file(self, name: str, content: str | bytes | dict[str, Any]) -> str:
        """Write a file beside the database; its path."""
        path = self.directory / name
        if isinstance(content, dict):
            content = json.dumps(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    @staticmethod
    def _command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "starter", *arguments]


@pytest.fixture
def bare(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    """The command line without a database."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    environment = {
        **kept,
        "COLUMNS": "200",
        "GODWIT_DATA": str(tmp_path / "data"),
        "GODWIT_DATABASE_URL": f"sqlite:///{tmp_path / 'commands.db'}",
        "GODWIT_SECRET_KEY": SECRET,
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
    }
    # A console takes its width once, when its module is imported.
    for module in (administration, campaigns, keys):
        monkeypatch.setattr(module.out, "width", 200)
    return CommandLine(tmp_path, capfd, environment)


@pytest.fixture
def godwit(bare: CommandLine, migrated: Path) -> CommandLine:
    """The command line on a migrated database with one account, ``acme``."""
    address = bare.environment["GODWIT_DATABASE_URL"]
    shutil.copyfile(migrated, address.removeprefix("sqlite:///"))
    created = bare("account", "create", "acme", "--sms-credits", "100", "--sender", "+18005559876")
    assert created.code == 0, created.err
    return bare


@pytest.fixture
def store(godwit: CommandLine) -> Iterator[Store]:
    """The database that the command line works on."""
    settings = Settings(
        database_url=godwit.environment["GODWIT_DATABASE_URL"],
        secret_key=SECRET,  # type: ignore[arg-type]
    )
    opened = open_store(settings)
    yield opened
    opened.close()


@pytest.fixture
def builder(store: Store) -> StoreBuilder:
    """Campaigns of the account ``acme``."""
    account = store.accounts.show("acme")
    assert account is not None
    return StoreBuilder(store, account.id)


def ended(builder: StoreBuilder, size: int = 4, **members: object) -> str:
    """A campaign that is over: all delivered but the last, which failed."""
    campaign_id = builder.admit(size, **members)  # type: ignore[arg-type]
    claimed = builder.claimed(campaign_id)
    builder.write(
        campaign_id,
        *(outcome(position) for position in claimed[:-1]),
        outcome(claimed[-1], MessageStatus.FAILED, code="invalid_number"),
    )
    builder.store.admissions.settle(campaign_id, CampaignStatus.FINISHED_WITH_FAILURES, NOW)
    return campaign_id
