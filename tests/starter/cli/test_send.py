"""``godwit send`` with files as people have them: lines, rejects, keys and confirmation."""

import csv
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest

from campaign.refusals import Refused
from starter.cli.context import CommandError
from starter.cli.send_file import FileOptions, load
from tests.conftest import Story
from tests.spreadsheets.making import workbook
from tests.starter.cli.conftest import CommandLine
from tests.starter.cli.test_orders import reaches, story

__all__ = ["story"]

HEADER = "Phone;First Name;text\r\n"
SOUND = "(212) 555-0123;Ann;\r\n"
DIRTY = HEADER + SOUND + "\r\n0800;Bob;\r\n+447911123457;Eve;x\u202ey\r\n;#N/A;\r\n"
OPTIONS = ("--text", "Hi {{first name}}", "--country", "us", "--column", "to=phone")


def options(**head: Any) -> FileOptions:
    return FileOptions(head=head, country="US", columns={})


def key(path: Path, content: str | bytes, options: FileOptions) -> Any:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load(path, options).key


def test_every_fault_is_printed_with_its_line_column_and_value(godwit: CommandLine) -> None:
    result = godwit("send", godwit.file("people.csv", DIRTY), *OPTIONS)
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == [
        "godwit: line 4, column Phone: '0800' is no phone number (number_invalid)",
        "godwit: line 5, column text: 'x\ufffdy' has the character U+202E, which is not allowed "
        "(characters_invalid)",
        "godwit: line 6, column Phone: the number is missing (field_missing)",
        "godwit: line 6, column First Name: '#N/A' is the error of a formula (field_invalid)",
    ]
    assert godwit("list", "--json").json == []


def test_rows_with_faults_are_left_out_and_written_to_the_rejects(godwit: CommandLine) -> None:
    file = godwit.file("people.csv", DIRTY)
    rejects = godwit.directory / "rejects.csv"
    words = (*OPTIONS, "--skip-invalid", "--rejects", str(rejects), "--dry-run", "--json")
    result = godwit("send", file, *words)
    assert result.json["toSend"] == 1
    assert result.err == f"godwit: 3 of 4 rows are left out; see {rejects}\n"
    with rejects.open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["line"], row["column"], row["value"], row["Phone"]) for row in rows] == [
        ("4", "Phone", "0800", "0800"),
        ("5", "text", "x\u202ey", "+447911123457"),
        ("6", "Phone", "", ""),
    ]
    assert godwit("send", file, *OPTIONS, "--rejects", file).fault.startswith("--rejects names")
    assert Path(file).read_bytes() == DIRTY.encode()


def test_what_only_composing_finds_is_a_fault_of_its_row(godwit: CommandLine) -> None:
    lines = (
        "to,text,idempotencyKey,scheduleDateTime,mediaUrl\n"
        "+14155551000,Hi,,,\n"
        "+14155551001,Hi,not a key,,\n"
        "+14155551002,Hi,,soon,\n"
        "+18005559876,Hi,,,\n"
        f"+14155551003,{'x' * 1_601},,,\n"
        "+14155551004,{{NAME}},,,\n"
        "+14155551005,,,,\n"
    )
    file = godwit.file("people.csv", lines)
    result = godwit("send", file, "--dry-run")
    assert result.code == 1
    assert [line.split(": ")[1] for line in result.err.splitlines()] == [
        "line 3, column idempotencyKey",
        "line 4, column scheduleDateTime",
        "line 5, column to",
        "line 6, column text",
        "line 7",
        "line 7, column text",
        "line 8, column text",
    ]
    assert godwit("send", file, "--dry-run", "--skip-invalid", "--json").json["toSend"] == 1


def test_a_text_with_a_tag_that_no_column_has_is_one_fault(godwit: CommandLine) -> None:
    file = godwit.file("people.csv", "to,name\n+14155551000,Ann\n+14155551001,Bob\n")
    for more in ((), ("--skip-invalid",)):
        fault = godwit("send", file, "--text", "Hi {{NAME}} of {{CITY}}", "--dry-run", *more).fault
        assert fault.startswith("line 1, column CITY: the text uses {{CITY}}")


def test_words_of_the_command_line_are_checked(godwit: CommandLine) -> None:
    file = godwit.file("people.csv", "to,text\n+14155551000,Hi\n")
    for words in (("--country", "UK"), ("--column", "phone"), ("--column", "to=")):
        assert godwit("send", file, *words).code == 2
    assert "'nobody'" in godwit("send", file, "--column", "to=nobody").fault
    json_file = godwit.file("a.json", {"recipients": [{"to": "+14155551000", "text": "x"}]})
    assert "--column" in godwit("send", json_file, "--column", "to=phone").fault
    assert "spreadHours" in godwit("send", file, "--spread-hours", "999", "--dry-run").fault
    assert "scheduleDateTime" in godwit("send", file, "--start", "soon", "--dry-run").fault


def test_options_override_the_file_and_numbers_in_json_have_a_country(
    godwit: CommandLine,
) -> None:
    people = [{"to": "(212) 555-0123"}, {"to": "0800"}]
    file = godwit.file("a.json", {"recipients": people, "text": "{{X}}", "sender": "nobody"})
    words = ("--text", "Hi", "--sender", "+18005559876", "--country", "US", "--dry-run", "--json")
    assert godwit("send", file, *words).fault.startswith("recipients[1].to: ")
    preview = godwit("send", file, *words, "--skip-invalid").json
    assert (preview["toSend"], preview["refusals"]) == (1, [])


def test_standard_input_is_json_or_a_table_by_its_first_bytes(godwit: CommandLine) -> None:
    sheet = workbook([["Phone", "NAME"], [12125550123, "Ann"]])
    for content in (
        b"to\ttext\n+14155551000\tHi\n",
        b' {"recipients": [{"to": "+14155551000", "text": "Hi"}]}',
        sheet,
    ):
        ran = subprocess.run(
            godwit._command("send", "-", "--text", "Hi", "--dry-run", "--json"),
            input=content,
            env=godwit.environment,
            capture_output=True,
            timeout=60,
        )
        assert ran.returncode == 0, ran.stderr
        assert b'"toSend": 1' in ran.stdout


def test_the_key_comes_from_the_content_and_from_nothing_else(tmp_path: Path) -> None:
    text = "to,NAME\n+14155551000,Ann\n"
    first = key(tmp_path / "a.csv", text, options(text="Hi"))
    assert first.startswith("content:") and len(first) <= 100
    same = [
        key(tmp_path / "b.csv", text, options(text="Hi")),
        key(tmp_path / "c.csv", "\ufeff" + text.replace("\n", "\r\n\r\n"), options(text="Hi")),
        key(tmp_path / "d.tsv", text.replace(",", "\t").encode("utf-16"), options(text="Hi")),
        key(
            tmp_path / "e.csv",
            text,
            options(text="Hi", name="x", scheduleDateTime="2030-01-01T00:00", spreadHours=2),
        ),
    ]
    assert set(same) == {first}
    other = [
        key(tmp_path / "f.csv", text, options(text="Hello")),
        key(tmp_path / "g.csv", text.replace("Ann", "Bob"), options(text="Hi")),
        key(tmp_path / "h.csv", text, options(text="Hi", sender="+18005559876")),
        key(tmp_path / "i.csv", text, FileOptions(head={"text": "Hi"}, again=True)),
        key(tmp_path / "j.csv", text, FileOptions(head={"text": "Hi"}, again=True)),
    ]
    assert len({first, *other}) == 6


def test_the_same_people_in_a_workbook_saved_again_have_the_same_key(tmp_path: Path) -> None:
    rows = [["to", "NAME"], ["+14155551000", "Ann"]]
    keys = {
        key(tmp_path / f"{index}.xlsx", workbook(rows, *[[]] * index), options())
        for index in (0, 1)
    }
    assert len(keys) == 1


def test_a_key_in_json_stays_unless_the_campaign_is_sent_again(tmp_path: Path) -> None:
    text = '{"idempotencyKey": "mine", "recipients": [{"to": "+14155551000", "text": "x"}]}'
    assert key(tmp_path / "a.json", text, options()) == "mine"
    assert key(tmp_path / "a.json", text, FileOptions(again=True)) != "mine"


@pytest.mark.parametrize("content", ["[]", "7", '{"recipients": {}}'])
def test_json_that_is_no_campaign_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(Refused):
        key(tmp_path / "a.json", content, options())
    with pytest.raises(CommandError):
        key(tmp_path / "a.csv", content, options())


async def test_the_same_file_twice_is_one_campaign_and_says_so(
    godwit: CommandLine, story: Story
) -> None:
    file = godwit.file("people.csv", "to,text\n+14155551000,Hi\n")
    first = await godwit.beside("send", file, "--json")
    await reaches(godwit, story.store, first.json["id"], "finished")
    second = await godwit.beside("send", file, "--name", "other", "--wait")
    assert second.code == 0 and first.json["id"] in second.out
    assert "nothing more is sent (--again" in second.out
    assert len(story.carrier.log) == 1
    third = await godwit.beside("send", file, "--again", "--wait")
    assert third.code == 0 and first.json["id"] not in third.out
    assert len(story.carrier.log) == 2


def on_terminal(godwit: CommandLine, answer: str, *words: str) -> tuple[int, str]:
    """Run a command with a terminal as its standard input and output."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        godwit._command(*words),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=godwit.environment,
    ) as process:
        os.close(theirs)
        os.write(ours, answer.encode())
        said = b""
        while True:
            try:
                piece = os.read(ours, 4_096)
            except OSError:  # Linux: the other side is closed.
                break
            if not piece:
                break
            said += piece
    os.close(ours)
    return process.returncode, said.decode()


def test_a_large_send_is_confirmed_on_a_terminal(godwit: CommandLine) -> None:
    godwit("account", "credit", "acme", "sms", "1000")
    lines = "to,text\n" + "".join(f"+1415555{number},Hi\n" for number in range(1_000, 1_101))
    file = godwit.file("people.csv", lines)
    code, said = on_terminal(godwit, "n\n", "send", file)
    assert code == 1 and "101 messages in 101 segments for 202 SMS credits. Send? [y/N]" in said
    assert "nothing is sent" in said
    assert godwit("list", "--json").json == []
    # Nobody runs it here; that it was tried shows that nothing was asked.
    code, said = on_terminal(godwit, "", "send", file, "--yes")
    assert code == 1 and "Temporal: " in said and "[y/N]" not in said
