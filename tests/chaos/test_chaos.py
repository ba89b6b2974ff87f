"""The short form of ``make chaos``: over 20,000 sends, over 20 kills, nothing lost or doubled."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.conftest import ROW
from tests.chaos.customers import PEOPLE
from tests.chaos.nemesis import run
from tests.postgres import MISSING, find_binaries

SEED = 20_261_121
CAMPAIGNS = 17


@pytest.mark.stack
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("database", "repeats"), [("sqlite", "lookup"), ("postgresql", "dedup"), ("postgresql", "none")]
)
async def test_killing_things_loses_doubles_and_miscounts_nothing(
    tmp_path: Path, database: str, repeats: str, record_property: Callable[[str, object], None]
) -> None:
    if database == "postgresql" and find_binaries() is None:
        pytest.skip(MISSING)
    tally = await run(tmp_path, database, repeats, SEED, CAMPAIGNS, pause=1.2)
    record_property(ROW, tally.row())
    verdict = tally.verdict
    assert verdict.findings == []
    assert verdict.leaks == []
    assert (verdict.lost, verdict.doubled, verdict.miscounted, verdict.drift) == (0, 0, 0, 0)
    assert tally.kills.total() >= 12
    assert verdict.sends >= 0.7 * CAMPAIGNS * PEOPLE
