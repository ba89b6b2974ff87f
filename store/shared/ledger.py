"""The ledger: hold at admission and retry, post at handoff, void what is given up.

Every function works inside its caller's transaction, so that messages, keys and money change
together or not at all. Balances change only by conditional statements. Entries are appended, and
their ids are made from what they are about, so that nothing is booked twice.

A campaign of the sandbox is free: what it holds is zero, and it posts nothing.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, TextClause, text

from campaign.credits import CreditKind, Price
from campaign.failures import BrokenInvariant
from campaign.instants import Instant

_ENTRY = text("""
    INSERT INTO ledger_entry (id, account_id, campaign_id, kind, movement, amount, at)
    VALUES (:id, :account, :campaign, :kind, :movement, :amount, :at)
    ON CONFLICT (id) DO NOTHING
""")
_POST_ENTRY = text("""
    INSERT INTO ledger_entry (id, account_id, campaign_id, kind, movement, amount, at)
    SELECT CAST(:id AS VARCHAR), CAST(:account AS VARCHAR), CAST(:campaign AS VARCHAR),
        CAST(:kind AS VARCHAR), CAST(:movement AS VARCHAR), CAST(:amount AS BIGINT),
        CAST(:at AS BIGINT)
    WHERE NOT EXISTS (SELECT 1 FROM campaign WHERE id = :campaign AND sandbox)
    ON CONFLICT (id) DO NOTHING
""")
_IN_SANDBOX = text("SELECT 1 FROM campaign WHERE id = :campaign AND sandbox")
_HOLD_CREDIT = text("""
    UPDATE credit SET available = available - :amount, held = held + :amount
    WHERE account_id = :account AND kind = :kind AND available >= :amount
""")
_OPEN_HOLD = text("""
    INSERT INTO hold (campaign_id, kind, account_id, amount, posted, voided)
    VALUES (:campaign, :kind, :account, :amount, 0, 0)
    ON CONFLICT (campaign_id, kind) DO NOTHING
""")
_ENLARGE_HOLD = text("""
    UPDATE hold SET amount = amount + :amount WHERE campaign_id = :campaign AND kind = :kind
""")
_HOLDS = text("""
    SELECT count(*) FROM ledger_entry
    WHERE campaign_id = :campaign AND movement = 'hold' AND kind = :kind AND id LIKE :retry
""")
_CHANGES = text("""
    SELECT count(*) FROM ledger_entry
    WHERE campaign_id = :campaign AND movement = 'hold' AND id LIKE :change
""")
_COSTS = text("""
    SELECT kind, amount - voided AS cost FROM hold WHERE campaign_id = :campaign
""")
_POST_HOLD = text("""
    UPDATE hold SET posted = posted + :amount
    WHERE campaign_id = :campaign AND kind = :kind AND posted + voided + :amount <= amount
""")
_POST_CREDIT = text("""
    UPDATE credit SET held = held - :amount, posted = posted + :amount
    WHERE account_id = :account AND kind = :kind AND held >= :amount
""")
_VOID_HOLD = text("""
    UPDATE hold SET voided = voided + :amount
    WHERE campaign_id = :campaign AND kind = :kind AND posted + voided + :amount <= amount
""")
_VOID_CREDIT = text("""
    UPDATE credit SET held = held - :amount, available = available + :amount
    WHERE account_id = :account AND kind = :kind AND held >= :amount
""")
_REMAINDER = text("""
    SELECT account_id, kind, amount - posted - voided AS remainder FROM hold
    WHERE campaign_id = :campaign
    ORDER BY kind DESC
""")
_VOIDS = text("""
    SELECT count(*) FROM ledger_entry WHERE campaign_id = :campaign AND movement = 'void'
""")


class LedgerError(BrokenInvariant):
    """A movement would break the ledger: a fault of ours, which rolls the transaction back."""


class Overdrawn(Exception):
    """The account has too few credits of a ``kind``."""

    def __init__(self, kind: CreditKind) -> None:
        super().__init__(kind.value)
        self.kind = kind


def hold(
    connection: Connection,
    account_id: str,
    campaign_id: str,
    price: Price,
    at: Instant,
    messages: int,
) -> None:
    """Hold the price of a whole campaign; a second run changes nothing.

    Where no message is left to pay for, nothing is entered. Raises Overdrawn, upon which the caller
    rolls its transaction back.
    """
    if _is_free(connection, campaign_id):
        price = Price()
    for line in _lines("hold", account_id, campaign_id, price, at):
        opened = connection.execute(_OPEN_HOLD, line).rowcount > 0
        if opened and line["amount"] != 0:
            _hold_credit(connection, line)
        if opened and (line["amount"] != 0 or (messages and line["kind"] == CreditKind.SMS)):
            connection.execute(_ENTRY, line)


def holds(connection: Connection, campaign_id: str) -> int:
    """Count how often a campaign was paid for: at its admission, and once for each retry.

    The entries in SMS credits count it, because each hold has one, of zero if need be.
    What a change of its texts holds is no further payment.
    """
    values = {"campaign": campaign_id, "kind": CreditKind.SMS.value, "retry": "hold:%"}
    return int(connection.execute(_HOLDS, values).scalar_one())


def cost(connection: Connection, campaign_id: str) -> Price:
    """What a campaign has cost and may still cost: all of its holds, without what was voided."""
    found = connection.execute(_COSTS, {"campaign": campaign_id})
    return Price(**{row.kind: row.cost for row in found})


def hold_again(
    connection: Connection,
    account_id: str,
    campaign_id: str,
    price: Price,
    number: int,
    at: Instant,
) -> None:
    """Hold what a retry costs, beside what the campaign holds already.

    ``number`` names the entry among the campaign's holds, from 1. Raises Overdrawn, upon which
    the caller rolls its transaction back, and LedgerError when the entry is there already.
    """
    if _is_free(connection, campaign_id):
        price = Price()
    for line in _lines("hold", account_id, campaign_id, price, at, number):
        if _move(connection, line, _ENLARGE_HOLD):
            _hold_credit(connection, line)
        elif line["kind"] == CreditKind.SMS:
            connection.execute(_ENTRY, line)


def change(
    connection: Connection,
    account_id: str,
    campaign_id: str,
    difference: Price,
    at: Instant,
) -> None:
    """Hold more of each kind where ``difference`` is positive, and give back where it is not.

    The caller has locked the campaign and its holds. Raises Overdrawn, upon which the caller rolls
    its transaction back.
    """
    if _is_free(connection, campaign_id):
        return
    counted = {"campaign": campaign_id, "change": "change:%"}
    number = connection.execute(_CHANGES, counted).scalar_one()
    more = Price(max(0, difference.sms), max(0, difference.mms))
    for line in _lines("hold", account_id, campaign_id, more, at):
        line["id"] = f"change:{campaign_id}:{line['kind']}:{number}"
        if _move(connection, line, _ENLARGE_HOLD):
            _hold_credit(connection, line)
    less = Price(max(0, -difference.sms), max(0, -difference.mms))
    void_given_up(connection, account_id, campaign_id, less, at)


def post(
    connection: Connection,
    account_id: str,
    campaign_id: str,
    price: Price,
    position: int,
    at: Instant,
) -> None:
    """Pay for messages that were handed off.

    ``position`` is that of the first: a message is handed off once, so it names the entry.
    Raises LedgerError when more would be posted than was held, or the same entry twice.
    """
    for line in _lines("post", account_id, campaign_id, price, at, position):
        _move(connection, line, _POST_HOLD, _POST_CREDIT, entry=_POST_ENTRY)


def void(
    connection: Connection,
    account_id: str,
    campaign_id: str,
    price: Price,
    number: int,
    at: Instant,
) -> None:
    """Give back what was held for messages that will not be sent.

    ``number`` names the entry among the campaign's voids. Raises LedgerError as ``post`` does.
    """
    for line in _lines("void", account_id, campaign_id, price, at, number):
        _move(connection, line, _VOID_HOLD, _VOID_CREDIT)


def void_given_up(
    connection: Connection, account_id: str, campaign_id: str, price: Price, at: Instant
) -> None:
    """Give back at once what is held for messages that were given up before the campaign ends.

    The caller has locked the holds of the campaign, so that ``void_rest`` counts this void.
    """
    if _is_free(connection, campaign_id):
        return
    number = connection.execute(_VOIDS, {"campaign": campaign_id}).scalar_one()
    void(connection, account_id, campaign_id, price, number, at)


def void_rest(connection: Connection, campaign_id: str, keep: Price, at: Instant) -> None:
    """Give back all that a campaign still holds, except ``keep``.

    The caller makes sure that neither the holds nor the messages that ``keep`` was counted from
    can change until its transaction ends.
    """
    if _is_free(connection, campaign_id):
        keep = Price()
    number = connection.execute(_VOIDS, {"campaign": campaign_id}).scalar_one()
    for row in connection.execute(_REMAINDER, {"campaign": campaign_id}).all():
        kind = CreditKind(row.kind)
        amount = row.remainder - keep.of(kind)
        price = Price(**{kind.value: amount})
        void(connection, row.account_id, campaign_id, price, number, at)


def _is_free(connection: Connection, campaign_id: str) -> bool:
    return connection.execute(_IN_SANDBOX, {"campaign": campaign_id}).first() is not None


def _move(
    connection: Connection, line: dict[str, Any], *updates: TextClause, entry: TextClause = _ENTRY
) -> bool:
    """Append an entry and change what it is about; False, and nothing, for no credits."""
    if line["amount"] == 0:
        return False
    if connection.execute(entry, line).rowcount == 0:
        if _is_free(connection, line["campaign"]):
            return False
        raise LedgerError(f"booked twice: {line['id']}")
    for update in updates:
        if connection.execute(update, line).rowcount == 0:
            raise LedgerError(f"does not fit the hold or the balance: {line['id']}")
    return True


def _hold_credit(connection: Connection, line: dict[str, Any]) -> None:
    if connection.execute(_HOLD_CREDIT, line).rowcount == 0:
        raise Overdrawn(CreditKind(line["kind"]))


def _lines(
    movement: str,
    account_id: str,
    campaign_id: str,
    price: Price,
    at: Instant,
    number: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield one line for each kind of credit, in the order in which balances are locked."""
    for kind in CreditKind:
        name = f"{movement}:{campaign_id}:{kind}"
        yield {
            "id": name if number is None else f"{name}:{number}",
            "account": account_id,
            "campaign": campaign_id,
            "kind": kind.value,
            "movement": movement,
            "amount": price.of(kind),
            "at": at,
        }
