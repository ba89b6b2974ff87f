"""Where an outbound call may lead: which URLs are read at all, and which addresses are public.

A URL is taken as it stands or refused. Browsers repair odd hosts (``127.1``, ``①②⑦.⓪.⓪.①``,
a backslash for a slash); whatever needs a repair here has more than one meaning.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import idna

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Denied on top of what ipaddress calls not global; of some of these its opinion changed with
# the version of Python.
NEVER_PUBLIC: tuple[Network, ...] = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # "this host": Linux connects it to itself
            "100.64.0.0/10",  # shared by carriers; a cloud keeps its metadata at 100.100.100.200
            "168.63.129.16/32",  # the inside of a cloud, behind an address that looks public
            "192.0.0.0/24",  # protocol assignments; a cloud keeps its metadata at 192.0.0.192
            "192.88.99.0/24",  # relays to 6to4
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
            # Only 2000::/3 was ever given out. Outside are ::a.b.c.d and NAT64 (64:ff9b::/96,
            # 64:ff9b:1::/48), which lead to IPv4, and segment routing (5f00::/16) ...
            "::/3",
            "4000::/2",
            # ... and private (fc00::/7), link-local (fe80::/10), site-local (fec0::/10) and
            # multicast (ff00::/8) addresses.
            "8000::/1",
            "2001::/23",  # protocol assignments, among them Teredo, which leads to IPv4
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which leads to IPv4
            "3fff::/20",  # documentation
        ),
    )
)
# What ``allow_private`` adds. Link-local stays out: there is nothing there but metadata.
PRIVATE: tuple[Network, ...] = tuple(
    map(
        ip_network,
        ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"),
    )
)
# Last labels that no public name has; asking for one would only tell a resolver our secrets.
_INSIDE = frozenset(
    "alt arpa corp home internal intranet invalid lan local localdomain localhost onion private "
    "test".split()
)

LOCALHOST = "localhost"
URL_LENGTH_MAX = 2048
PORTS = (443, 80)
_PORTS = {"http": 80, "https": 443}
_URL = re.compile(
    r"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://"
    r"(?:\[(?P<six>[0-9a-f:]+)\]|(?P<name>[^\x00-\x20\x7f/?#@:\[\]\\]+))"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<target>(?:[/?](?:[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)?)"
    r"(?:#[!-~]*)?"
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class BadUrl(ValueError):
    """A URL that is not read; says nothing of why, since its author may be probing."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart: ``host`` is an ASCII name in lower case, or an address as ``literal``."""

    scheme: str
    host: str
    port: int
    path_and_query: str
    literal: Address | None = None

    @property
    def authority(self) -> str:
        """The value of the Host header: the port is there unless it is the scheme's own."""
        host = f"[{self.host}]" if isinstance(self.literal, IPv6Address) else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the URL itself says this machine: ``localhost``, or a loopback address."""
        return self.host == LOCALHOST or (
            self.literal is not None and unmapped(self.literal).is_loopback
        )


def read_url(url: str, inside_too: bool = False, loopback_too: bool = False) -> Target:
    """Take a URL apart, strictly; raises BadUrl.

    Refused are: schemes but http and https, user information, hosts that are neither plain DNS
    names nor addresses in their one canonical form, names that no public host has (unless
    ``inside_too``; ``loopback_too`` permits ``localhost`` alone), and characters that a URL must
    escape. The fragment is dropped.
    """
    match = _URL.fullmatch(url) if len(url) <= URL_LENGTH_MAX else None
    if match is None:
        raise BadUrl
    scheme = match["scheme"].lower()
    port = int(match["port"] or _PORTS[scheme])
    if port > 65535:
        raise BadUrl
    path_and_query = match["target"] if match["target"][:1] == "/" else "/" + match["target"]
    literal: Address | None = None
    if match["six"] is not None:
        host = match["six"]
        literal = _canonical(IPv6Address, host)
    else:
        host = _read_name(match["name"])
        if _NUMBER.fullmatch(host.rpartition(".")[2]):
            literal = _canonical(IPv4Address, host)
        elif not inside_too and ("." not in host or host.rpartition(".")[2] in _INSIDE):
            if not (loopback_too and host == LOCALHOST):
                raise BadUrl
    return Target(scheme, host, port, path_and_query, literal)


def read_callable(
    url: str,
    private_too: bool = False,
    loopback_too: bool = False,
    ports: Collection[int] = PORTS,
) -> Target:
    """Take apart a URL with one of ``ports``; raises BadUrl.

    ``private_too`` permits hosts of every kind, ``loopback_too`` this machine; both with any port.
    Whether an address may be called is not looked at.
    """
    target = read_url(url, private_too, loopback_too)
    is_free = private_too or (loopback_too and target.is_loopback)
    if not is_free and target.port not in ports:
        raise BadUrl
    return target


def is_callable(
    url: str,
    private_too: bool = False,
    loopback_too: bool = False,
    ports: Collection[int] = PORTS,
) -> bool:
    """Whether a URL may be called, as far as its text tells: as ``read_callable``, and addresses.

    An address must be public; ``private_too`` permits private and loopback ones, ``loopback_too``
    those of this machine.
    """
    try:
        target = read_callable(url, private_too, loopback_too, ports)
    except BadUrl:
        return False
    return target.literal is None or may_call(target.literal, private_too, loopback_too)


def leads_inside(url: str, private_too: bool = False) -> bool:
    """Whether the text of a URL says that it leads to no public host.

    True also for a URL that ``read_url`` refuses. With ``private_too``, private hosts are public.
    """
    try:
        literal = read_url(url, private_too).literal
    except BadUrl:
        return True
    return literal is not None and not may_call(literal, private_too)


def _read_name(name: str) -> str:
    try:
        # Label by label: idna takes other full stops than "." for separators, too. ASCII alone
        # is put in lower case; lower() would turn a Kelvin sign into a k.
        labels = [
            label.lower() if label.isascii() else idna.alabel(label).decode()
            for label in name.split(".")
        ]
        for label in labels:
            if label.startswith("xn--"):
                idna.ulabel(label)
    except UnicodeError:
        raise BadUrl from None
    host = ".".join(labels)
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise BadUrl
    return host


def _canonical(kind: type[IPv4Address] | type[IPv6Address], text: str) -> Address:
    try:
        address = kind(text)
    except ValueError:
        raise BadUrl from None
    if str(address) != text:
        raise BadUrl
    return address


def unmapped(address: Address) -> Address:
    """An IPv4 address that came as ``::ffff:a.b.c.d`` as what it is; any other unchanged."""
    return getattr(address, "ipv4_mapped", None) or address


def is_public(address: Address) -> bool:
    """Whether an address belongs to the open internet, judged by what it leads to."""
    address = unmapped(address)
    return address.is_global and not _within(address, NEVER_PUBLIC)


def is_private(address: Address) -> bool:
    """Whether an address is a loopback or a private one, which tests may call."""
    return _within(unmapped(address), PRIVATE)


def may_call(address: Address, private_too: bool = False, loopback_too: bool = False) -> bool:
    """Whether an address is public, private if ``private_too``, or loopback if ``loopback_too``."""
    address = unmapped(address)
    is_allowed = is_public(address) or (private_too and is_private(address))
    return is_allowed or (loopback_too and address.is_loopback)


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    # An address is never in a network of the other version.
    return any(address in network for network in networks)
