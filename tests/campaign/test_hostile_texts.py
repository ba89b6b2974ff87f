"""Hostile texts cost time in proportion to their length: in links, words, numbers and templates."""

import time
from collections.abc import Callable
from statistics import median

import pytest

from campaign import phone
from campaign.links import Shortener, has_urls
from campaign.phone import OfflineLookup, canonical_number, is_e164, sender_kind
from campaign.rules import phishing, shaft
from campaign.rules.media import is_web_address
from campaign.rules.opt_outs import read_keyword
from campaign.text import bad_character, fill, plain, segment, unmasked

SHORT, LONG = 25_000, 100_000
# Four times the length: four times the time, and sixteen times where it grows with the square.
RATIO_MAX = 8.0
TRIES = 5
# What takes less is too short to measure, and done several times over.
MEASURABLE_SECONDS = 0.004

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
FRAMES = [("", ""), ("kill ", "x"), ("https://", "é"), ("{{", "}"), ("never share ", ".")]

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
CACHES = [plain, unmasked, segment, phone._facts, phone._without_trunk] + [
    phishing._imitates,
    phishing._is_trusted,
    phishing._is_shady,
]


def seconds(read: Callable[[str], object], hostile: str, times: int) -> float:
    """How long it takes to read a text so many times, with nothing remembered."""
    began = time.process_time()
    for _ in range(times):
        for cache in CACHES:
            cache.cache_clear()
        read(hostile)
    return time.process_time() - began


def growth(read: Callable[[str], object], make: Callable[[int], str]) -> float:
    """How many times as long a text takes that is four times as long."""
    short, long = make(SHORT), make(LONG)
    times = 1
    while (first := seconds(read, short, times)) < MEASURABLE_SECONDS:
        times *= 4
    ratio = seconds(read, long, times) / first
    if ratio < RATIO_MAX:
        return ratio
    # Another process may have been in the way; the median of several says whether it was.
    return median(seconds(read, long, times) / seconds(read, short, times) for _ in range(TRIES))


@pytest.mark.parametrize("reader", READERS)
def test_reading_a_hostile_text_takes_time_in_proportion_to_its_length(reader: str) -> None:
    faults = {}
    for piece in PIECES:
        for before, after in FRAMES if len(piece) > 1 else FRAMES[:1]:
            ratio = growth(
                READERS[reader],
                lambda length, p=piece, b=before, a=after: (  # type: ignore[misc]
                    b + (p * length)[:length] + a
                ),
            )
            if ratio >= RATIO_MAX:
                faults[before + piece + after] = ratio
    assert faults == {}
