"""A line holds ids and codes, never values; and a log that cannot be written costs nothing else."""

import ast
import errno
import io
import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

from campaign.failures import ServiceUnavailable
from telemetry import logs
from telemetry.exceptions import ROOT, describe
from tests.telemetry.planting import NUMBER, TEXT, leaks, recorded
from tests.test_layout import named, sources, tree

log = logs.get_logger("godwit.test")


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines of a log in JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_in_json_has_time_level_logger_event_and_fields() -> None:
    with recorded("json") as stream:
        log.bind(campaign="cmp_1").warning("something happened", count=3)
        log.debug("not at this level")
    (line,) = lines(stream)
    assert list(line)[:4] == ["timestamp", "level", "logger", "event"]
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "godwit.test",
        "event": "something happened",
        "campaign": "cmp_1",
        "count": 3,
    }


@pytest.mark.parametrize("nasty", ["a\r\nb", "a\x1b[2Jb", "a\u2028b", 'a"} {"b'])
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_event_is_one_line_that_no_terminal_obeys(nasty: str, log_format: str) -> None:
    with recorded(log_format) as stream:
        log.info("a name came", name=nasty)
    (line,) = stream.getvalue().splitlines()
    assert line.isprintable()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_exception_is_its_type_its_code_and_our_frames(log_format: str) -> None:
    def fail(number: str) -> None:
        try:
            raise KeyError(number)
        except KeyError as error:
            raise OSError(errno.ENOSPC, f"no room for {number} {TEXT}") from error

    with recorded(log_format) as stream:
        try:
            fail(NUMBER)
        except OSError:
            log.exception("it failed")
    written = stream.getvalue()
    assert leaks(written) == []
    assert "OSError" in written and "ENOSPC" in written and "KeyError" in written
    assert "tests/telemetry/test_logs.py" in written and str(ROOT) not in written


def test_of_a_group_and_of_what_pydantic_refuses_no_text_stays() -> None:
    class Body(BaseModel):
        to: int

    try:
        Body.model_validate({"to": NUMBER + "x"})
    except ValueError as error:
        described = describe(ExceptionGroup(TEXT, [error, ValueError(NUMBER)]))
    assert [each["type"] for each in described] == [
        "ExceptionGroup",
        "ValidationError",
        "ValueError",
    ]
    assert described[1]["code"] == "int_parsing"
    assert leaks(json.dumps(described)) == []


def test_the_text_of_our_own_failures_is_their_code() -> None:
    (described,) = describe(ServiceUnavailable("no answer in time"))
    assert described["code"] == "no answer in time"


def test_what_a_library_logs_loses_the_text_of_exceptions() -> None:
    error = ValueError(f"{NUMBER} {TEXT}")
    library = logging.getLogger("some.driver")
    with recorded("json") as stream:
        library.warning("error ignored in %s: %s", "close", error)
        library.warning(error)
        try:
            raise error
        except ValueError:
            library.warning(f"original error: {error}")
            library.exception("future: <Task>\nexception=%r", error)
        library.error("a bad format %d", "x")
        library.info("100 rows")
    written = lines(stream)
    assert leaks(stream.getvalue()) == []
    assert [line["event"] for line in written] == [
        "error ignored in close: ValueError",
        "ValueError",
        "original error: ValueError",
        "future: <Task>",
        "100 rows",
        # The format that was wrong.
        "log lines could not be written",
    ]
    assert written[3]["exception"][0]["type"] == "ValueError"


def test_httpx_and_sqlalchemy_log_no_urls_and_no_statements() -> None:
    with recorded("json") as stream:
        for name in ("httpx", "sqlalchemy.engine.Engine", "httpcore.connection"):
            logging.getLogger(name).info("GET https://example.com/%s", NUMBER)
    assert stream.getvalue() == ""


def test_a_line_of_temporals_core_has_its_ids_as_fields_and_no_failure_text() -> None:
    fields = {"run_id": "r", "failure": f"Failure {{ message: {NUMBER} }}", "attempt": 2}
    with recorded("json") as stream:
        extra = {"temporal_log": SimpleNamespace(fields=fields)}
        logging.getLogger("temporal.core").warning("Failing workflow task", extra=extra)
    (line,) = lines(stream)
    assert (line["event"], line["run_id"], line["attempt"]) == ("Failing workflow task", "r", 2)
    assert leaks(stream.getvalue()) == []


class FullDisk(io.StringIO):
    """A file on a disk that is full for so many writes."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.writes = writes

    def write(self, text: str) -> int:
        self.writes -= 1
        if self.writes >= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(text)


def test_a_full_disk_costs_lines_which_are_counted_and_raises_nothing() -> None:
    with recorded("json"):
        logs.OUTPUT.stream = stream = FullDisk(writes=3)
        for number in range(4):
            log.warning("a line", number=number)
            if number < 1:
                logging.getLogger("anybody").error("another line")
        assert logs.OUTPUT.dropped == 3
    assert [line.get("number", line.get("lines")) for line in lines(stream)] == [2, 3, 3]


def test_a_closed_stream_raises_nothing() -> None:
    with recorded("console") as stream:
        stream.close()
        log.error("nobody hears this")


def test_what_nobody_catches_is_a_line_without_values() -> None:
    with recorded("json") as stream:
        thread = threading.Thread(target=lambda: int(TEXT), daemon=True)
        thread.start()
        thread.join()
    (line,) = lines(stream)
    assert (line["level"], line["exception"][0]["type"]) == ("critical", "ValueError")
    assert leaks(stream.getvalue()) == []


@pytest.mark.parametrize(("chosen", "is_json"), [("", True), ("json", True), ("console", False)])
def test_a_process_that_dies_says_so_in_the_format_that_was_chosen(
    tmp_path: Path, chosen: str, is_json: bool
) -> None:
    code = "from telemetry.logs import configure; configure(); int('a text')"
    environment = {**os.environ, "GODWIT_LOG_FORMAT": chosen}
    died = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert died.returncode == 1 and "a text" not in died.stderr
    assert died.stderr.startswith('{"timestamp"') is is_json
    assert "ValueError" in died.stderr


def test_structlog_is_set_up_in_one_place_alone() -> None:
    faults = [
        f"{named(path)} imports {alias.name}"
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import) and not named(path).startswith("telemetry/")
        for alias in node.names
        if alias.name in ("logging", "structlog")
    ]
    assert faults == []
