"""A file of 5,000 rows as people have them: its dry run, and then what happens, are the same."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from starter.cli.send_file import FileOptions, load
from tests.running import Json, Running, stack

pytestmark = pytest.mark.stack

ROWS = 5_000
NAMES = ("Ann", "O’Brien", "", "“Bob”", "Al 👋", "=1+1", "Zoë", "Maximilian " * 6)
TEXT = "Hi {{NAME}}, we’ve parcels for you at the shop: come until Friday, 6 pm."


def write_people(file: Path) -> tuple[set[str], int, int]:
    """Write the rows; returns the numbers that opted out, and how many are wrong or repeated."""
    opted_out: set[str] = set()
    wrong = repeats = 0
    with file.open("w", newline="", encoding="utf-8") as lines:
        rows = csv.writer(lines)
        rows.writerow(["to", "NAME"])
        for index in range(ROWS):
            number = f"+1415555{1_000 + index}"
            if index % 50 == 7:
                number, wrong = ("0800", "unknown", "")[index % 3], wrong + 1
            elif index % 45 == 11:
                number, repeats = "+14155551000", repeats + 1
            elif index % 25 == 3:
                opted_out.add(number)
            elif index % 13 == 5:
                number = f"+61491570{100 + index // 13}"
            rows.writerow([number, NAMES[index % len(NAMES)]])
    return opted_out, wrong, repeats


def lines_of(running: Running, method: str, path: str, body: Json | None = None) -> list[Json]:
    """An answer as CSV, row by row."""
    headers = {"accept": "text/csv"}
    answer = running.api.request(method, path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(answer.text.splitlines()))


def test_the_dry_run_of_five_thousand_rows_is_what_then_happens(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    opted_out, wrong, repeats = write_people(file)
    words = ("send", str(file), "--text", TEXT, "--skip-invalid")
    with stack(tmp_path / "data") as running:
        numbers = "number\n" + "\n".join(sorted(opted_out))
        headers = {"content-type": "text/csv"}
        imported = running.api.post("/v1/opt-outs", content=numbers, headers=headers)
        assert imported.status_code == 200, imported.text

        screen = running.command(*words, "--dry-run", seconds=100)
        assert screen.returncode == 0, screen.stderr
        found = load(file, FileOptions(head={"text": TEXT}))
        posted = running.api.post("/v1/campaigns?dryRun=true", json=found.body)
        assert posted.status_code == 200, posted.text
        shown = posted.json()
        lines = lines_of(running, "POST", "/v1/campaigns?dryRun=true&bom=false", found.body)
        going = ROWS - wrong - repeats - len(opted_out)
        assert (shown["admitted"], shown["total"]) == (True, ROWS - wrong)
        assert shown["toSend"] == going
        assert f"{going:,} of {ROWS:,} get a message" in screen.stdout
        segments = f"{going:,} in {shown['segments']:,} segments"
        saves = f"smartEncoding would save {shown['smartEncodingSaves']:,} segments"
        for said in (segments, saves, f"{shown['credits']['sms']:,} SMS credits"):
            assert said in screen.stdout, (said, screen.stdout)

        sent = running.command(*words, "--wait", seconds=200)
        assert sent.returncode == 0, sent.stdout + sent.stderr
        campaign = re.search("cmp_[A-Za-z0-9]+", sent.stdout)
        assert campaign is not None
        report = running.get(f"/v1/campaigns/{campaign[0]}/report")
        happened = lines_of(running, "GET", f"/v1/campaigns/{campaign[0]}/report?bom=false")

        assert report["counts"]["delivered"] == shown["toSend"]
        reasons = [one for one in report["reasons"] if one["status"] == "skipped"]
        assert {one["reason"]: one["count"] for one in shown["skipped"]} == {
            one["reason"]: one["count"] for one in reasons
        }
        assert report["segmentsSent"] == shown["segments"]
        assert report["credits"]["posted"] == shown["credits"]
        assert [(row["position"], row["to"], row["segments"], row["reason"]) for row in lines] == [
            (row["position"], row["to"], row["segments"], row["reason"]) for row in happened
        ]
        queued = [row for row in lines if row["status"] == "queued"]
        assert Counter(row["encoding"] for row in queued) == Counter(shown["encodings"])
        assert sum(int(row["creditsSms"]) for row in lines) == shown["credits"]["sms"]
        page = running.get(f"/v1/campaigns/{campaign[0]}/messages?status=delivered&limit=1000")
        texts = {message["position"]: message["text"] for message in page["messages"]}
        assert texts == {int(row["position"]): row["text"] for row in queued[:1_000]}
        log = running.carrier_log()
        assert len(log) == going and {row["to"] for row in log} == {row["to"] for row in queued}
        countries = Counter(row["country"] for row in queued)
        assert {one["country"]: one["messages"] for one in shown["countries"]} == countries
