"""Names are one line of plain text, and Markdown shows them as they are."""

import re
import string

import pytest

from campaign.names import escape_markdown, is_one_line, one_line
from campaign.states import CampaignStatus
from workflows.records import CampaignState
from workflows.visibility import details

PUNCTUATION = re.escape(string.punctuation)
MARKUP = [
    "# Sale",
    "Sale\n\n![x](https://evil.example/pixel.png)",
    "[Sale](javascript:alert(1))",
    "<img src=https://evil.example/x>",
    "**bold** __bold__ ~~gone~~ `code`",
    "| a | b |",
    "https://evil.example www.evil.example me@evil.example",
    "back\\slash &amp; \u2028 \x1b[2J",
]


@pytest.mark.parametrize("name", ["Sale", "Été à Köln", "50 % off! (today)", "شتاء", "👩‍👩‍👧 Sale"])
def test_a_plain_name_is_one_line_and_stays_as_it_is(name: str) -> None:
    assert is_one_line(name) and one_line(name) == name


@pytest.mark.parametrize(
    "name",
    ["a\nb", "a\r\nb", "a\tb", "a\x1bb", "a\x85b", "a\u2028b", "a\u2029b", "a\u202eb", "a\ufffeb"],
)
def test_line_ends_controls_and_overrides_are_not_of_a_name(name: str) -> None:
    assert not is_one_line(name)
    assert one_line(name) == "a b"


@pytest.mark.parametrize("name", MARKUP)
def test_the_web_ui_shows_markup_in_a_name_as_text(name: str) -> None:
    escaped = escape_markdown(name)
    assert is_one_line(escaped)
    # Unescaped, it is the name again, and no mark of Markdown's stands without its backslash.
    assert re.sub(rf"\\([{PUNCTUATION}])", r"\1", escaped) == one_line(name)
    bare = re.sub(rf"\\[{PUNCTUATION}]", "", escaped)
    assert not set(bare) & set("`*_[]<>#|~!&@\\")
    assert "://" not in escaped and "www." not in escaped
    title, *_ = details(name, CampaignState(status=CampaignStatus.RUNNING)).splitlines()
    assert title == f"### {escaped}"


def test_every_escaped_mark_is_one_that_commonmark_escapes() -> None:
    for mark in re.findall(r"\\(.)", escape_markdown(string.printable + " a:/ www.")):
        assert mark in string.punctuation
