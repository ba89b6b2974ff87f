"""The short form of ``make chaos``: nothing lost, doubled, miscounted, leaked or forgotten."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.conftest import ROW
from tests.chaos.nemesis import Attack, Tally, run
from tests.chaos.restore import run_restored
from tests.postgres import MISSING, find_binaries

SEED = 20_261_128
SECONDS = 45.0
FAULTS = 12
SENDS = 3_000


def verify(tally: Tally, record_property: Callable[[str, object], None]) -> None:
    """Fail for whatever is not clean, and say what could not be tried here."""
    record_property(ROW, tally.row() | {"missing": tally.missing})
    verdict = tally.verdict
    assert verdict.troubles == []
    assert (verdict.lost, verdict.doubled, verdict.miscounted, verdict.drift) == (0, 0, 0, 0)


@pytest.mark.stack
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("database", "repeats", "backoff", "clocks"),
    [
        ("sqlite", "lookup", True, False),
        ("postgresql", "dedup", False, True),
        ("postgresql", "none", True, False),
    ],
)
async def test_killing_things_loses_doubles_and_miscounts_nothing(
    tmp_path: Path,
    database: str,
    repeats: str,
    backoff: bool,
    clocks: bool,
    record_property: Callable[[str, object], None],
) -> None:
    if database == "postgresql" and find_binaries() is None:
        pytest.skip(MISSING)
    tally = await run(
        tmp_path, Attack(database, repeats, SEED, SECONDS, backoff=backoff, clocks=clocks)
    )
    verify(tally, record_property)
    assert tally.faults.total() >= FAULTS
    assert tally.verdict.sends >= SENDS


@pytest.mark.stack
@pytest.mark.timeout(600)
@pytest.mark.parametrize("repeats", ["dedup", "lookup"])
async def test_an_older_store_sends_nothing_again_that_the_carrier_remembers(
    tmp_path: Path, repeats: str, record_property: Callable[[str, object], None]
) -> None:
    attack = Attack("sqlite", repeats, SEED, seconds=20.0, pause=4.0, sizes=(50, 500))
    verify(await run_restored(tmp_path, attack), record_property)
