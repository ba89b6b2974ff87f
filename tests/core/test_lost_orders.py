"""Orders that Temporal lost: one case each of what the state machine mixes at random."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from campaign.handoffs import Repeats
from campaign.instants import SECOND
from campaign.orders import Order
from campaign.states import CampaignStatus
from tests.core.test_accidents import world_of_three
from tests.core.truths import check
from tests.core.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world with one campaign of three messages that are due now."""
    world = world_of_three(tmp_path / "godwit.db", Repeats.LOOKUP, None)
    yield world
    world.close()


@pytest.mark.parametrize("order", [Order.PAUSE, Order.CANCEL])
def test_an_order_holds_that_was_lost_before_it_arrived(world: World, order: Order) -> None:
    (tale,) = world.tales
    world.orders.give(tale, order, arrives=False)
    older = world.orders.lose(tale)
    world.work([older])
    check(world, set())
    assert world.carrier.log == []
    assert (tale.paused_at is not None) is (order is Order.PAUSE)
    assert (tale.cancelled_at is not None) is (order is Order.CANCEL)


def test_an_older_workflow_beside_the_revived_one_sends_nothing_of_it(world: World) -> None:
    (tale,) = world.tales
    older = world.orders.lose(tale)
    assert older.paused_at is None
    world.work([older])
    check(world, set())
    assert world.carrier.log == [] and older.paused_at is not None


def test_an_older_workflow_follows_a_cancellation(world: World) -> None:
    (tale,) = world.tales
    older = world.orders.lose(tale)
    world.orders.give(tale, Order.CANCEL)
    world.work([older])
    world.work([tale])
    world.finish(tale, again=False)
    check(world, set())
    view = world.store.campaigns.get(tale.id)
    assert view is not None and view.status is CampaignStatus.CANCELLED
    assert world.carrier.log == [] and older.cancelled_at is not None


def test_a_campaign_that_is_resumed_after_its_revival_is_sent_once(world: World) -> None:
    (tale,) = world.tales
    older = world.orders.lose(tale)
    world.orders.give(tale, Order.RESUME)
    world.pass_by(SECOND)
    world.work([older])
    world.work([tale])
    check(world, set())
    assert len(world.carrier.log) == 3
