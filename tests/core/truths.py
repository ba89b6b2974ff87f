"""What must hold after every step, told by the carrier's own log."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from sqlalchemy import Connection

from activities.attempts import START_WITHIN
from campaign.handoffs import Repeats
from campaign.instants import HOUR, SECOND
from campaign.orders import Order
from campaign.states import CAMPAIGN_ENDS, HANDED_OFF, MESSAGE_MOVES, CampaignStatus
from campaign.views import MessageView
from store.campaigns.audit import audit
from store.database.engine import Database
from tests.core.carrier import Accepted
from tests.core.tale import Tale
from tests.core.world import World

KEY_LIFE = 48 * HOUR
# What was claimed before a stop word, a cancel or a pause may still begin for this long; in a
# process that was frozen, until the claim is too old.
REACTION = 1 * SECOND
# How old the answer to a look-up may be when the message is sent again.
LOOKUP_AGE = SECOND // 10
# How far a receipt's clock may be off, and a request under way.
TOLERANCE = 2 * 60 * SECOND
# A trigger sees every single move, also those of one statement after another.
WATCH = (
    'CREATE TABLE move ("from" TEXT, "to" TEXT, UNIQUE ("from", "to"))',
    """
    CREATE TRIGGER watch AFTER UPDATE OF status ON message WHEN OLD.status <> NEW.status
    BEGIN INSERT OR IGNORE INTO move VALUES (OLD.status, NEW.status); END
    """,
    "CREATE TABLE breach (message TEXT)",
    """
    CREATE TRIGGER watch_claims AFTER UPDATE OF status ON message
    WHEN NEW.status = 'sending' AND OLD.status IN ('queued', 'retryable') AND EXISTS (
        SELECT 1 FROM campaign WHERE id = NEW.campaign_id
            AND (status NOT IN ('scheduled', 'running') OR ordered = 'cancel')
    )
    BEGIN INSERT INTO breach VALUES (NEW.id); END
    """,
)
ALLOWED = {(source, target) for source in MESSAGE_MOVES for target in MESSAGE_MOVES[source]}


def watch(database: Database) -> None:
    """Have an SQLite database record which moves its messages make."""

    def write(connection: Connection) -> None:
        for statement in WATCH:
            connection.exec_driver_sql(statement)

    database.write(write)


def check(world: World, lied: set[str]) -> None:
    """Hold the store against the carrier's log; ``lied`` are messages an operator misjudged."""
    assert audit(world.store.database).findings == ()
    assert _moves(world.store.database) <= ALLOWED
    assert _breaches(world.store.database) == [], "claimed while the store forbade it"
    messages = {
        message.id: message
        for tale in world.tales
        for message in world.store.campaigns.messages(tale.id)
    }
    for tale in world.tales:
        tally = asdict(world.store.campaigns.tally(tale.id))
        assert tally.pop("total") == sum(tally.values())
        _check_orders(world, tale)
    if world.carrier.repeats is Repeats.LOOKUP:
        lied = lied | world.carrier.too_late
        for reference in world.carrier.too_late:
            _check_looked_up(world, reference)
    for message in messages.values():
        if message.id not in lied:
            _check_message(world, message)
    _check_recipient_keys(world, lied)
    _check_campaign_keys(world, lied)


def check_begin(world: World, one: Accepted) -> None:
    """An acceptance of this step must not have begun after a stop word or a cancel."""
    tale = world.tale_of[one.reference]
    reaction = START_WITHIN if one.was_frozen else REACTION
    if tale.heeds_opt_outs and one.to in world.opted_out:
        assert one.begun_at <= world.opted_out[one.to] + reaction, "sent after the stop word"
    if tale.cancel_ordered_at is not None:
        assert one.begun_at <= tale.cancel_ordered_at + reaction, "sent after the cancel"
    if tale.held_since is not None:
        assert one.begun_at <= tale.held_since + reaction, "sent after the pause"


def _moves(database: Database) -> set[tuple[str, str]]:
    rows = database.read(lambda connection: connection.exec_driver_sql("SELECT * FROM move").all())
    return {(source, target) for source, target in rows}


def _breaches(database: Database) -> list[str]:
    rows = database.read(
        lambda connection: connection.exec_driver_sql("SELECT * FROM breach").all()
    )
    return [message for (message,) in rows]


def _check_orders(world: World, tale: Tale) -> None:
    """What was ordered and answered holds, whatever was lost since."""
    view = world.store.campaigns.get(tale.id)
    assert view is not None
    if view.status in CAMPAIGN_ENDS:
        return
    if tale.cancel_ordered_at is not None:
        assert view.ordered == Order.CANCEL, f"{tale.id} was cancelled, and that is forgotten"
    elif tale.held_since is not None:
        assert view.status is CampaignStatus.PAUSED, f"{tale.id} was paused, and is {view.status}"


def _check_message(world: World, message: MessageView) -> None:
    tale, times = world.tale_of[message.id], len(world.carrier.accepted(message.id))
    resent = tale.resends and world.carrier.repeats is Repeats.NONE
    assert times <= 1 or resent, f"{message.id} was taken {times} times"
    if message.status in HANDED_OFF:
        assert times, f"{message.id} is {message.status} and was never taken"
    elif message.status not in ("unknown", "sending"):
        was_unknown = message.status == "retryable" and resent
        assert not times or was_unknown, f"{message.id} is {message.status} and was taken"


def _check_looked_up(world: World, reference: str) -> None:
    """Nothing is sent that the carrier has booked: it is asked immediately before."""
    accepted = world.carrier.accepted(reference)
    for one in accepted[1:]:
        slack = START_WITHIN if one.was_frozen else LOOKUP_AGE
        assert one.begun_at <= accepted[0].at + slack, f"{reference} was sent again unasked"


def _check_recipient_keys(world: World, lied: set[str]) -> None:
    """No two messages with one key are taken within 48 hours of each other."""
    by_key: dict[str, dict[str, list[int]]] = {}
    for one in world.carrier.log:
        key = world.key_of[one.reference]
        if key is not None and one.reference not in lied:
            by_key.setdefault(key, {}).setdefault(one.reference, []).append(one.at)
    for key, messages in by_key.items():
        for reference, times in messages.items():
            for other, begun in _others(world, messages, reference):
                gap = min(abs(at - begun) for at in times)
                assert gap >= KEY_LIFE - TOLERANCE, f"{key}: {reference} and {other}"


def _others(
    world: World, messages: dict[str, list[int]], reference: str
) -> Iterator[tuple[str, int]]:
    for other, times in messages.items():
        if other != reference:
            yield from ((other, at) for at in times)


def _check_campaign_keys(world: World, lied: set[str]) -> None:
    """No two campaigns with one key send within 48 hours of each other."""
    by_key: dict[str, list[Tale]] = {}
    for tale in world.tales:
        if tale.key is not None:
            by_key.setdefault(tale.key, []).append(tale)
    for tales in by_key.values():
        spans = [span for tale in tales if (span := _span(world, tale, lied))]
        for (_, last), (first, _) in zip(spans, spans[1:], strict=False):
            assert first >= last + KEY_LIFE - TOLERANCE, "a campaign's key was used twice"


def _span(world: World, tale: Tale, lied: set[str]) -> Sequence[int]:
    times = [
        one.at
        for one in world.carrier.log
        if world.tale_of[one.reference] is tale and one.reference not in lied
    ]
    return (min(times), max(times)) if times else ()
