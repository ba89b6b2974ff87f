"""No URL of a customer's leads inside: listeners on every form of loopback must stay unheard of."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

from tests.webhooks.peers import Names, Peer, reason_of, serve, watched_sockets
from webhooks.client import EgressClient
from webhooks.transport import Reason

PUBLIC = "8.8.8.8"
# With {port} a listener's; without, 80 or 443 as everywhere.
HOSTILE = """
    http://127.0.0.1:{port}/ http://127.0.0.2:{port}/ http://127.255.255.254:{port}/
    http://localhost:{port}/ http://LocalHost:{port}/ http://a.localhost:{port}/
    http://localhost.:{port}/ http://127.0.0.1.:{port}/ http://localhost.localdomain:{port}/
    http://ip6-localhost:{port}/ http://127.1:{port}/ http://127.0.1:{port}/
    http://2130706433:{port}/ http://0x7f000001:{port}/ http://0x7f.1:{port}/
    http://0x7f.0x0.0x0.0x1:{port}/ http://0177.0.0.1:{port}/ http://0177.0.0.01:{port}/
    http://017700000001:{port}/ http://127.0.0.1%00:{port}/ http://127.0.0.1%2f@a.example:{port}/
    http://0:{port}/ http://0.0.0.0:{port}/ http://0.0.0.1:{port}/
    http://①②⑦.⓪.⓪.①:{port}/ http://１２７.０.０.１:{port}/ http://127。0。0。1:{port}/
    http://127｡0｡0｡1:{port}/ http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/ http://ｌｏｃａｌｈｏｓｔ:{port}/
    http://[::1]:{port}/ http://[::]:{port}/ http://[0:0:0:0:0:0:0:1]:{port}/
    http://[::ffff:127.0.0.1]:{port}/ http://[::ffff:7f00:1]:{port}/ http://[::127.0.0.1]:{port}/
    http://[::7f00:1]:{port}/ http://[::1%25lo]:{port}/ http://[::1%lo]:{port}/
    http://[64:ff9b::7f00:1]:{port}/ http://[64:ff9b:1::7f00:1]:{port}/
    http://[2002:7f00:1::]:{port}/ http://[2001:0:7f00:1::]:{port}/
    http://user:word@127.0.0.1:{port}/ http://a.example@127.0.0.1:{port}/
    http://127.0.0.1:{port}@a.example/ http://127.0.0.1:{port}\\@a.example/
    http://a.example\\@127.0.0.1:{port}/ http://a.example#@127.0.0.1:{port}\x01/
    http:127.0.0.1:{port}/ http:/127.0.0.1:{port}/ http:///127.0.0.1:{port}/
    //127.0.0.1:{port}/ 127.0.0.1:{port}/ \\\\127.0.0.1:{port}\\
    https://127.0.0.1:{port}/ https://[::1]:{port}/
    ftp://127.0.0.1:{port}/ gopher://127.0.0.1:{port}/_GET file:///etc/passwd
    unix:///run/docker.sock http+unix://%2Frun%2Fdocker.sock/ jar:http://127.0.0.1:{port}!/
    http://10.0.0.1/ http://172.16.0.1/ http://172.31.255.255/ http://192.168.0.1/
    http://169.254.169.254/latest/meta-data/ http://169.254.170.2/ http://100.64.0.1/
    http://100.100.100.200/ http://168.63.129.16/ http://192.0.0.192/ http://192.0.2.1/
    http://198.18.0.1/ http://224.0.0.1/ http://239.255.255.250/ http://240.0.0.1/
    http://255.255.255.255/ http://[fe80::1]/ http://[fec0::1]/ http://[fc00::1]/
    http://[fd00:ec2::254]/ http://[ff02::1]/ http://[100::1]/ http://[2001:db8::1]/
    http://[5f00::1]/ http://[3fff::1]/ http://metadata/ http://metadata.google.internal/
    http://instance-data/ http://kubernetes.default.svc.cluster.local/ http://router.home.arpa/
    http://8.8.8.8:22/ http://8.8.8.8:8443/ https://8.8.8.8:6379/ http://a.example:25/
""".split()
INSIDE = """
    127.0.0.1 127.0.0.53 127.255.255.254 0.0.0.0 0.0.0.1 10.0.0.1 172.16.0.1 192.168.1.1
    169.254.169.254 100.64.0.1 100.100.100.200 168.63.129.16 192.0.0.192 198.18.0.1 224.0.0.1
    240.0.0.1 255.255.255.255 ::1 :: ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0.0.0.0
    64:ff9b::7f00:1 64:ff9b:1::7f00:1 2002:7f00:1:: 2001:0:7f00:1:: fe80::1 fe80::1%lo fec0::1
    fc00::1 fd00:ec2::254 ff02::1
""".split()


@asynccontextmanager
async def listening() -> AsyncIterator[Peer]:
    """One port that answers on every address of this machine, of both versions."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as probe:
        port = probe.getsockname()[1]
    async with serve(host="0.0.0.0", port=port) as four, serve(host="::", port=port) as six:
        yield four
        four.hits += six.hits


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Where the next connections would have gone; none is let through."""
    calls: list[tuple[str, int]] = []

    async def refuse(host: str, port: int, **_: object) -> None:
        calls.append((host, port))
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio, "open_connection", refuse)
    return calls


@pytest.mark.parametrize("url", HOSTILE)
async def test_no_hostile_url_reaches_a_listener_or_even_a_resolver(url: str) -> None:
    async with listening() as peer:
        names = Names(a_example=[PUBLIC])
        calling = EgressClient(resolver=names, ports=(443, 80, peer.port), floor_seconds=0.0)
        with watched_sockets() as seen:
            reason = await reason_of(calling, url.format(port=peer.port))
        await calling.close()
    assert reason in (Reason.URL, Reason.ADDRESS)
    assert peer.hits == 0 and seen == [] and names.asked == []


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("answer", INSIDE + [f"{PUBLIC} {inside}" for inside in INSIDE])
async def test_a_name_with_any_address_inside_is_not_called(answer: str, scheme: str) -> None:
    async with listening() as peer:
        names = Names(a_example=[answer])
        calling = EgressClient(resolver=names, ports=(peer.port,), floor_seconds=0.0)
        with watched_sockets() as seen:
            reason = await reason_of(calling, f"{scheme}://a.example:{peer.port}/")
        await calling.close()
    assert reason is Reason.ADDRESS
    assert peer.hits == 0 and seen == [] and names.asked == ["a.example"]


async def test_the_listeners_of_these_tests_do_hear_when_private_addresses_are_allowed() -> None:
    names = Names(a_example=["127.0.0.1"], b_example=["::ffff:127.0.0.1"], c_example=["::1"])
    calling = EgressClient(allow_private=True, resolver=names, floor_seconds=0.0)
    async with listening() as peer:
        hosts = ("127.0.0.1", "127.9.9.9", "[::1]", "a.example", "b.example", "c.example")
        with watched_sockets() as seen:
            for host in hosts:
                answer = await calling.request("GET", f"http://{host}:{peer.port}/")
                assert answer.status_code == 200
    await calling.close()
    assert peer.hits == len(hosts)
    assert [event for event, _ in seen] == ["socket.connect"] * len(hosts)
    assert [address[0] for _, address in seen] == [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "127.0.0.1",
        "127.0.0.1",
        "::1",
    ]


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://[fe80::1]/", "http://0.0.0.0/"])
async def test_metadata_stays_out_of_reach_even_when_private_addresses_are_allowed(
    url: str, dialled: list[tuple[str, int]]
) -> None:
    calling = EgressClient(allow_private=True, floor_seconds=0.0)
    assert await reason_of(calling, url) is Reason.ADDRESS
    await calling.close()
    assert dialled == []


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_name_that_changes_its_mind_is_asked_once_and_taken_at_its_first_word(
    scheme: str, dialled: list[tuple[str, int]]
) -> None:
    names = Names(rebinding_example=[PUBLIC, "127.0.0.1"])
    calling = EgressClient(resolver=names, floor_seconds=0.0)
    assert await reason_of(calling, f"{scheme}://rebinding.example/") is Reason.CONNECTION
    port = {"http": 80, "https": 443}[scheme]
    assert names.asked == ["rebinding.example"] and dialled == [(PUBLIC, port)]
    # The next call asks anew, and is refused at what it hears now.
    assert await reason_of(calling, f"{scheme}://rebinding.example/") is Reason.ADDRESS
    await calling.close()
    assert len(names.asked) == 2 and dialled == [(PUBLIC, port)]


async def test_the_system_resolves_nothing_again_on_the_way_to_an_address() -> None:
    names = Names(rebinding_example=["127.0.0.2", "127.0.0.1"])
    calling = EgressClient(allow_private=True, resolver=names, floor_seconds=0.0)
    async with serve(host="127.0.0.2") as first, serve(port=first.port) as second:
        with watched_sockets() as seen:
            await calling.request("GET", f"http://rebinding.example:{first.port}/")
    await calling.close()
    assert (first.hits, second.hits, names.asked) == (1, 0, ["rebinding.example"])
    assert seen == [("socket.connect", ("127.0.0.2", first.port))]


async def test_a_name_of_many_addresses_is_tried_at_three(dialled: list[tuple[str, int]]) -> None:
    addresses = [f"8.8.8.{number}" for number in range(10)]
    calling = EgressClient(resolver=Names(many_example=[" ".join(addresses)]), floor_seconds=0.0)
    assert await reason_of(calling, "https://many.example/") is Reason.CONNECTION
    await calling.close()
    assert dialled == [(address, 443) for address in addresses[:3]]


async def test_a_mapped_public_address_is_called_as_what_it_maps(
    dialled: list[tuple[str, int]],
) -> None:
    calling = EgressClient(resolver=Names(mapped_example=["::ffff:8.8.4.4"]), floor_seconds=0.0)
    assert await reason_of(calling, "http://mapped.example/") is Reason.CONNECTION
    await calling.close()
    assert dialled == [("8.8.4.4", 80)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["http://127.0.0.1:{port}/", "//[::1]:{port}/", "/again"])
async def test_a_redirect_is_an_answer_and_not_followed(status: int, to: str) -> None:
    calling = EgressClient(allow_private=True, resolver=Names(a_example=["127.0.0.1"]))
    async with listening() as inside:
        location = to.format(port=inside.port)
        play = f"HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        async with serve(play.encode()) as outside:
            url = f"http://a.example:{outside.port}/"
            answer = await calling.request("POST", url, content=b"x")
    await calling.close()
    assert (answer.status_code, answer.headers["location"]) == (status, location)
    assert (outside.hits, inside.hits) == (1, 0)


@pytest.mark.parametrize(
    "location",
    ["mailto:x", "http://[::g]/", "http://999.1.1.1/", "http://xn--\xff/", "/" + "x" * 12_000, ""],
)
async def test_a_redirect_to_no_url_at_all_is_an_answer_too(location: str) -> None:
    play = f"HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
    calling = EgressClient(allow_private=True, resolver=Names(a_example=["127.0.0.1"]))
    async with serve(play.encode("latin-1")) as peer:
        answer = await calling.request("GET", f"http://a.example:{peer.port}/")
    await calling.close()
    assert (answer.status_code, answer.headers["location"]) == (302, location)


async def test_a_refresh_and_an_alternative_service_are_not_followed_either() -> None:
    calling = EgressClient(allow_private=True, resolver=Names(a_example=["127.0.0.1"]))
    async with listening() as inside:
        play = (
            f"HTTP/1.1 200 OK\r\nrefresh: 0;url=http://127.0.0.1:{inside.port}/\r\n"
            f'alt-svc: http/1.1="127.0.0.1:{inside.port}"\r\ncontent-length: 0\r\n\r\n'
        )
        async with serve(play.encode()) as outside:
            for _ in range(2):
                await calling.request("GET", f"http://a.example:{outside.port}/")
    await calling.close()
    assert (outside.hits, inside.hits) == (2, 0)


async def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    calling = EgressClient(allow_private=True, resolver=Names(a_example=["127.0.0.1"]))
    async with listening() as proxy, serve() as peer:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{proxy.port}")
        await calling.request("GET", f"http://a.example:{peer.port}/")
    await calling.close()
    assert (proxy.hits, peer.hits) == (0, 1)


async def test_public_addresses_on_the_ports_of_the_web_are_called(
    dialled: list[tuple[str, int]],
) -> None:
    names = Names(a_example=["8.8.8.8"], xn__bcher_kva_example=["2606:4700::1111"])
    calling = EgressClient(resolver=names, floor_seconds=0.0)
    urls = ("http://1.1.1.1/", "https://[2606:4700::1111]/", "https://a.example:80/")
    for url in (*urls, "https://bücher.example/"):
        assert await reason_of(calling, url) is Reason.CONNECTION
    await calling.close()
    assert dialled == [
        ("1.1.1.1", 80),
        ("2606:4700::1111", 443),
        ("8.8.8.8", 80),
        ("2606:4700::1111", 443),
    ]
    assert names.asked == ["a.example", "xn--bcher-kva.example"]


async def test_a_name_without_addresses_is_not_called(dialled: list[tuple[str, int]]) -> None:
    names = Names(empty_example=[""], failing_example=socket.gaierror("no such name"))
    calling = EgressClient(resolver=names, floor_seconds=0.0)
    for host in ("nowhere.example", "empty.example", "failing.example"):
        assert await reason_of(calling, f"https://{host}/") is Reason.RESOLUTION
    await calling.close()
    assert dialled == []


def test_the_matrix_is_as_large_as_it_claims() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 90
    assert all(ip_address(address) for address in INSIDE)
