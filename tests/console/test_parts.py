"""Bars, charts, words and uploads, without a store."""

import pytest

from campaign.instants import SECOND
from campaign.ports import Tally
from campaign.states import CampaignStatus, MessageStatus
from campaign.timeline import TimelinePoint
from console import charts, drafts, words
from console.rendering import ahead, number, numbers, share, when
from console.uploads import FIELDS_MAX, parse_upload
from dialects.http.bodies import BadBody
from store.clock import wall_clock

BOUNDARY = b"multipart/form-data; boundary=x"


def part(name: str, content: bytes, file: str | None = None) -> bytes:
    named = f'; filename="{file}"' if file is not None else ""
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def test_a_bar_is_as_wide_as_it_may_be_and_shows_every_part() -> None:
    parts = charts.bar(Tally(total=1_000_000, delivered=999_998, failed=1, queued=1))
    assert [one.name for one in parts] == ["delivered", "failed", "waiting"]
    assert min(one.width for one in parts) > 5
    assert sum(one.width for one in parts) == pytest.approx(charts.BAR_WIDTH, abs=1)
    assert charts.bar(Tally()) == []


def test_a_chart_rises_to_what_was_sent_and_ends_its_lines_at_the_present() -> None:
    start = wall_clock() - 10 * SECOND
    points = [TimelinePoint(start + n * SECOND, 5, 5 if n < 10 else 0, 4, 1) for n in range(100)]
    chart = charts.chart(points)
    assert chart is not None and chart.most == 500
    assert chart.planned.endswith("1000.0,0.0") and not chart.sent.endswith("1000.0,0.0")
    assert chart.now is not None and 50 < chart.now < 200
    # Nothing is drawn of what is yet to come.
    assert float(chart.sent.split()[-1].partition(",")[0]) <= chart.now + 1
    assert chart.rows[-1].delivered == 400 and len(chart.rows) <= charts.ROWS_MAX + 2
    assert charts.area(chart.sent).startswith("0.0,240 0.0,240.0 ")
    assert charts.chart(points[:1]) is None and charts.area("") == ""


def test_every_state_and_permission_has_words() -> None:
    assert set(words.CAMPAIGN_STATES) == set(words.CAMPAIGN_FILTERS) == set(CampaignStatus)
    assert set(words.MESSAGE_STATES) == set(MessageStatus)
    assert words.reason("brand_new_code") == "The network says: brand new code."
    assert words.fault("is no number") == "It is no number."
    assert words.fault("the number is missing") == "The number is missing."
    assert words.sentence("no end; is a quote open?") == "No end; is a quote open?"
    assert words.bad_body(BadBody("it is cut")).advice == "It is cut."
    assert words.bad_body(BadBody("the body is larger than 9 bytes", 413)) == words.TOO_LARGE


def test_numbers_shares_and_times_are_readable() -> None:
    assert number(12_345) == '<data value="12345">12,345</data>'
    assert [share(*pair) for pair in ((0, 9), (1, 1_000), (999, 1_000), (9, 9), (0, 0))] == [
        "0 %", "1 %", "99 %", "100 %", "0 %",
    ]  # fmt: skip
    assert "today" in when(wall_clock()) and when(None) == ""
    assert numbers("<1,234> of 12,345,678, 12,34 and 99") == (
        f"&lt;{number(1_234)}&gt; of {number(12_345_678)}, 12,34 and 99"
    )
    assert ahead(wall_clock()) == "in less than a minute"
    assert ahead(wall_clock() + 25 * 60 * SECOND + SECOND) == "in about 25 min"


def test_a_form_with_a_file_is_read_with_its_bytes_as_they_are() -> None:
    raw = part("token", b"t") + part("file", b"a\r\n\x00\xff--x", "l\xc3\xad.csv") + b"--x--\r\n"
    upload = parse_upload(raw, BOUNDARY)
    assert (upload.fields, upload.content) == ({"token": "t"}, b"a\r\n\x00\xff--x")


@pytest.mark.parametrize(
    "raw",
    [
        part("a", b"1") + part("a", b"2") + b"--x--",
        part("a", b"\x00") + b"--x--",
        part("a", b"\xff") + b"--x--",
        part("f", b"1", "a.csv") + part("g", b"2", "b.csv") + b"--x--",
        b"".join(part(f"f{n}", b"") for n in range(FIELDS_MAX + 1)) + b"--x--",
        b"nonsense",
        b"--x\r\nContent-Disposition form-data\r\n\r\n",
    ],
)
def test_a_malformed_form_is_refused(raw: bytes) -> None:
    with pytest.raises(BadBody):
        parse_upload(raw, BOUNDARY)


def test_numbers_alone_get_their_header_and_a_table_keeps_its_own() -> None:
    assert drafts.table_in_columns(" +14155550101\n+1") == "to\n+14155550101\n+1"
    assert drafts.table_in_columns("Phone,Name\n1,2") == "Phone,Name\n1,2"


def test_the_count_names_the_characters_that_make_a_text_longer() -> None:
    count = drafts.count("“Zoë” " * 12)
    assert set(count.culprits) == {"“", "”", "ë"} and count.segments.encoding == "ucs2"
    assert count.plain.startswith('"Zoë"') and not count.is_longer
    assert drafts.likely_country("+442079460000") == "GB" and drafts.likely_country("SHOP") == ""
