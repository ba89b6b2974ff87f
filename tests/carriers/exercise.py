"""The exercise that every carrier must pass, over real HTTP, in both directions.

``tests/carriers/test_exercise.py`` runs it for each carrier of ``tests/carriers/descriptions.py``.
"""

import asyncio
import gzip
import random
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from email.utils import formatdate
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from campaign.failures import (
    CarrierFailure,
    DoubtfulHandoff,
    PermanentFailure,
    TemporaryFailure,
)
from campaign.handoffs import Acceptance, Carrier, CarrierCall, Handoff, Repeats
from campaign.states import MessageStatus
from carriers.connections import ANSWER_BYTES_MAX
from telemetry.metrics import INBOUND_UNMATCHED
from tests.carriers.described import (
    PUBLIC_URL,
    SENDER,
    TEXT,
    TO,
    Described,
    Said,
    Taken,
    handoff,
    headers_of,
)
from tests.carriers.servers import Call, Play, Stub, free_port, serving
from tests.store.builders import StoreBuilder, number, outcome

PATIENCE = 10.0
DEADLINE = 1.5
OK = b"HTTP/1.1 200 OK\r\n"


def saying(said: Said) -> Play:
    """Answer so."""

    async def play(call: Call) -> None:
        await call.answer(said.status, said.body, dict(said.headers))

    return play


async def reset(call: Call) -> None:
    """Cut the connection."""
    call.reset()


async def opted_out(call: Call) -> None:
    """Never answer."""
    await call.hang()


async def drip(call: Call) -> None:
    """A body that comes byte by byte and never ends."""
    await call.write(OK + b"content-length: 60000\r\n\r\n")
    while True:
        await call.write(b" ")
        await asyncio.sleep(0.1)


async def endless(call: Call) -> None:
    """A body that comes fast and never ends."""
    await call.write(OK + b"connection: close\r\n\r\n")
    while True:
        await call.write(b" " * 0x4000)


class Exercise:
    """What holds for a carrier, whichever it is; ``described`` is a fixture."""

    @asynccontextmanager
    async def opened(
        self,
        described: Described,
        play: Play,
        patch: pytest.MonkeyPatch,
        seconds: float = PATIENCE,
    ) -> AsyncIterator[tuple[Carrier, Stub]]:
        """The carrier before a server that plays this."""
        async with serving(play) as stub:
            described.set_up(patch, stub.base_url)
            carrier = described.open(seconds)
            try:
                yield carrier, stub
            finally:
                await carrier.close()

    async def failure(
        self,
        described: Described,
        play: Play,
        patch: pytest.MonkeyPatch,
        seconds: float = PATIENCE,
    ) -> CarrierFailure:
        """How one send fails; it is tried once only, and the next one is well."""

        async def first(call: Call) -> None:
            await (play if len(stub.calls) == 1 else saying(described.yes))(call)

        async with self.opened(described, first, patch, seconds) as (carrier, stub):
            with pytest.raises(CarrierFailure) as caught:
                await carrier.send(handoff())
            assert len(stub.calls) == 1
            assert await carrier.send(handoff()) == Acceptance(described.carrier_id)
        return caught.value

    # ----------------------------------------------------------------------- the way out

    async def test_a_message_arrives_as_it_is_with_credentials_and_reference(
        self, described: Described, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with self.opened(described, saying(described.yes), monkeypatch) as (carrier, stub):
            assert (carrier.name, carrier.repeats) == (described.name, described.repeats)
            assert await carrier.send(handoff()) == Acceptance(described.carrier_id)
            plain = "Your parcel is at door 7"
            await carrier.send(handoff(text=plain))
            taken = [described.taken(call) for call in stub.calls]
            assert stub.connections == 1
            assert all(b"accept-encoding: identity" in call.head.lower() for call in stub.calls)
            agents = {headers_of(call)["user-agent"] for call in stub.calls}
            assert agents == {f"Godwit/{version('godwit')}"}
        expected = Taken(SENDER, TO, TEXT, None, "msg_1")
        assert taken == [expected, replace(expected, text=plain)]

    async def test_media_travel_or_are_refused_for_good(
        self, described: Described, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        media = "https://media.example.com/a%20b.png?x=1&y=2"
        async with self.opened(described, saying(described.yes), monkeypatch) as (carrier, stub):
            if not described.takes_media:
                with pytest.raises(PermanentFailure) as caught:
                    await carrier.send(handoff(media_url=media))
                assert caught.value.code == "media_not_supported" and stub.calls == []
                return
            await carrier.send(handoff(media_url=media))
            taken = described.taken(stub.calls[0])
        assert (taken.media_url, taken.text) == (media, TEXT)

    async def test_a_refusal_is_permanent_and_called_by_our_word(
        self, described: Described, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        failure = await self.failure(described, saying(described.refused), monkeypatch)
        assert (type(failure), failure.code) == (PermanentFailure, described.refused_code)

    async def test_what_we_have_to_mend_fails_no_recipient(
        self, described: Described, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for said in (described.configuration, Said(401, b""), Said(404, b"<html>")):
            failure = await self.failure(described, saying(said), monkeypatch)
            assert (type(failure), failure.code) == (TemporaryFailure, "carrier_configuration")

    async def test_a_busy_carrier_is_left_alone_as_long_as_it_asks(
        self, described: Described, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        date = formatdate(time.time() + 600, usegmt=True)
        waits: list[tuple[dict[str, str], float | None]] = [
            ({}, None),
            ({"retry-after": "7"}, 7.0),
            ({"retry-after": date}, 600.0),
            ({"retry-after": "a while"}, None),
            ({"retry-after": "999999999"}, 3600.0),
        ]
        for headers, wait in waits:
            said = replace(described.busy, headers=headers)
            failure = await self.failure(described, saying(said), monkeypatch)
            assert isinstance(failure, TemporaryFailure)
            assert failure.retry_after == (None if wait is None else pytest.approx(wait, abs=30))

    async def test_nobody_there_is_surely_not_sent(
        self, described: Described, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        described.set_up(monkeypatch, f"http://127.0.0.1:{free_port()}")
        carrier = described.open(PATIENCE)
        with pytest.raises(TemporaryFailure) as caught:
            await carrier.send(handoff())
        await carrier.close()
        assert caught.value.code == "no_connection"

    async def test_a_cut_or_a_silence_leaves_doubt(
        self, described: Described, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cut = await self.failure(described, reset, monkeypatch)
        assert (type(cut), cut.code) == (DoubtfulHandoff, "connection_lost")
        for play in (opted_out, drip):
            began = time.monotonic()
            late = await self.failure(described, play, monkeypatch, DEADLINE)
            assert (type(late), late.code) == (DoubtfulHandoff, "timeout")
            assert time.monotonic() - began < DEADLINE * 6

    async def test_rubbish_leaves_doubt_and_breaks_nothing(
        self, described: Described, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bodies = [*described.malformed, b"", b"<!doctype html>", b"\xff\xfe", b"[" * 60_000]
        for body in bodies:
            said = replace(described.yes, body=body)
            failure = await self.failure(described, saying(said), monkeypatch)
            assert (type(failure), failure.code) == (DoubtfulHandoff, "answer_unreadable")

    async def test_endless_and_packed_answers_are_not_swallowed(
        self, described: Described, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        failure = await self.failure(described, endless, monkeypatch)
        assert (type(failure), failure.code) == (DoubtfulHandoff, "answer_too_large")
        bomb = gzip.compress(bytes(40_000_000))
        assert len(bomb) < ANSWER_BYTES_MAX
        packed = Said(described.yes.status, bomb, {"content-encoding": "gzip"})
        tracemalloc.start()
        failure = await self.failure(described, saying(packed), monkeypatch)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (type(failure), failure.code) == (DoubtfulHandoff, "answer_unreadable")
        assert peak < 4_000_000

    async def test_redirects_and_server_errors_leave_doubt(
        self, described: Described, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for status in (301, 302, 307, 308, 408, 500, 502, 504):
            said = Said(status, described.refused.body, {"location": "http://127.0.0.1:1/"})
            failure = await self.failure(described, saying(said), monkeypatch)
            assert (type(failure), failure.code) == (DoubtfulHandoff, f"http_{status}")
        away = await self.failure(described, saying(Said(503, b"<html>")), monkeypatch)
        assert type(away) is described.unavailable

    async def test_nothing_of_person_or_secret_is_in_codes_and_log(
        self,
        described: Described,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        hostile = f'{{"code":"{TO}","error":"{TO[1:]}","errors":[{{"code":"{TO[1:]}"}}]}}'.encode()
        for said in (described.refused, described.busy, Said(400, hostile), Said(500, hostile)):
            failure = await self.failure(described, saying(said), monkeypatch)
            assert TO[1:] not in failure.code
        # The logger's name is no value, and the same word as a secret of one description.
        result = "".join(capsys.readouterr()).replace("godwit.carriers", "")
        assert described.name in result and "not taken" in result and "msg_1" in result
        for secret in (TO[1:], TEXT, *described.environment.values()):
            assert secret not in result

    async def test_a_question_without_a_clear_answer_is_only_put_off(
        self, described: Described, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plays: list[Play] = [reset, opted_out, saying(described.busy), saying(Said(500, b""))]
        plays += [saying(Said(200, body)) for body in (b"", b"<html>", b'"a"', b"7", b"[7]")]
        for play in plays:
            async with self.opened(described, play, monkeypatch, DEADLINE) as (carrier, _):
                with pytest.raises(CarrierFailure) as caught:
                    await carrier.look_up(handoff())
            assert type(caught.value) is TemporaryFailure
        if described.repeats is Repeats.NONE:
            assert caught.value.code == "not_supported"

    # ----------------------------------------------------------------------- the way in

    def forgeries(self, described: Described, call: CarrierCall) -> list[CarrierCall]:
        """The same call without proof, and with proof of something else."""
        other = call.body.replace(b"1", b"2") if call.body else b""
        address = call.url.replace("token=a", "token=b")
        forged = [replace(call, headers={}, url=call.url.partition("?")[0])]
        if call.body:
            forged += [replace(call, body=other), replace(call, body=call.body + b" ")]
        if address != call.url:
            forged.append(replace(call, url=address))
        for name, value in call.headers.items():
            if name.endswith(("signature", "ed25519", "nonce", "timestamp", "authorization")):
                for wrong in ("", "v1,", "\u00e9", value[:-8], value[::-1], value.swapcase()):
                    if wrong != value:
                        forged.append(replace(call, headers={**call.headers, name: wrong}))
        return forged

    async def test_receipts_move_messages_forward_only_however_they_come(
        self, described: Described, callbacks: "CallbackApi"
    ) -> None:
        builder = callbacks.builder
        campaign = builder.admit(4)
        early = builder.flush_and_claim(campaign).claimed
        # Before the answer of the send, and an intermediate one that says nothing.
        assert await callbacks.bring(described.receipt(f"{campaign}-0", "delivered")) == 1
        if described.name != "pretend":
            assert await callbacks.bring(described.receipt(f"{campaign}-1", "intermediate")) == 0
        builder.write(campaign, *callbacks.sent(early))
        assert builder.statuses(campaign) == ["delivered", "sent", "sent", "sent"]
        # Five times each, shuffled, with contradictions that come too late, and for nobody.
        calls = [described.receipt(f"{campaign}-1", "delivered")] * 5
        calls += [described.receipt(f"{campaign}-2", "undelivered")] * 5
        calls += [described.receipt("msg_nobody", "delivered")] * 5
        random.Random(7).shuffle(calls)
        for call in calls:
            await callbacks.bring(call)
        for late in ("undelivered", "delivered"):
            for position in (0, 1, 2):
                settled = builder.statuses(campaign)[position]
                if late != settled:
                    await callbacks.bring(described.receipt(f"{campaign}-{position}", late))
        assert builder.statuses(campaign) == ["delivered", "delivered", "undelivered", "sent"]
        third = builder.store.campaigns.messages(campaign)[2]
        assert third.status is MessageStatus.UNDELIVERED and third.error

    async def test_a_forged_receipt_is_refused_and_changes_nothing(
        self, described: Described, callbacks: "CallbackApi"
    ) -> None:
        if not described.proves:
            pytest.skip("this carrier does not sign: it is for tests")
        campaign = callbacks.builder.admit(1)
        callbacks.builder.send(campaign)
        call = described.receipt(f"{campaign}-0", "delivered")
        for forged in self.forgeries(described, call):
            answer = await callbacks.call(forged)
            assert answer.status_code == 403, forged
        assert callbacks.builder.statuses(campaign) == ["sent"]
        assert (await callbacks.call(call)).status_code < 300
        assert callbacks.builder.statuses(campaign) == ["delivered"]

    async def test_nobody_may_speak_for_a_carrier_without_credentials(
        self, described: Described, callbacks: "CallbackApi", monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not described.proves:
            pytest.skip("this carrier does not sign: it is for tests")
        call = described.receipt("msg_1", "delivered")
        for member in described.environment:
            monkeypatch.delenv(described.prefix() + member)
        callbacks.forget()
        assert (await callbacks.call(call)).status_code == 403

    async def test_a_text_of_somebody_reaches_us_and_stop_silences(
        self, described: Described, callbacks: "CallbackApi"
    ) -> None:
        sender = number(9)
        store, account = callbacks.builder.store, callbacks.builder.account_id
        (text,) = described.module.read_inbound(described.inbound(sender, SENDER, TEXT))
        assert (text.sender, text.to, text.body) == (sender, SENDER, TEXT)
        assert abs(text.at - time.time() * 1000) < 60_000
        for _ in range(2):
            answer = await callbacks.call(described.inbound(sender, SENDER, " Stop! "))
            assert (answer.status_code, answer.content) == described.ack
            assert [one.number for one in store.opt_outs.list(account)] == [sender]
        if described.proves:
            for forged in self.forgeries(described, described.inbound(sender, SENDER, "START")):
                assert (await callbacks.call(forged)).status_code == 403
        assert [one.number for one in store.opt_outs.list(account)] == [sender]
        await callbacks.bring(described.inbound(sender, SENDER, "START"))
        assert store.opt_outs.list(account) == []

    async def test_a_call_is_read_by_what_it_says_at_either_address(
        self, described: Described, callbacks: "CallbackApi"
    ) -> None:
        builder, sender = callbacks.builder, number(9)
        campaign = builder.admit(1)
        builder.send(campaign)
        text = described.inbound(sender, SENDER, "STOP")
        receipt = described.receipt(f"{campaign}-0", "delivered")
        assert await callbacks.bring(described.elsewhere(receipt)) == 1
        await callbacks.bring(described.elsewhere(text))
        assert [one.number for one in builder.store.opt_outs.list(builder.account_id)] == [sender]

    async def test_a_receipt_moves_only_a_message_that_its_carrier_took(
        self, described: Described, callbacks: "CallbackApi"
    ) -> None:
        builder = callbacks.builder
        campaign = builder.admit(2)
        builder.send(campaign)
        builder.execute("UPDATE attempt SET carrier = 'another' WHERE position = 0")
        for position, moved in ((0, 0), (1, 1)):
            call = described.receipt(f"{campaign}-{position}", "delivered")
            assert await callbacks.bring(call) == moved
        assert builder.statuses(campaign) == ["sent", "delivered"]

    async def test_a_stop_counts_however_the_carrier_writes_the_numbers(
        self, described: Described, callbacks: "CallbackApi"
    ) -> None:
        sender, account = number(9), callbacks.builder.account_id
        opt_outs = callbacks.builder.store.opt_outs
        for written, to in (
            (f"00{sender[1:]}", SENDER[1:]),
            (sender[1:], f"00{SENDER[1:]}"),
            (f"{sender[1:]}.0", f"\u2068{SENDER}\u2069"),
        ):
            if described.name == "kannel" and not to.isascii():
                to = SENDER  # A query of ASCII.
            await callbacks.bring(described.inbound(written, to, "STOP"))
            assert [one.number for one in opt_outs.list(account)] == [sender], (written, to)
            assert opt_outs.remove(account, sender)

    async def test_a_text_that_fits_no_account_is_counted(
        self, described: Described, callbacks: "CallbackApi"
    ) -> None:
        def counted() -> float:
            (metric,) = INBOUND_UNMATCHED.collect()
            return sum(
                sample.value
                for sample in metric.samples
                if sample.name.endswith("_total") and sample.labels["carrier"] == described.name
            )

        before = counted()
        await callbacks.bring(described.inbound(number(9), "+447911123457", "STOP"))
        assert counted() == before + 1
        await callbacks.bring(described.inbound(number(9), SENDER, "STOP"))
        assert counted() == before + 1

    async def test_a_name_or_a_short_code_that_writes_to_us_is_nobody_to_silence(
        self, described: Described, callbacks: "CallbackApi"
    ) -> None:
        if described.name == "pretend":
            pytest.skip("its protocol has people only")
        for sender in ("BANK", "72345"):
            await callbacks.bring(described.inbound(sender, SENDER, "STOP"))
        assert callbacks.builder.store.opt_outs.list(callbacks.builder.account_id) == []

    async def test_what_proves_itself_and_is_rubbish_is_refused(
        self, described: Described, callbacks: "CallbackApi"
    ) -> None:
        for odd in ("msg_\x00", "m" * 20_000):
            call = described.receipt(odd, "delivered")
            assert (await callbacks.call(call)).status_code in (400, 414, 431), odd[:9]
        # No reference of ours is like this; it must not break the statement either.
        assert await callbacks.bring(described.receipt("'; -- \u00e9 %s &x=1", "delivered")) == 0


class CallbackApi:
    """Our API behind real HTTP, and the store that it writes to."""

    def __init__(self, builder: StoreBuilder, base_url: str, forget: Callable[[], None]) -> None:
        self.builder = builder
        self.forget = forget
        self._base_url = base_url
        self._changed = 0

    async def call(self, call: CarrierCall) -> httpx.Response:
        """Make a call as a proxy in front of us would hand it on: to another address."""
        parts = urlsplit(call.url)
        assert call.url.startswith(PUBLIC_URL)
        path = parts.path.removeprefix(urlsplit(PUBLIC_URL).path)
        url = f"{self._base_url}{path}" + (f"?{parts.query}" if parts.query else "")
        headers = [(name.encode(), value.encode("utf-8")) for name, value in call.headers.items()]
        # Without certificates, which each client would read anew.
        async with httpx.AsyncClient(trust_env=False, verify=False) as http:
            return await http.request(call.method, url, content=call.body, headers=headers)

    async def bring(self, call: CarrierCall) -> int:
        """Make a call that must be taken; how many messages it moved."""
        before = self._moved()
        answer = await self.call(call)
        assert answer.status_code < 300, answer.text
        return self._moved() - before

    def sent(self, claimed: list[Handoff]) -> list[Any]:
        """Outcomes that say sent."""
        return [outcome(one.position, attempt=one.attempt) for one in claimed]

    def _moved(self) -> int:
        ids = [view.id for view in self.builder.store.campaigns.list(self.builder.account_id)]
        return sum(
            status in ("delivered", "undelivered")
            for campaign in ids
            for status in self.builder.statuses(campaign)
        )
