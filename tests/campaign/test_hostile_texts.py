"""Hostile texts cost time in proportion to their length: in links, words, numbers and templates."""

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import pytest

from campaign import phone
from campaign.keyword_reading import read_keyword
from campaign.links import Shortener, has_urls
from campaign.phone import OfflineLookup, canonical_number, is_e164, sender_kind
from campaign.rules import phishing, shaft
from campaign.templates import fill
from campaign.text import bad_character, plain, segment, unmasked
from campaign.text_cache import TextCache
from campaign.web_addresses import is_web_address

# Traced, it would take minutes, and tell the time of tracing.
pytestmark = pytest.mark.no_cover

SHORT, LONG = 25_000, 100_000
# Four times the length: four times the time, and sixteen times where it grows with the square.
RATIO_MAX = 8.0
TRIES = 5
# What takes less for the long text is too short to measure, and to matter.
MEASURABLE_SECONDS = 0.02

# What is repeated: pieces that make a pattern begin again and again, and fail late.
PIECES = [
    *"a1 .-_@$!({[<\"'+0#/:%é\u0301\u0430\u200b\ufdfa\U0001f600\r\n\t",
    *("a ", "a.", "a-", "a_", "a@", "a1", "a!", "1 ", "1.", "$1", "00", "+1", "(0) ", "- "),
    *("s3x ", "p o r n ", "p.o.r.n ", "p_o_r_n_", "саrd ", "а1", "@$", "l33t"),
    *("http", "http://", "https://a", "https://a.b/", "(https://a.b)", "https://a.b).", "//"),
    *("a.a.a.a.a.a.a.a.a ", "xn--", "xn--a.", "1.1.1.1", "[.]", "(dot) ", " [dot]", "a [.] "),
    *("{{", "{{ ", "{{a", "{{a }", "{{a}}", "}}", "{ {", "\\{"),
    *("\u0301\u0316", "\u0f73", "a\u0301\u0316", "\u0344", "\u0f71\u0f72"),
    *("not ", "never ", "not a ", "never share ", "do not give your ", "no no "),
    *("kill ", "kill all the ", "all the ", "those ", "those these ", "hate all those the "),
    *("jews are all ", "are a an ", "white ", "stop the white ", "no more "),
    *("free ", "buy a ", "1% ", "0% ", "1 for ", "wine ", "wine bar ", "non alcoholic ", "9 mm "),
    *("reply with your ", "text us ", "share your pin ", "give me the ", "mum ", "mum new phone "),
    *("hr add a b c ", "call 1234567 ", "call -------", "warrant ", "verify your a ", "tax "),
    *("account a b c d ", "account will be ", "within the next 1", "gift cards ", "buy gift "),
    *("paypal", "paypal-", "paypal.", "paypal.com ", "https://paypal.a.", "login-verify-"),
]
# What stands once before or after it: an opening that is never closed, an end that spoils all.
AROUND = [("", ""), ("kill {{", "x"), ("https://", "é.")]

READERS: dict[str, Callable[[str], object]] = {
    "find links": has_urls,
    "shorten links": lambda hostile: Shortener("https://s.example", lambda: "c").shorten(
        hostile, "msg_1"
    ),
    "read an address": is_web_address,
    "SHAFT words": shaft.classify,
    "phishing words": phishing.classify,
    "fold": plain,
    "unmask": unmasked,
    "count segments": segment,
    "look for bad characters": bad_character,
    "fill in a template": lambda hostile: fill(hostile, {"a": "b"}),
    "fill in a value": lambda hostile: fill("{{a}}", {"a": hostile}),
    "read a number": canonical_number,
    "judge a number": is_e164,
    "judge a sender": sender_kind,
    "look a number up": OfflineLookup().look_up,
    "read a stop word": read_keyword,
}
CACHES: list[TextCache[Any]] = [
    plain,
    unmasked,
    segment,
    sender_kind,
    phone._reading,
    phishing._imitates,
    phishing._is_trusted,
    phishing._is_shady,
]


def seconds(read: Callable[[str], object], hostile: str) -> float:
    """How long it takes to read a text, with nothing remembered."""
    for cache in CACHES:
        cache.cache_clear()
    began = time.process_time()
    read(hostile)
    return time.process_time() - began


def growth(read: Callable[[str], object], make: Callable[[int], str]) -> float:
    """How many times as long a text takes that is four times as long."""
    short, long = make(SHORT), make(LONG)
    longer = seconds(read, long)
    if longer < MEASURABLE_SECONDS:
        return 1.0
    ratio = longer / seconds(read, short)
    if ratio < RATIO_MAX:
        return ratio
    # Another process may be in the way of one measurement; it is not in the way of most.
    return median(seconds(read, long) / seconds(read, short) for _ in range(TRIES))


def hostile_texts() -> Iterator[Callable[[int], str]]:
    """ApiContext to make a text of about any length."""

    def maker(before: str, piece: str, after: str) -> Callable[[int], str]:
        return lambda length: before + (piece * length)[:length] + after

    for piece in PIECES:
        for before, after in AROUND if len(piece) > 3 else AROUND[:1]:
            yield maker(before, piece, after)


@pytest.mark.parametrize("reader", READERS)
def test_reading_a_hostile_text_takes_time_in_proportion_to_its_length(reader: str) -> None:
    faults = {}
    for make in hostile_texts():
        ratio = growth(READERS[reader], make)
        if ratio >= RATIO_MAX:
            faults[make(20)] = ratio
    assert faults == {}


@pytest.mark.parametrize("words", ["those ", "all the "])
def test_words_that_can_be_read_two_ways_do_not_double_the_time_each(words: str) -> None:
    # Thirty of them took minutes once.
    assert shaft.classify("we hate " + words * 200 + "rain") is None
