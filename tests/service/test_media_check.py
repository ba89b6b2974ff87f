"""Media are downloaded before the answer, safely and within bounds; faults are result in place."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from campaign.model import ComposedCampaign, DraftRecipient
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused
from campaign.rules.media import BYTES_MAX, TYPES
from campaign.settings import Settings
from campaign.states import MessageStatus
from service.media_check import AT_ONCE, MediaCheck, open_media_check
from store.store import Store
from tests.campaign.making import draft, number, result, unchecked
from tests.webhooks.peers import OK, Names, Play, egress_client, serve, watched_sockets
from tests.webhooks.test_client_addresses import HOSTILE, INSIDE, PUBLIC, listening
from webhooks.client import EgressClient

pytestmark = pytest.mark.one_store
MOVED = b"HTTP/1.1 301 Moved\r\nlocation: /cat.png\r\ncontent-length: 0\r\n\r\n"


def served(content_type: str | None = "image/png", length: int = 4, status: int = 200) -> bytes:
    """An answer with media in it."""
    kind = "" if content_type is None else f"content-type: {content_type}\r\n"
    head = f"HTTP/1.1 {status} Said\r\n{kind}content-length: {length}\r\n\r\n"
    return head.encode() + b"x" * length


def bearing(urls: Sequence[str | None]) -> ComposedCampaign:
    """A composed with a message for each address, or for none."""
    people = [DraftRecipient(number(index), media_url=url) for index, url in enumerate(urls)]
    return unchecked(draft(people))


async def refusals_of(check: MediaCheck, composed: ComposedCampaign) -> list[Refusal]:
    """What a check refuses of a composed."""
    try:
        await check.check(composed)
    except Refused as refused:
        return list(refused.refusals)
    return []


@asynccontextmanager
async def checking(
    store: Store, seconds: float = 20.0, **options: Any
) -> AsyncIterator[MediaCheck]:
    """A check that may call loopback, and does not wait before it says no."""
    async with egress_client(**{"bytes_max": BYTES_MAX, **options}) as calling:
        yield MediaCheck(store, calling, seconds)


async def checked(store: Store, play: bytes | Play) -> list[tuple[RefusalCode, str]]:
    """What is said of media that a server answers with, to the second of three recipients."""
    async with serve(play) as peer, checking(store) as check:
        url = f"http://hooks.customer.example:{peer.port}/cat.png"
        found = result(await refusals_of(check, bearing([None, url, None])))
        assert peer.hits == 1
    return found


@pytest.mark.parametrize("content_type", sorted(TYPES))
async def test_the_nine_types_pass_up_to_a_megabyte(store: Store, content_type: str) -> None:
    assert len(TYPES) == 9
    for declared_type in (content_type, f"{content_type.upper()}; charset=utf-8"):
        assert await checked(store, served(declared_type, BYTES_MAX)) == []


ANSWERS: dict[str, tuple[bytes, RefusalCode]] = {
    "a byte too many": (served(length=BYTES_MAX + 1), RefusalCode.MEDIA_TOO_LARGE),
    "a page": (served("text/html"), RefusalCode.MEDIA_TYPE),
    "a drawing": (served("image/svg+xml"), RefusalCode.MEDIA_TYPE),
    "an empty type": (served(""), RefusalCode.MEDIA_TYPE),
    "no type": (served(None), RefusalCode.MEDIA_TYPE),
    "nothing": (served(length=0), RefusalCode.MEDIA_UNREACHABLE),
    "not found": (served(status=404), RefusalCode.MEDIA_UNREACHABLE),
    "a part": (served(status=206), RefusalCode.MEDIA_UNREACHABLE),
    "moved": (MOVED, RefusalCode.MEDIA_UNREACHABLE),
    "cut off": (served()[:-1], RefusalCode.MEDIA_UNREACHABLE),
    "no HTTP": (b"220 mail.example\r\n", RefusalCode.MEDIA_UNREACHABLE),
}


@pytest.mark.parametrize("answer", ANSWERS)
async def test_what_no_carrier_could_take_is_refused_where_it_stands(
    store: Store, answer: str
) -> None:
    play, code = ANSWERS[answer]
    assert await checked(store, play) == [(code, "recipients[1].mediaUrl")]


async def test_an_endless_download_is_left_at_a_megabyte(store: Store) -> None:
    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    assert await checked(store, endless) == [
        (RefusalCode.MEDIA_TOO_LARGE, "recipients[1].mediaUrl")
    ]


async def test_each_address_is_downloaded_once_and_eight_at_a_time(store: Store) -> None:
    under_way = most = 0

    async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        writer.write(served())
        await writer.drain()

    async with serve(slow) as peer, checking(store, per_host=100) as check:
        base = f"http://hooks.customer.example:{peer.port}"
        composed = bearing([f"{base}/{index % 40}.png" for index in range(400)])
        assert await refusals_of(check, composed) == []
        assert (peer.hits, most) == (40, AT_ONCE)


async def test_what_will_not_go_is_not_downloaded(store: Store) -> None:
    async with serve() as peer, checking(store) as check:
        people = [DraftRecipient(number(0), media_url=f"http://127.0.0.1:{peer.port}/")]
        composed = unchecked(draft(people))
        for message in composed.messages:
            message.status = MessageStatus.SKIPPED
        assert await refusals_of(check, composed) == []
        assert await refusals_of(check, bearing([None] * 3)) == []
        assert peer.hits == 0


async def test_a_draft_is_told_what_was_not_there_in_its_time_and_no_more(store: Store) -> None:
    async def unanswering(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serve(served()) as sound, serve(unanswering) as slow:
        async with checking(store, seconds=0.5) as check:
            good = f"http://127.0.0.1:{sound.port}/a.png"
            bad = f"http://127.0.0.1:{slow.port}/a.png"
            found = await refusals_of(check, bearing([good, bad, good]))
            assert result(found) == [(RefusalCode.MEDIA_UNREACHABLE, "recipients[1].mediaUrl")]
            assert "time for one request" in found[0].message
            many = bearing([f"{bad}?{index}" for index in range(100)])
            assert len(await refusals_of(check, many)) == SHOWN_MAX


async def test_a_readable_number_of_faults_is_looked_for(store: Store) -> None:
    async with serve(served(status=404)) as peer, checking(store, per_host=100) as check:
        base = f"http://127.0.0.1:{peer.port}"
        found = await refusals_of(check, bearing([f"{base}/{index}" for index in range(300)]))
        assert len(found) == SHOWN_MAX
        assert peer.hits < SHOWN_MAX + AT_ONCE


@pytest.mark.parametrize("url", HOSTILE)
async def test_no_hostile_media_address_reaches_a_listener_or_even_a_resolver(
    store: Store, url: str
) -> None:
    async with listening() as peer:
        names = Names(a_example=[PUBLIC])
        calling = EgressClient(resolver=names, ports=(443, 80, peer.port), floor_seconds=0.0)
        check = MediaCheck(store, calling)
        with watched_sockets() as seen:
            found = await refusals_of(check, bearing([None, url.format(port=peer.port)]))
        await check.close()
    assert result(found) == [(RefusalCode.MEDIA_UNSAFE, "recipients[1].mediaUrl")]
    assert peer.hits == 0 and seen == [] and names.asked == []


async def test_a_name_that_leads_inside_is_told_like_one_that_is_not_there(store: Store) -> None:
    async with listening() as peer:
        names = Names(**{f"n{index}_example": [inside] for index, inside in enumerate(INSIDE)})
        calling = EgressClient(resolver=names, ports=(peer.port,), floor_seconds=0.0)
        check = MediaCheck(store, calling)
        answers = []
        with watched_sockets() as seen:
            for index in range(len(INSIDE) + 1):
                url = f"http://n{index}.example:{peer.port}/cat.png"
                answers += await refusals_of(check, bearing([url]))
        await check.close()
    assert len(answers) == len(INSIDE) + 1
    assert {(one.code, one.message) for one in answers} == {
        (RefusalCode.MEDIA_UNREACHABLE, "could not be downloaded")
    }
    assert peer.hits == 0 and seen == []


async def test_one_unsafe_address_and_nobody_is_called(store: Store) -> None:
    async with serve(OK) as peer, checking(store) as check:
        urls = [f"http://127.0.0.1:{peer.port}/a.png", "http://169.254.169.254/a.png"]
        found = result(await refusals_of(check, bearing(urls)))
        assert found == [(RefusalCode.MEDIA_UNSAFE, "recipients[1].mediaUrl")]
        assert peer.hits == 0


async def test_places_point_at_the_entries_of_a_request_with_lists(store: Store) -> None:
    people = [
        DraftRecipient(number(index), media_url="http://169.254.1.1/a.png", entry=index // 2 + 3)
        for index in range(2)
    ]
    async with checking(store) as check:
        found = result(await refusals_of(check, unchecked(draft(people))))
    assert found == [(RefusalCode.MEDIA_UNSAFE, "recipients[3].mediaUrl")] * 2


async def test_unless_it_is_wanted_nothing_is_downloaded(store: Store) -> None:
    async with serve() as peer:
        check = open_media_check(Settings(allow_private_urls=True), store)
        composed = bearing([f"http://127.0.0.1:{peer.port}/", "http://media.example.com/"])
        assert await refusals_of(check, composed) == []
        await check.close()
        assert peer.hits == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/a.png",
        "http://10.1.2.3:8080/a.png",
        "http://[::1]/a.png",
        "http://[::ffff:10.0.0.1]/a.png",
        "http://localhost/a.png",
        "http://media/a.png",
        "http://files.internal/a.png",
        "http://2130706433/a.png",
        "http://0x7f.1/a.png",
    ],
)
async def test_an_address_that_says_it_is_inside_is_refused_without_any_download(
    store: Store, url: str
) -> None:
    check = open_media_check(Settings(), store)
    good = "https://media.example.com:8443/a.png"
    found = result(await refusals_of(check, bearing([good, url])))
    assert found == [(RefusalCode.MEDIA_UNSAFE, "recipients[1].mediaUrl")]


async def test_a_key_that_is_held_is_a_replay_and_its_media_are_left_alone(store: Store) -> None:
    account = store.accounts.create("tester", 0, 1_000, 1_000, ("+18005559876",))[0]
    urls = ["http://169.254.169.254/a.png"]
    composed = bearing(urls)
    keyed = replace(composed, draft=replace(composed.draft, account_id=account.id, key="key-1"))
    async with checking(store) as check:
        assert len(await refusals_of(check, keyed)) == 1
        store.campaigns.save(keyed, "cmp_1")
        assert await refusals_of(check, keyed) == []
        other = replace(keyed, draft=replace(keyed.draft, key="key-2"))
        assert len(await refusals_of(check, other)) == 1
