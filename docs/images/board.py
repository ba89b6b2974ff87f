"""Draw docs/images/board.svg: the board of deploy/monitoring with the data of a real stack.

Run it with ``make picture``; it needs Debian's ``prometheus`` and takes five minutes. It starts a
stack and a Prometheus of its own, sends campaigns, pauses one, and stops the carrier for a while.
Every panel's own expressions are asked of Prometheus. Nothing in the picture is invented; times
and values differ in each run.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from board_svg import Answers, draw

from tests.monitoring.incidents import SENDER, Endpoint
from tests.monitoring.lanes import RETRIES, Lane, lane
from tests.monitoring.prometheus import NOT_INSTALLED, PANELS, Prometheus, until

TARGET = Path(__file__).with_name("board.svg")
BYTES_MAX = 150_000
RATE = "20"
MESSAGES, PAUSED = 4_000, 400
BEFORE_SECONDS, DOWN_SECONDS, AFTER_SECONDS = 80, 50, 90
STEP_SECONDS = 5
SETTINGS = {"GODWIT_SEND_TIMEOUT_SECONDS": "2", "GODWIT_RETRY_BACKOFF_SECONDS": RETRIES}


def main(target: Path) -> None:
    """Run a stack and write the picture of its board to a file."""
    if shutil.which("prometheus") is None:
        sys.exit(NOT_INSTALLED)
    with tempfile.TemporaryDirectory(prefix="godwit-picture-") as directory:
        with lane(Path(directory) / "lane", **SETTINGS) as found:
            until(lambda: len(found.watching.query("up == 1")) == 2, 120, "both are scraped")
            began = time.time()
            happen(found)
            answers = ask(found.watching, began, time.time())
    picture = draw(PANELS, answers)
    assert len(picture.encode()) < BYTES_MAX, len(picture)
    target.write_text(picture, "utf-8")
    sys.stdout.write(f"wrote {target}\n")


def happen(lane: Lane) -> None:
    """Let a campaign run past a carrier that is down for a while, beside one that is paused."""
    api = lane.running.api
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    Thread(target=server.serve_forever, daemon=True).start()
    lane.opened.callback(server.server_close)
    lane.opened.callback(server.shutdown)
    hook = {"url": f"http://localhost:{server.server_port}/hooks", "events": ["message.*"]}
    api.post("/v1/webhooks", json=hook).raise_for_status()
    assert lane.running.command("carrier", "rate", "pretend", RATE).returncode == 0
    lane.running.send_batch(MESSAGES)
    people = [{"to": f"+1212555{1_000 + index}"} for index in range(PAUSED)]
    body = {"name": "Later", "sender": SENDER, "text": "Hello", "recipients": people}
    path = f"/v1/campaigns/{api.post('/v1/campaigns', json=body).raise_for_status().json()['id']}"
    api.post(f"{path}/pause").raise_for_status()
    # Numbers that mean something to the pretend carrier: it refuses some of them.
    people = [{"to": f"+1415555{number:04d}"} for number in range(1, 11)]
    body = {"name": "Refused", "sender": SENDER, "text": "Hello", "recipients": people}
    api.post("/v1/campaigns", json=body).raise_for_status()
    look_on(lane, path, BEFORE_SECONDS)
    carrier = lane.running.pids()["carrier"]
    lane.freeze(carrier)
    look_on(lane, path, DOWN_SECONDS)
    os.kill(carrier, signal.SIGCONT)
    look_on(lane, path, AFTER_SECONDS)


def look_on(lane: Lane, path: str, seconds: float) -> None:
    """Read a campaign every second, as a page that somebody watches does."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        lane.running.get(path)
        time.sleep(1)


def ask(prometheus: Prometheus, start: float, end: float) -> Answers:
    """What each target of each panel shows, by the panel's id and the target's letter."""
    answers: Answers = {}
    for panel in PANELS:
        for target in panel["targets"]:
            if target.get("instant"):
                found = [
                    (one["metric"], [one["value"]]) for one in prometheus.query(target["expr"])
                ]
            else:
                ranged = prometheus.query_range(target["expr"], start, end, STEP_SECONDS)
                found = [(one["metric"], one["values"]) for one in ranged]
            answers[panel["id"], target["refId"]] = [
                (labels, [(float(at), float(value)) for at, value in points])
                for labels, points in found
            ]
    return answers


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
