"""A long CSV file of members is read from disk in blocks, as a short one is read at once."""

import time
from io import BytesIO
from typing import Any

import pytest

from campaign.refusals import RefusalCode, Refused
from dialects.http.bodies import BadBody
from dialects.native import list_files, list_members
from store.accounts.mailing_lists import Lists
from tests.dialects.native.test_lists import call, import_csv, make
from tests.serving import Api

ROWS = [f"+1415555{1_000 + index},N{index}" for index in range(25)]


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_files, "BLOCK_ROWS", 10)
    monkeypatch.setattr(list_files, "BYTES_MAX", 100)


def test_blocks_have_the_header_and_whole_rows() -> None:
    rows = ['+14155551000,"two\nlines"', *ROWS[1:]]
    raw = "\n".join(["to,NAME", *rows]).encode()
    written = BytesIO()
    list_files.check(BytesIO(raw), written)
    pages = list(list_files.pages(written))
    assert [len(page) for page in pages] == [10, 10, 5]
    assert dict(pages[0][0].fields) == {"NAME": "two\nlines"}
    assert [one.number for page in pages for one in page] == [row.split(",")[0] for row in rows]


@pytest.mark.parametrize(
    "text",
    [
        "\r".join(["to,NAME", *ROWS]),
        "\r\n".join(["\ufeffto,NAME", *ROWS]),
        "\n".join(["sep=,", "to,NAME", *ROWS]),
        "\n".join(["", ",", "to,NAME", *ROWS]),
        "\n".join(["to,NAME", *ROWS, *(["", ",,"] * 20)]),
        "\n".join(["to,NAME", *ROWS[:9], *([","] * 40), *ROWS[9:]]),
    ],
)
def test_line_ends_blank_rows_and_named_separators_are_read_as_in_a_short_file(text: str) -> None:
    written = BytesIO()
    list_files.check(BytesIO(text.encode()), written)
    found = [one for page in list_files.pages(written) for one in page]
    assert [one.number for one in found] == [row.split(",")[0] for row in ROWS]
    assert [dict(one.fields) for one in found] == [{"NAME": row.split(",")[1]} for row in ROWS]


def test_a_quote_within_a_value_is_a_sign_of_it() -> None:
    written = BytesIO()
    list_files.check(BytesIO(b'to,NAME\n+14155551000,19" tv\n'), written)
    assert dict(next(list_files.pages(written))[0].fields) == {"NAME": '19" tv'}


def test_faults_of_every_block_have_their_lines_in_the_file() -> None:
    rows = list(ROWS)
    rows[3], rows[22] = "nobody,A", "nobody,B"
    with pytest.raises(Refused) as refused:
        list_files.check(BytesIO("\n".join(["to,NAME", *rows]).encode()), BytesIO())
    faults = refused.value.refusals
    assert [fault.code for fault in faults] == [RefusalCode.NUMBER_INVALID] * 2
    assert [fault.place for fault in faults] == ["line 5", "line 24"]


def test_of_many_faults_some_are_listed_and_that_there_are_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(list_files, "TABLE_FAULTS_MAX", 3)
    rows = [f"nobody,{index}" for index in range(25)]
    with pytest.raises(Refused) as refused:
        list_files.check(BytesIO("\n".join(["to,NAME", *rows]).encode()), BytesIO(), ("a note",))
    faults = refused.value.refusals
    assert [fault.place for fault in faults] == ["line 2", "line 3", "line 4", ""]
    assert faults[0].message.endswith("(a note)")
    assert faults[-1].message == "more faults are not listed"


@pytest.mark.parametrize("raw", [b'"' * 301, b"x" * 301, b"+14155551000,\xff\n" * 20, b"\n" * 30])
def test_what_is_no_table_is_refused_before_it_takes_memory(
    monkeypatch: pytest.MonkeyPatch, raw: bytes
) -> None:
    monkeypatch.setattr("spreadsheets.text_files.LINE_LENGTH_MAX", 200)
    with pytest.raises((BadBody, Refused)):
        list_files.check(BytesIO(b"to,NAME\n" + raw), BytesIO())


async def test_a_long_file_fills_a_list_and_comes_back_as_csv(api: Api) -> None:
    list_id = await make(api)
    filled = await import_csv(api, list_id, "\n".join(["to,NAME", *ROWS]))
    assert filled.status_code == 200, filled.text
    assert filled.json() == {"added": 25, "updated": 0, "members": 25}
    again = await import_csv(api, list_id, "\n".join(["to,NAME", *ROWS]))
    assert again.json() == {"added": 0, "updated": 25, "members": 25}
    file = await call(api, "GET", f"/{list_id}/members?bom=false", headers={"accept": "text/csv"})
    assert file.text.splitlines() == ["to,NAME", *ROWS]
    broken = await import_csv(api, list_id, "\n".join(["to,NAME", *ROWS, "nobody,A"]))
    assert broken.status_code == 400, broken.text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
async def test_a_file_of_many_short_rows_is_read_in_blocks_whatever_its_encoding(
    api: Api, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setattr(list_files, "BYTES_MAX", 16 * 1024 * 1024)
    monkeypatch.setattr(list_members, "CSV_MEMBERS_MAX", 20)
    list_id = await make(api)
    rows = [*ROWS[:-1], ROWS[-1] + " Müller"]
    filled = await import_csv(api, list_id, "\n".join(["to,NAME", *rows]).encode(encoding))
    assert filled.status_code == 200, filled.text
    assert {**filled.json(), "notes": None} == {
        "added": 25, "updated": 0, "members": 25, "notes": None
    }  # fmt: skip
    page = await call(api, "GET", f"/{list_id}/members?limit=25")
    assert page.json()["members"][-1]["fields"] == {"NAME": rows[-1].split(",")[1]}


async def test_a_file_of_many_cells_is_read_in_blocks_like_one_of_many_rows(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_files, "BYTES_MAX", 16 * 1024 * 1024)
    monkeypatch.setattr("spreadsheets.table.CELLS_MAX", 40)
    filled = await import_csv(api, await make(api), "\n".join(["to,NAME", *ROWS]))
    assert filled.json() == {"added": 25, "updated": 0, "members": 25}


async def test_a_file_beyond_the_limit_is_413_and_adds_nobody(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_files, "FILE_BYTES_MAX", 400)
    list_id = await make(api)
    answer = await import_csv(api, list_id, "\n".join(["to,NAME", *ROWS]))
    assert answer.status_code == 413 and "larger than 400 bytes" in answer.text
    listed = await call(api, "GET", f"/{list_id}/members")
    assert listed.json()["members"] == []


async def test_a_long_file_may_take_longer_than_a_request_as_long_as_it_progresses(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("starter.api.middleware.ANSWER_SECONDS_MAX", 2.0)
    list_id = await make(api)
    add = Lists.add

    def add_slowly(*arguments: Any) -> Any:
        time.sleep(1.0)
        return add(*arguments)

    monkeypatch.setattr(Lists, "add", add_slowly)
    filled = await import_csv(api, list_id, "\n".join(["to,NAME", *ROWS]))
    assert filled.status_code == 200, filled.text
    assert filled.json() == {"added": 25, "updated": 0, "members": 25}
