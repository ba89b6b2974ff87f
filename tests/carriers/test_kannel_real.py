"""A real Kannel between us and an SMS centre: bearerbox and smsbox as processes, SMPP behind."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from campaign.handoffs import Carrier, Handoff
from campaign.settings import Settings
from carriers import open_carrier
from store.replies.inbound import InboundFilter
from tests.carriers.described import forget_settings, handoff
from tests.carriers.servers import free_ports
from tests.carriers.serving_api import scratch_store, serving_api
from tests.carriers.smsc import UCS2, Part, Smsc, serving_smsc
from tests.store.builders import GRANTED, SENDER, StoreBuilder, number, outcome

# Debian has them where ordinary users do not look.
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
BOXES = {name: shutil.which(name, path=PATH) for name in ("bearerbox", "smsbox")}
pytestmark = pytest.mark.skipif(
    None in BOXES.values(),
    reason="no Kannel here (bearerbox and smsbox); on Debian: apt-get install kannel",
)
TOKEN = "token of kannel's / & ours"
PATIENCE = 30.0

CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = none
admin-deny-ip = "*.*.*.*"
smsbox-port = {boxes}
box-allow-ip = "127.0.0.1"
log-file = "{directory}/bearerbox.log"
log-level = 0

group = smsc
smsc = smpp
smsc-id = link-1
host = 127.0.0.1
port = {smsc}
smsc-username = godwit
smsc-password = secret
system-type = "VMA"
transceiver-mode = true
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {boxes}
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-file = "{directory}/smsbox.log"
log-level = 0

group = sendsms-user
username = godwit
password = kannel-password
concatenation = true
max-messages = 10

group = sms-service
keyword = default
catch-all = true
get-url = "{inbound}"
max-messages = 0
"""


@dataclass
class Link:
    """All of it, running."""

    carrier: Carrier
    builder: StoreBuilder
    smsc: Smsc

    async def send(self, text: str) -> str:
        """Hand one campaign of one message over; the campaign's id."""
        campaign = self.builder.admit(1)
        (claimed,) = self.builder.flush_and_claim(campaign).claimed
        message: Handoff = handoff(reference=claimed.reference, to=claimed.to, text=text)
        accepted = await self.carrier.send(message)
        self.builder.write(campaign, outcome(0, carrier_id=accepted.carrier_id))
        return campaign

    async def took(self, count: int) -> list[Part]:
        """The parts that the centre has, once there are so many; a receipt may come earlier."""
        await until(lambda: len(self.smsc.parts) >= count)
        return self.smsc.parts

    async def settled(self, campaign: str) -> str:
        """What became of its message."""
        await until(lambda: self.builder.statuses(campaign) != ["sent"])
        return self.builder.statuses(campaign)[0]


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something to become so."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.05)


@contextmanager
def box(name: str, configuration: Path) -> Iterator[None]:
    """One of Kannel's processes."""
    binary = BOXES[name]
    assert binary is not None
    process = subprocess.Popen(
        [binary, "-v", "4", str(configuration)],
        cwd=configuration.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
        assert process.poll() is None, (configuration.parent / f"{name}.log").read_text("utf-8")
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def listening(port: int) -> None:
    """Wait until somebody listens."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            assert time.monotonic() < end, f"nobody listens on {port}"
            await asyncio.sleep(0.05)
        else:
            writer.close()
            await writer.wait_closed()
            return


@asynccontextmanager
async def linked(migrated: Path, tmp_path: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[Link]:
    names = ("admin", "boxes", "sendsms", "smsc", "api")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    public_url = f"http://127.0.0.1:{ports['api']}"
    inbound = f"{public_url}/carriers/kannel/inbound?token={quote(TOKEN, safe='')}"
    configuration = tmp_path / "kannel.conf"
    configuration.write_text(
        CONFIGURATION.format(
            **ports,
            directory=tmp_path,
            inbound=inbound.replace("%", "%%") + "&from=%p&to=%P&text=%a&id=%I&at=%T",
        ),
        "utf-8",
    )
    patch.setenv("GODWIT_CARRIER_KANNEL_BASE_URL", f"http://127.0.0.1:{ports['sendsms']}")
    patch.setenv("GODWIT_CARRIER_KANNEL_USERNAME", "godwit")
    patch.setenv("GODWIT_CARRIER_KANNEL_PASSWORD", "kannel-password")
    patch.setenv("GODWIT_CARRIER_KANNEL_CALLBACK_TOKEN", TOKEN)
    forget_settings()
    with scratch_store(migrated, tmp_path, "kannel") as store:
        account = store.accounts.create("tester", 0, GRANTED, GRANTED, (SENDER,))[0]
        async with (
            serving_api(store, "kannel", public_url, ports["api"]),
            serving_smsc(ports["smsc"]) as smsc,
        ):
            with box("bearerbox", configuration):
                await listening(ports["boxes"])
                with box("smsbox", configuration):
                    await listening(ports["sendsms"])
                    await asyncio.wait_for(smsc.bound.wait(), PATIENCE)
                    carrier = open_carrier("kannel", Settings(public_url=public_url))
                    try:
                        yield Link(carrier, StoreBuilder(store, account.id), smsc)
                    finally:
                        await carrier.close()


async def test_texts_of_every_kind_arrive_are_delivered_and_stop_is_heard(
    migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GSM-7, UCS-2 and long texts to DELIVRD and UNDELIV, and an inbound STOP."""
    async with linked(migrated, tmp_path, monkeypatch) as link:
        parts = link.smsc.parts

        plain = "Caff\u00e8 @ 5 \u20ac [door_7] 100% & more; a=b/c?d:e!$'()*,+#\""
        assert await link.settled(await link.send(plain)) == "delivered"
        assert [part.text for part in parts] == [plain]
        assert (parts[0].data_coding, parts[0].header) == (0, b"")
        assert parts[0].sender.lstrip("+") == SENDER.lstrip("+")
        assert parts[0].to.lstrip("+") == number(0).lstrip("+")

        foreign = "\u4f60\u597d \U0001f4e6 caf\u00e9"
        assert await link.settled(await link.send(foreign)) == "delivered"
        assert [part.text for part in parts[1:]] == [foreign]
        assert parts[1].data_coding == UCS2

        for long, data_coding in (("0123456789" * 40, 0), ("\u4f60\u597d" * 70, UCS2)):
            before = len(parts)
            assert await link.settled(await link.send(long)) == "delivered"
            # The report of the first part may come before the other parts.
            await link.took(before + 3)
            # They may be sent in any order; the last byte of a header says which it is.
            pieces = sorted(parts[before:], key=lambda part: part.header[-1:])
            assert len(pieces) == 3 and {part.data_coding for part in pieces} == {data_coding}
            # A header of five bytes: reference, how many, which.
            assert len({part.header[:5] for part in pieces}) == 1
            assert [part.header[4:] for part in pieces] == [b"\x03\x01", b"\x03\x02", b"\x03\x03"]
            assert "".join(part.text for part in pieces) == long
            # docs/carriers.md says so: one part's report stands for the whole.
            assert [part.wants_receipt for part in pieces] == [True, False, False]

        link.smsc.stat = "UNDELIV"
        assert await link.settled(await link.send("Nobody is there")) == "undelivered"

        opt_outs = link.builder.store.opt_outs
        await link.smsc.text(number(7), SENDER, b"Hello there")
        await link.smsc.text(number(5), SENDER, b"STOP")
        await until(lambda: bool(opt_outs.list(link.builder.account_id)))
        assert [one.number for one in opt_outs.list(link.builder.account_id)] == [number(5)]
        # The same words again are another text, by Kannel's own id of it.
        await link.smsc.text(number(7), SENDER, b"Hello there")
        inbound, wanted = link.builder.store.inbound, InboundFilter(writer=number(7))
        await until(lambda: len(inbound.list(link.builder.account_id, wanted)) == 2)
        for text in inbound.list(link.builder.account_id, wanted):
            assert abs(text.received_at - time.time() * 1_000) < 60_000
        # Nothing was sent back to the writer.
        assert all(part.to.lstrip("+") == number(0).lstrip("+") for part in parts)


async def test_a_long_text_with_emoji_is_cut_between_code_units_as_the_page_says(
    migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\u0416\U0001f44b" * 100
    async with linked(migrated, tmp_path, monkeypatch) as link:
        campaign = await link.send(text)
        pieces = sorted(await link.took(5), key=lambda part: part.header[-1:])
        assert await link.settled(campaign) == "delivered"
    assert b"".join(part.raw for part in pieces).decode("utf-16-be") == text
    halves = [part for part in pieces if 0xD800 <= int.from_bytes(part.raw[-2:]) < 0xDC00]
    assert halves, "no emoji was cut: docs/carriers.md says otherwise"
