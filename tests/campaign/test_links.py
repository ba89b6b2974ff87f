"""Short links: the addresses of a text, which of them may be led to, and what replaces them."""

import itertools

import pytest

from campaign.links import Shortener, find_urls, make_code, target_of

BASE = "https://go.example/s"


def shorten(text: str) -> tuple[str, list[str]]:
    """A text with links in it, and where they lead."""
    numbers = itertools.count(1)
    shortener = Shortener(BASE, lambda: f"c{next(numbers)}")
    return shortener.shorten(text, "msg_1"), [link.url for link in shortener.links]


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com/a?b=c#d", "https://example.com/a?b=c#d"),
        ("http://example.com", "http://example.com"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://example.com/%2e%2e", "https://example.com/%2e%2e"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("ftp://example.com/", None),
        ("//example.com/", None),
        ("/inside", None),
        ("https:///path", None),
        ("https://user@example.com/", None),
        ("https://example.com@evil.example/", None),
        ("https://example.com/\r\nX: 1", None),
        ("https://go.example/s/abc", None),
        ("https://GO.example./s/abc", None),
    ],
)
def test_only_plain_http_and_https_addresses_are_led_to(url: str, target: str | None) -> None:
    assert target_of(url, "go.example") == target


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See https://a.example/x, or (http://b.example/y).", 2),
        ("HTTPS://A.EXAMPLE", 1),
        ("https:// and http://", 0),
        ("ftp://a.example xhttps://b.example www.c.example", 0),
    ],
)
def test_the_addresses_of_a_text_are_found_without_its_punctuation(text: str, found: int) -> None:
    spans = [text[start:end] for start, end in find_urls(text)]
    assert len(spans) == found
    assert not any(span.endswith((",", ".", ")")) for span in spans)


@pytest.mark.parametrize(
    ("before", "url", "after"),
    [
        ("“", "https://a.example/a", "”"),
        ("«", "https://a.example/a", "»"),
        ("‹", "https://a.example/a", "›"),
        ("„", "https://a.example/a", "“"),
        ("‘", "https://a.example/a", "’"),
        ("「", "https://a.example/a", "」"),
        ("（", "https://a.example/a", "）"),
        ("", "https://a.example/a", "—thanks"),
        ("", "https://a.example/a", "–thanks"),
        ("", "https://a.example/a", "。次の文"),
        ("Issue：", "https://a.example/477", "，涵盖了"),
        ("", "https://a.example/a", "！"),
        ("", "https://a.example/a", "؟"),
        ("", "https://a.example/a", "।"),
        ("", "https://a.example/a", "…"),
        ("", "https://a.example/a", "→ go"),
        ("", "https://a.example/a", "€"),
        ("", "https://a.example/a", "\u200bnext"),
        ("", "https://a.example/sale", "🔥hurry"),
        ("", "https://a.example", "❤️"),
        ("(", "https://a.example/a", "), ok"),
        ("", "https://a.example/r/Ab3_", " ok"),
        ("", "https://a.example/~ann~", ""),
        ("", "https://a.example/r/Ab3*", "."),
        ("", "https://a.example/путь/مرحبا", "، ok"),
        ("", "https://a.example/नमस्ते", "।"),
        ("", "https://a.example/paral·lel", "."),
    ],
)
def test_an_address_ends_where_the_sentence_goes_on(before: str, url: str, after: str) -> None:
    text = before + url + after
    assert [text[start:end] for start, end in find_urls(text)] == [url]
    assert shorten(text)[0] == f"{before}{BASE}/c1{after}"


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("straße.example", "xn--strae-oqa.example"),
        ("STRAẞE.example", "xn--strae-oqa.example"),
        ("βόλος.example", "xn--nxasmm1c.example"),
        ("☃.example", "xn--n3h.example"),
        ("i❤️.example", "xn--i-7iq.example"),
        ("EXÄMPLE.example", "xn--exmple-cua.example"),
        ("www.例え.example", "www.xn--r8jz45g.example"),
    ],
)
def test_a_name_beyond_ascii_is_written_as_browsers_write_it(host: str, written: str) -> None:
    assert target_of(f"https://{host}/x") == f"https://{written}/x"


def test_one_address_twice_in_a_message_is_one_link() -> None:
    text = "https://a.example/1 https://b.example/2, https://a.example/1"
    assert shorten(text) == (
        f"{BASE}/c1 {BASE}/c2, {BASE}/c1",
        ["https://a.example/1", "https://b.example/2"],
    )


@pytest.mark.parametrize(
    "text", ["ftp://a.example/", "https://u@a.example/", f"{BASE}/abc", "javascript:alert(1)", ""]
)
def test_what_is_no_plain_address_stays_as_it_is(text: str) -> None:
    assert shorten(text) == (text, [])


def test_a_code_has_ten_letters_and_digits_of_sixteen_random_bytes() -> None:
    assert make_code(bytes(16)) == "0" * 10
    assert make_code(b"\xff" * 16).isalnum() and len(make_code(b"\xff" * 16)) == 10
    with pytest.raises(ValueError):
        make_code(b"short")
