"""One accident at a time, at every await point: what the state machine may take long to come to."""

import shutil
from pathlib import Path

import pytest

from campaign.credits import MessageKind
from campaign.handoffs import Repeats
from campaign.instants import SECOND
from campaign.rates import carrier_scope
from campaign.states import MessageStatus
from tests.core.faults import Fate
from tests.core.machine import template
from tests.core.truths import check
from tests.core.worker import Accident, Freeze
from tests.core.world import World

# A chunk of three messages takes fewer steps.
STEPS_MAX = 40
LATE = [Fate.LATE, Fate.LATER, Fate.LATEST, Fate.LATEST_UNANSWERED, Fate.TOO_LATE]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A place for one world after the other."""
    return tmp_path / "godwit.db"


def world_of_three(database: Path, repeats: Repeats, rate: float | None) -> World:
    """A world with one campaign that is due now."""
    shutil.copy(template(), database)
    world = World(database, repeats)
    world.store.rates.set_rate(carrier_scope("model"), rate)
    recipients = [(f"+1415555100{number}", None, MessageKind.SMS) for number in range(3)]
    tale = world.submit(recipients, 0, 0)
    assert tale is not None
    world.admit(tale, again=False)
    return world


def go_through(world: World, accident: Accident) -> None:
    """Send the campaign with an accident, and go on until nothing of it is left."""
    (tale,) = world.tales
    world.work([tale], accident)
    while waves := world.waves(tale):
        world.pass_by(max(0, waves[0].fire_at - world.now))
        world.work([tale])
    world.wake_all()
    world.pass_by(20 * SECOND)
    check(world, set())


def test_a_worker_may_freeze_at_any_step_and_nobody_gets_a_text_twice(database: Path) -> None:
    for step in range(1, STEPS_MAX):
        world = world_of_three(database, Repeats.LOOKUP, 60.0)
        go_through(world, Accident(freeze=Freeze(step, 60.0)))
        statuses = {one.status for one in world.store.campaigns.messages(world.tales[0].id)}
        assert statuses == {MessageStatus.SENT}, f"frozen before step {step}"
        world.close()


@pytest.mark.parametrize("fate", LATE)
def test_a_message_that_a_carrier_books_late_is_found_and_not_sent_twice(
    database: Path, fate: Fate
) -> None:
    world = world_of_three(database, Repeats.LOOKUP, None)
    go_through(world, Accident(fates=[fate]))
    assert len(world.carrier.log) == 3
    world.close()
