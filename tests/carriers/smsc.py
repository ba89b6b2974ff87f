"""An SMS centre that speaks SMPP on a real port: what Kannel sends to and hears from."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import smpp34

# 3GPP TS 23.038, 6.2.1, by code; 0x1B leads to the extension table.
GSM7 = (
    "@\u00a3$\u00a5\u00e8\u00e9\u00f9\u00ec\u00f2\u00c7\n\u00d8\u00f8\r\u00c5\u00e5"
    "\u0394_\u03a6\u0393\u039b\u03a9\u03a0\u03a8\u03a3\u0398\u039e\x1b\u00c6\u00e6\u00df\u00c9"
    " !\"#\u00a4%&'()*+,-./0123456789:;<=>?\u00a1ABCDEFGHIJKLMNOPQRSTUVWXYZ\u00c4\u00d6\u00d1"
    "\u00dc\u00a7\u00bfabcdefghijklmnopqrstuvwxyz\u00e4\u00f6\u00f1\u00fc\u00e0"
)
GSM7_EXTENSION = {0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]"}
GSM7_EXTENSION |= {0x40: "|", 0x65: "\u20ac"}
LONG = 0x40  # esm_class: a header stands before the text
RECEIPT = 0x04  # esm_class: a delivery receipt
FINAL_WANTED = 0x01  # registered_delivery
UCS2 = 8


def read_gsm7(raw: bytes) -> str:
    """Text of unpacked GSM-7."""
    text, codes = "", iter(raw)
    for code in codes:
        text += GSM7_EXTENSION[next(codes)] if code == 0x1B else GSM7[code]
    return text


@dataclass
class Part:
    """One submit_sm that was taken."""

    message_id: str
    sender: str
    to: str
    data_coding: int
    raw: bytes
    header: bytes
    wants_receipt: bool

    @property
    def text(self) -> str:
        """What it says."""
        return self.raw.decode("utf-16-be") if self.data_coding == UCS2 else read_gsm7(self.raw)


@dataclass
class Smsc:
    """The centre: every part that it took, in order, and how it calls the one that is bound."""

    port: int
    stat: str = "DELIVRD"
    parts: list[Part] = field(default_factory=list)
    bound: asyncio.Event = field(default_factory=asyncio.Event)
    session: Any = None

    async def serve(self, server: Any) -> None:
        """Accept messages, and send receipts to the clients that ask for them."""
        while True:
            event = await server.next()
            if isinstance(event, smpp34.SubmitSmEvent):
                part = self._take(event)
                if part.wants_receipt:
                    await self._report(part)
            elif isinstance(event, smpp34.Unbound):
                self.bound.clear()
            else:
                self.session = event
                self.bound.set()

    def _take(self, event: Any) -> Part:
        raw, header = bytes(event.short_message), b""
        if event.esm_class & LONG:
            header, raw = raw[: raw[0] + 1], raw[raw[0] + 1 :]
        part = Part(
            message_id=str(1000 + len(self.parts)),
            sender=event.source_addr,
            to=event.destination_addr,
            data_coding=event.data_coding,
            raw=raw,
            header=header,
            wants_receipt=bool(event.registered_delivery & FINAL_WANTED),
        )
        self.parts.append(part)
        event.accept(part.message_id)
        return part

    async def _report(self, part: Part) -> None:
        delivered = "001" if self.stat == "DELIVRD" else "000"
        receipt = (
            f"id:{part.message_id} sub:001 dlvrd:{delivered} submit date:2701150800"
            f" done date:2701150801 stat:{self.stat} err:000 text:-"
        )
        await asyncio.sleep(0.05)  # Its answer should be on the line before.
        await self.text(part.to, part.sender, receipt.encode(), esm_class=RECEIPT)

    async def text(self, sender: str, to: str, raw: bytes, **members: Any) -> None:
        """Bring a text from a phone, or a receipt."""
        await self.session.deliver_sm(
            source_addr=sender.removeprefix("+"),
            destination_addr=to.removeprefix("+"),
            short_message=raw,
            source_addr_ton=1,
            source_addr_npi=1,
            dest_addr_ton=1,
            dest_addr_npi=1,
            **members,
        )


@asynccontextmanager
async def serving_smsc(port: int) -> AsyncIterator[Smsc]:
    """Serve on a port until the end of the block."""
    server = smpp34.Server(host="127.0.0.1", port=port, system_id="SMSC")
    await server.start()
    smsc = Smsc(port)
    task = asyncio.create_task(smsc.serve(server))
    try:
        yield smsc
        if task.done():
            task.result()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await server.stop()
