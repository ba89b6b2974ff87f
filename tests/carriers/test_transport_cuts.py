"""Wherever a connection is cut, no failure says "surely not sent" of a request that was read."""

import asyncio
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import product

import pytest

from campaign.failures import CarrierFailure, DoubtfulHandoff, TemporaryFailure
from campaign.handoffs import Handoff
from carriers.client import CarrierClient
from tests.carriers.cutting import PATH, Cut, Exchange, Side, cutting

METHODS = ("POST", "GET")
DEADLINE = 10.0
# Of an exchange that nobody answers.
SHORT = 0.4
LONGEST = 120.0
AT_ONCE = 64
TAKEN = b'HTTP/1.1 201 -\r\ncontent-length: 10\r\n\r\n{"id":"1"}'
REFUSED = b"HTTP/1.1 422 -\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
BUSY = b"HTTP/1.1 429 -\r\nretry-after: 5\r\ncontent-length: 2\r\n\r\n{}"
# Of an answer: a cut after them leaves no question what the server said.
STATUS_BYTES = len(b"HTTP/1.1 422")
CLASSES = ("taken", "refused", "put off", "doubt", "not sent", "not started")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the client made of an exchange, and how many whole requests the server read of it.

    ``asked`` is how often the handoff was asked whether it may start; ``asked_first`` is true if
    the server had read no whole request by then.
    """

    exchange: Exchange
    kind: str
    taken: int
    asked: int
    asked_first: bool

    @property
    def is_safe(self) -> bool:
        """True if nobody sends the message again, or counts it as sent, without a reason."""
        exchange = self.exchange
        answered = exchange.at if exchange.side is Side.ANSWER else 0
        reasons = {
            "doubt": True,
            "not sent": self.taken == 0,
            "not started": self.taken == 0,
            # A request may replace one that the server had not read.
            "taken": self.taken == 1
            and (exchange.side is Side.REQUEST or answered == len(exchange.answer)),
            "refused": answered >= STATUS_BYTES,
            "put off": answered >= STATUS_BYTES,
        }
        return reasons[self.kind] and self.taken <= self.asked <= 1 and self.asked_first


def kind_of(failure: CarrierFailure) -> str:
    """The column of a failure in the matrix."""
    if isinstance(failure, DoubtfulHandoff):
        return "doubt"
    if isinstance(failure, TemporaryFailure):
        named = {"no_connection": "not sent", "not_started": "not started"}
        return named.get(failure.code, "put off")
    return "refused"


async def ask(client: CarrierClient, method: str, handoff: Handoff | None = None) -> object:
    """One exchange with the server, with a body if the method has one."""
    body = {"reference": "msg_1"} if method == "POST" else None
    return await client.ask(method, PATH, body, handoff=handoff)


async def outcome_of(exchange: Exchange, may_start: bool = True) -> Outcome:
    """Run one exchange against a server that cuts it, with enough time to reach the cut."""
    seconds = SHORT if exchange.cut is Cut.HANG else DEADLINE
    while (outcome := await tried(exchange, seconds, may_start)) is None:
        seconds *= 2
        assert seconds < LONGEST, exchange
    return outcome


async def tried(exchange: Exchange, seconds: float, may_start: bool) -> Outcome | None:
    """Run one exchange within a deadline; None if it did not reach the cut."""
    questions: list[int] = []

    def asked() -> bool:
        questions.append(server.taken)
        return may_start

    handoff = Handoff(0, 1, "msg_1", "a", "b", "c", None, 1, may_start=asked)
    async with cutting(exchange) as server:
        client = CarrierClient(server.base_url, seconds, connections=1)
        kind = "taken"
        try:
            if exchange.reuses:
                await ask(client, exchange.method)
            await ask(client, exchange.method, handoff)
        except CarrierFailure as failure:
            kind = kind_of(failure)
        server.client_left()
        await client.close()
        await server.finish()
    if exchange.cut is Cut.HANG and not questions:
        return None
    return Outcome(exchange, kind, server.taken, len(questions), not any(questions))


async def outcomes_of(exchanges: list[Exchange], may_start: bool = True) -> list[Outcome]:
    """Run exchanges, many at once."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(exchange: Exchange) -> Outcome:
        async with places:
            return await outcome_of(exchange, may_start)

    return await asyncio.gather(*(one(exchange) for exchange in exchanges))


async def request_length(method: str) -> int:
    """The number of bytes of a whole request; the port of the server has five digits in each."""
    async with cutting(Exchange(method, False, Side.ANSWER, Cut.FIN, len(TAKEN), TAKEN)) as server:
        client = CarrierClient(server.base_url, DEADLINE, connections=1)
        await ask(client, method)
        await client.close()
    return len(server.received)


def table(outcomes: list[Outcome]) -> str:
    """The matrix: exchanges of each class for each kind of cut, and the unsafe ones."""
    rows: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for outcome in outcomes:
        exchange = outcome.exchange
        connection = "kept" if exchange.reuses else "new"
        row = rows[exchange.method, connection, exchange.side, exchange.cut]
        row[outcome.kind] += 1
        row["unsafe"] += not outcome.is_safe
    columns = [*CLASSES, "unsafe"]
    lines = ["".join(f"{name:>12}" for name in ["", "", "cut in", "by", *columns])]
    for names, row in rows.items():
        cells = [*names, *(str(row[column]) for column in columns)]
        lines.append("".join(f"{cell:>12}" for cell in cells))
    return "\n".join(lines)


async def matrix_of(method: str, side: Side, cut: Cut) -> list[Outcome]:
    """Every exchange of one side, cut at every byte, with new and with kept connections."""
    exchanges = []
    for reuses in (False, True):
        # How an answer is read does not depend on the request.
        every = side is Side.ANSWER and method == "POST" and not reuses
        for answer in (TAKEN, REFUSED, BUSY) if every else (TAKEN,):
            length = len(answer) if side is Side.ANSWER else await request_length(method)
            # Bytes that come before a request over a kept connection belong to the answer before.
            first = int(reuses and side is Side.REQUEST and cut is Cut.GARBAGE)
            exchanges += [
                Exchange(method, reuses, side, cut, at, answer) for at in range(first, length + 1)
            ]
    return await outcomes_of(exchanges)


@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("method", METHODS)
async def test_a_request_that_was_read_is_never_called_surely_not_sent(
    method: str, side: Side, cut: Cut
) -> None:
    outcomes = await matrix_of(method, side, cut)
    sys.stdout.write(f"\n{table(outcomes)}\n")
    assert [outcome for outcome in outcomes if not outcome.is_safe] == []
    for outcome in outcomes:
        exchange = outcome.exchange
        if side is Side.ANSWER and cut is Cut.FIN:
            whole = exchange.at == len(exchange.answer)
            assert (outcome.kind != "doubt") == whole, outcome


@pytest.mark.parametrize("method", METHODS)
async def test_a_handoff_that_may_not_start_leaves_no_whole_request(method: str) -> None:
    exchanges = [
        Exchange(method, reuses, Side.REQUEST, Cut.FIN, at, TAKEN)
        for reuses, at in product((False, True), (0, 1, 16, 64))
    ]
    outcomes = await outcomes_of(exchanges, may_start=False)
    assert {(outcome.kind, outcome.taken) for outcome in outcomes} == {("not started", 0)}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("cut", [Cut.FIN, Cut.RST])
async def test_a_connection_that_closed_while_it_waited_repeats_nothing(
    method: str, cut: Cut
) -> None:
    # The server closes it after the answer, while the client believes that it can be used again.
    exchanges = [Exchange(method, True, Side.REQUEST, cut, 0, TAKEN) for _ in range(AT_ONCE)]
    outcomes = await outcomes_of(exchanges)
    assert [outcome for outcome in outcomes if not outcome.is_safe] == []
    assert all(outcome.taken <= 1 for outcome in outcomes)
