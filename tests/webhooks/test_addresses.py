"""Which URLs are read, and which addresses are public."""

import ipaddress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from webhooks.addresses import Address, BadUrl, Target, is_private, is_public, read_url

READ: dict[str, Target] = {
    "https://hooks.example.com": Target("https", "hooks.example.com", 443, "/"),
    "http://hooks.example.com/": Target("http", "hooks.example.com", 80, "/"),
    "HTTPS://Hooks.EXAMPLE.com/A?b=C": Target("https", "hooks.example.com", 443, "/A?b=C"),
    "https://a.example.com?x=1": Target("https", "a.example.com", 443, "/?x=1"),
    "https://a.example.com:80/": Target("https", "a.example.com", 80, "/"),
    "https://a.example.com/x#there": Target("https", "a.example.com", 443, "/x"),
    "https://a.example.com/%41?q=a@b:c": Target("https", "a.example.com", 443, "/%41?q=a@b:c"),
    "https://r3---sn-a.example.com/": Target("https", "r3---sn-a.example.com", 443, "/"),
    "https://bücher.example/": Target("https", "xn--bcher-kva.example", 443, "/"),
    "https://xn--bcher-kva.example/": Target("https", "xn--bcher-kva.example", 443, "/"),
    "https://例え.jp/": Target("https", "xn--r8jz45g.jp", 443, "/"),
    "https://8.8.8.8/": Target("https", "8.8.8.8", 443, "/", IPv4Address("8.8.8.8")),
    "https://[2606:4700::1111]:80/": Target(
        "https", "2606:4700::1111", 80, "/", IPv6Address("2606:4700::1111")
    ),
}

BAD: dict[str, str] = {
    "nothing": "",
    "no scheme": "example.com/x",
    "no slashes": "https:example.com",
    "one slash": "https:/example.com",
    "backslashes": "https:\\\\example.com\\",
    "no host": "https:///x",
    "a port without a host": "https://:443/",
    "ftp": "ftp://example.com/",
    "file": "file:///etc/passwd",
    "gopher": "gopher://example.com/_x",
    "a dict": "dict://example.com/",
    "data": "data:text/plain,x",
    "javascript": "javascript:alert(1)",
    "a web socket": "wss://example.com/",
    "a space before": " https://example.com/",
    "a line feed after": "https://example.com/\n",
    "a space inside": "https://example.com/a b",
    "a tab in the scheme": "ht\ttps://example.com/",
    "a line feed in the host": "https://exam\nple.com/",
    "CR and LF in the path": "https://example.com/\r\nX: y",
    "a NUL": "https://example.com\x00.inside.example/",
    "user information": "https://user:word@example.com/",
    "a host for a user": "https://example.com@127.0.0.1/",
    "an empty user": "https://@example.com/",
    "a host behind a backslash": "https://example.com\\@127.0.0.1/",
    "a host behind a hash": "https://127.0.0.1#@example.com:x/\x7f",
    "an escaped host": "https://%31%32%37.0.0.1/",
    "an escaped letter": "https://ex%61mple.com/",
    "a short address": "https://127.1/",
    "a decimal address": "https://2130706433/",
    "a hexadecimal address": "https://0x7f000001/",
    "a dotted hexadecimal address": "https://0x7f.0.0.1/",
    "a last part in hexadecimal": "https://127.0.0.0x1/",
    "an octal address": "https://0177.0.0.1/",
    "an octal number": "https://017700000001/",
    "zero": "https://0/",
    "five parts": "https://127.0.0.1.1/",
    "a part of 256": "https://127.0.0.256/",
    "a name that ends in a number": "https://example.123/",
    "an address with a final dot": "https://127.0.0.1./",
    "circled digits": "https://①②⑦.⓪.⓪.①/",
    "ideographic full stops": "https://127。0。0。1/",
    "an ideographic full stop in a name": "https://example。com/",
    "full-width letters": "https://ｅｘａｍｐｌｅ.com/",
    "full-width digits": "https://１２７.0.0.1/",
    "a Kelvin sign": "https://\u212aelvin.example/",
    "a soft hyphen": "https://exam\u00adple.com/",
    "a zero-width space": "https://exam\u200bple.com/",
    "a right-to-left override": "https://\u202eexample.com/",
    "a lone surrogate": "https://\ud800.example/",
    "a capital that IDNA has not": "https://BÜCHER.example/",
    "an A-label of nothing": "https://xn--.example/",
    "an A-label of ASCII": "https://xn--example-.com/",
    "an A-label that is none": "https://xn--999999999999.example/",
    "an emoji": "https://😀.example/",
    "a final dot": "https://example.com./",
    "an empty label": "https://example..com/",
    "a first dot": "https://.example.com/",
    "an underscore": "https://my_host.example/",
    "a hyphen first": "https://-a.example/",
    "a hyphen last": "https://a-.example/",
    "a label of 64": f"https://{'a' * 64}.example/",
    "a name of 255": f"https://{'a.' * 124}example/",
    "a URL of 2,049": "https://example.com/".ljust(2049, "a"),
    "no port": "https://example.com:/",
    "port 0": "https://example.com:0/",
    "port 65536": "https://example.com:65536/",
    "a padded port": "https://example.com:0443/",
    "a signed port": "https://example.com:+443/",
    "a port in other digits": "https://example.com:４４３/",
    "two ports": "https://example.com:443:80/",
    "half an IPv6 literal": "https://[::1/",
    "an empty IPv6 literal": "https://[]/",
    "an IPv6 literal with a zone": "https://[fe80::1%eth0]/",
    "an IPv6 literal with an escaped zone": "https://[fe80::1%25eth0]/",
    "a long IPv6 literal": "https://[0:0:0:0:0:0:0:1]/",
    "a padded IPv6 literal": "https://[::0001]/",
    "a mapped IPv4 literal": "https://[::ffff:127.0.0.1]/",
    "capitals in an IPv6 literal": "https://[2606:4700::AAAA]/",
    "an IPv4 literal in brackets": "https://[127.0.0.1]/",
    "a future literal": "https://[v1.x]/",
    "text after a literal": "https://[::1]example.com/",
    "a bare IPv6 address": "https://::1/",
    "non-ASCII in the path": "https://example.com/ü",
    "half an escape": "https://example.com/%4",
    "braces in the path": "https://example.com/{id}",
    "a backslash in the path": "https://example.com/a\\b",
    "localhost": "https://localhost/",
    "below localhost": "https://a.localhost/",
    "LOCALHOST": "https://a.LOCALHOST/",
    "one label": "https://mailserver/",
    "a metadata service": "http://metadata.google.internal/",
    "mDNS": "https://printer.local/",
    "a home network": "https://router.home.arpa/",
    "an onion": "https://abcdef.onion/",
}

# First and last address of what must never be called, found in the registries of IANA and in the
# manuals of clouds; the neighbours of each range are public unless the second table says no.
RANGES = (
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("168.63.129.16", "168.63.129.16"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "255.255.255.255"),
    ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
)
NEVER = [
    network
    for first, last in RANGES
    for network in ipaddress.summarize_address_range(ip_address(first), ip_address(last))
]
LEADS_INSIDE = """
    ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1
    64:ff9b::808:808 64:ff9b:1::7f00:1 2002:7f00:1:: 2001:0:7f00:1:: fec0::1 fe80::1 fe80::1%1
    fd00:ec2::254 ff02::1 ff0e::1 100::1 5f00::1 0.0.0.0 192.0.0.192 100.100.100.200
    169.254.169.254 169.254.170.2 255.255.255.255 239.255.255.250 192.0.0.9 198.18.0.1
""".split()


def near(networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> st.SearchStrategy[int]:
    """Numbers inside these networks, at their edges, and just outside."""
    inside = [
        st.integers(int(network[0]) - 1, int(network[-1]) + 1).filter(lambda number: number >= 0)
        for network in networks
    ]
    edges = st.sampled_from(
        [int(network[end]) + step for network in networks for end in (0, -1) for step in (-1, 0, 1)]
    ).filter(lambda number: number >= 0)
    return st.one_of(edges, *inside)


FOURS = st.one_of(
    st.ip_addresses(v=4),
    near([network for network in NEVER if network.version == 4])
    .filter(lambda number: number < 2**32)
    .map(IPv4Address),
)
SIXES = st.one_of(
    st.ip_addresses(v=6),
    st.ip_addresses(v=6, network="2000::/3"),
    near([network for network in NEVER if network.version == 6])
    .filter(lambda number: number < 2**128)
    .map(IPv6Address),
)


def expected(address: Address) -> bool:
    """The rule as a sentence: what ipaddress calls global, minus the table."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if mapped is not None:
        return expected(mapped)
    return address.is_global and not any(address in network for network in NEVER)


@pytest.mark.parametrize("url", READ)
def test_a_good_url_is_taken_apart(url: str) -> None:
    assert read_url(url) == READ[url]


@pytest.mark.parametrize("what", BAD)
def test_a_url_that_needs_a_repair_is_not_read(what: str) -> None:
    with pytest.raises(BadUrl) as caught:
        read_url(BAD[what])
    assert str(caught.value) == ""


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://example.com/", "example.com"),
        ("https://example.com:443/", "example.com"),
        ("https://example.com:80/", "example.com:80"),
        ("http://example.com:80/", "example.com"),
        ("https://[2606:4700::1111]:8443/", "[2606:4700::1111]:8443"),
        ("http://8.8.8.8/", "8.8.8.8"),
    ],
)
def test_the_host_header_names_the_port_unless_it_is_the_schemes_own(
    url: str, authority: str
) -> None:
    assert read_url(url).authority == authority


def test_names_of_the_inside_are_read_only_when_asked_for() -> None:
    assert read_url("http://localhost:8080/", inside_too=True).host == "localhost"
    assert read_url("http://hook-catcher/x", inside_too=True).host == "hook-catcher"


@settings(deadline=None)
@given(st.text(), st.sampled_from(("", "https://", "http://a.example/", "https://[")))
def test_any_text_is_read_or_refused_and_nothing_else(text: str, start: str) -> None:
    try:
        target = read_url(start + text)
    except BadUrl:
        return
    assert target.host.isascii() and target.host == target.host.lower()
    assert target.path_and_query.startswith("/") and target.path_and_query.isprintable()


@settings(deadline=None)
@given(FOURS)
@example(IPv4Address("168.63.129.16"))
def test_an_ipv4_address_is_public_when_global_and_not_in_the_table(address: Address) -> None:
    assert is_public(address) == expected(address)


@settings(deadline=None)
@given(SIXES)
@example(IPv6Address("::"))
@example(IPv6Address("64:ff9b::808:808"))
def test_an_ipv6_address_is_public_when_global_and_not_in_the_table(address: Address) -> None:
    assert is_public(address) == expected(address)


@settings(deadline=None)
@given(FOURS)
def test_a_mapped_ipv4_address_is_judged_by_what_it_maps(address: Address) -> None:
    mapped = IPv6Address((0xFFFF << 32) | int(address))
    assert is_public(mapped) == is_public(address)
    assert is_private(mapped) == is_private(address)


@pytest.mark.parametrize(("first", "last"), RANGES)
def test_no_address_at_the_edges_of_a_denied_range_is_public(first: str, last: str) -> None:
    assert not is_public(ip_address(first)) and not is_public(ip_address(last))


@pytest.mark.parametrize("address", LEADS_INSIDE)
def test_no_known_way_inside_is_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 "
    "168.63.129.15 168.63.129.17 172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 192.169.0.0 "
    "223.255.255.255 2000:: 2001:200:: 2001:db7:ffff:: 2001:db9:: 2003:: 2606:4700::1111 "
    "3ffe:: ::ffff:8.8.8.8".split(),
)
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address)) and not is_private(ip_address(address))


@pytest.mark.parametrize("address", "169.254.169.254 fe80::1 0.0.0.0 224.0.0.1 ::".split())
def test_not_even_tests_may_call_what_is_neither_public_nor_private(address: str) -> None:
    assert not is_private(ip_address(address))


def test_a_private_address_is_never_public() -> None:
    for network in ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"):
        for address in (ip_network(network)[0], ip_network(network)[-1]):
            assert is_private(address) and not is_public(address)
