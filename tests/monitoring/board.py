"""Draws docs/images/board.svg: the board's own queries, asked of a Prometheus beside a stack.

Run it with ``make board``. A campaign runs meanwhile, a webhook gets its events, and some of its
numbers are refused; nothing in the picture is invented but the people.
"""

import re
import sys
import tempfile
import time
from collections.abc import Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.monitoring.drawing import Series, draw
from tests.monitoring.incidents import SENDER, Endpoint
from tests.monitoring.prometheus import PANELS, Prometheus, prometheus
from tests.running import Running, stack
from tests.test_layout import ROOT

TARGET = ROOT / "docs" / "images" / "board.svg"
SECONDS = 240
STEP_SECONDS = 5
RATE = "40"
MESSAGES = 20_000


def main() -> None:
    """Run a campaign for some minutes and draw the board."""
    with tempfile.TemporaryDirectory(prefix="godwit-board-") as directory:
        with stack(Path(directory) / "data") as running:
            targets = running.data / "prometheus-targets.json"
            with prometheus(Path(directory), targets) as watching:
                busy(running)
                now = time.time()
                panels = [(panel, shown(watching, panel, now)) for panel in PANELS]
    caption = f"Godwit: the last {SECONDS // 60} minutes"
    TARGET.write_text(draw(panels, caption), "utf-8")
    sys.stdout.write(f"{TARGET.relative_to(ROOT)} is drawn\n")


def busy(running: Running) -> None:
    """Send for some minutes, with a webhook, and with numbers that the carrier refuses."""
    endpoint = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    Thread(target=endpoint.serve_forever, daemon=True).start()
    hook = {"url": f"http://localhost:{endpoint.server_port}/hooks", "events": ["message.failed"]}
    assert running.api.post("/v1/webhooks", json=hook).status_code == 201
    assert running.command("carrier", "rate", "pretend", RATE).returncode == 0
    campaign = running.send_batch(MESSAGES)
    odd = 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        # Each area has a number that the carrier refuses, and one that it puts off.
        area = 201 + odd % 700
        people = [{"to": f"+1{area}555000{each}", "body": "Hello"} for each in (1, 2)]
        batch = {"from": SENDER, "recipients": people}
        assert running.api.post("/api/v1/messaging/batch", json=batch).status_code == 201
        running.get(f"/v1/campaigns/{campaign}")
        odd += 1
        time.sleep(2)
    endpoint.shutdown()
    endpoint.server_close()


def shown(watching: Prometheus, panel: Mapping[str, Any], now: float) -> list[Series]:
    """The series of a panel, named as its legend says."""
    found = []
    for target in panel["targets"]:
        start = now if target.get("instant") else now - SECONDS
        for each in watching.over_time(target["expr"], start, now, STEP_SECONDS):
            points = [(at, float(value)) for at, value in each["values"] if value != "NaN"]
            name = re.sub(
                r"\{\{(\w+)\}\}",
                lambda label: each["metric"].get(label[1], ""),  # noqa: B023
                target.get("legendFormat", ""),
            )
            if points:
                found.append(Series(name, points))
    return found


if __name__ == "__main__":
    main()
