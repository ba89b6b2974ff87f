"""A campaign to one long list, killed while it is prepared and while it is sent.

``python -m bench.million [--count N] [--kills N] DIRECTORY`` runs the embedded stack
on SQLite with the pretend carrier, and prints the seconds of each stage, the most memory of each
process, and what was lost or doubled. It exits with 1 if anything was.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.usage import resident_megabytes
from service.campaign_workflows import workflow_id
from tests.running import Running, stack

FIRST_NUMBER = 14_152_000_000
# Numbers of a country without a price of its own cost more than one.
CREDITS_EACH = 10
LOOK_SECONDS = 0.5
Json = dict[str, Any]


class Memory:
    """The resident memory of each part, looked at twice a second while the block runs."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._began = time.monotonic()
        self.stage = "start"
        self.timeline: list[tuple[float, str, dict[str, float]]] = []
        self.most: dict[str, float] = {}

    @contextmanager
    def watched(self) -> Iterator["Memory"]:
        """Look until the block ends."""
        over = threading.Event()
        thread = threading.Thread(target=self._watch, args=(over,))
        thread.start()
        try:
            yield self
        finally:
            over.set()
            thread.join()

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(LOOK_SECONDS):
            pids = self._running.pids()
            parts = {"api": pids["api"], "temporal": pids["temporal"]}
            parts |= {f"worker {number}": pid for number, pid in enumerate(pids["workers"])}
            sizes = {name: resident_megabytes(pid) or 0.0 for name, pid in parts.items()}
            self.timeline.append((time.monotonic() - self._began, self.stage, sizes))
            for name, size in sizes.items():
                self.most[name] = max(size, self.most.get(name, 0.0))


def fill(running: Running, count: int) -> str:
    """Make a list of so many members from one CSV file; its id."""
    made = running.api.post("/v1/mailing-lists", json={"name": f"{count} people"})
    list_id = str(made.raise_for_status().json()["id"])
    answer = running.api.post(
        f"/v1/mailing-lists/{list_id}/members",
        content="to,NAME\n" + "".join(f"+{FIRST_NUMBER + n},N{n}\n" for n in range(count)),
        headers={"content-type": "text/csv"},
        timeout=600,
    )
    answer.raise_for_status()
    return list_id


def wait(until: Callable[[], bool], seconds: float = 7_200) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not until():
        if time.monotonic() > deadline:
            raise RuntimeError("it took too long")
        time.sleep(LOOK_SECONDS)


def kill_worker(running: Running) -> None:
    """Kill one worker and wait for another in its place."""
    worker = running.pids()["workers"][0]
    os.kill(worker, signal.SIGKILL)
    running.until_replaced(worker, 120)


def kill_api(running: Running) -> None:
    """Kill the API and wait until it answers again."""
    os.kill(running.pids()["api"], signal.SIGKILL)
    running.get("/v1/campaigns?limit=1")


def measure(running: Running, memory: Memory, count: int, kills: int) -> Json:
    """Import, prepare and send; what each stage took."""
    seconds: dict[str, float] = {}
    references: Counter[str] = Counter()
    read = 0

    def taken() -> int:
        nonlocal read
        lines = running.carrier_log(read)
        read += len(lines)
        references.update(line["reference"] for line in lines)
        return read

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        memory.stage, began = name, time.monotonic()
        yield
        seconds[name] = round(time.monotonic() - began, 1)

    account, credits = running.description["account"]["accountId"], str(CREDITS_EACH * count)
    running.command("account", "credit", account, "sms", credits).check_returncode()
    with stage("import"):
        list_id = fill(running, count)
    with stage("answer"):
        body = {"text": "Hello {{NAME}}, we open at nine", "recipients": [{"mailingList": list_id}]}
        answer = running.api.post("/v1/campaigns", json=body).raise_for_status()
        campaign_id = str(answer.json()["id"])

    def shown() -> Json:
        campaign = running.get(f"/v1/campaigns/{campaign_id}")
        if campaign["status"] == "refused":
            raise RuntimeError(f"the campaign was refused: {campaign['refusals']}")
        return campaign

    def is_written(part: int) -> bool:
        return bool(shown()["counts"]["total"] >= part)

    def is_taken(part: int) -> bool:
        return taken() >= part

    with stage("prepare"):
        for number in range(kills):
            part = count * (number + 1) // (kills + 1)
            wait(partial(is_written, part))
            (kill_worker if number % 2 == 0 else kill_api)(running)
        wait(lambda: shown()["status"] != "preparing")
    with stage("send"):
        for number in range(kills):
            part = count * (number + 1) // (kills + 1)
            wait(partial(is_taken, part))
            (kill_worker if number % 2 == 0 else kill_api)(running)
        wait(lambda: taken() >= 0 and shown()["finishedAt"] is not None)
    taken()
    ended = shown()
    with (
        stage("report"),
        running.api.stream(
            "GET",
            f"/v1/campaigns/{campaign_id}/report",
            headers={"accept": "text/csv"},
            timeout=600,
        ) as report,
    ):
        lines = sum(chunk.count(b"\n") for chunk in report.iter_bytes())
    with stage("audit"):
        audit = running.command("audit", campaign_id, seconds=600)
    return {
        "count": count,
        "status": ended["status"],
        "seconds": seconds,
        "messages_per_second": round(count / seconds["send"]),
        "memory_most_mb": {name: round(size) for name, size in memory.most.items()},
        "lost": count - len(references),
        "doubled": sum(times > 1 for times in references.values()),
        "counts": ended["counts"],
        "credits": ended["credits"],
        "report_lines": lines,
        "audit": audit.returncode,
        "workflow": workflow_id(campaign_id),
    }


def main() -> int:
    """Run it, print what was found, and write the timeline of memory beside the data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=2, help="in each of the two stages")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    with stack(options.directory / "data", receipts_grace_seconds=0) as running:
        with Memory(running).watched() as memory:
            found = measure(running, memory, options.count, options.kills)
    timeline = [
        {"seconds": round(at, 1), "stage": stage, **{name: round(mb) for name, mb in sizes.items()}}
        for at, stage, sizes in memory.timeline
    ]
    (options.directory / "memory.json").write_text(json.dumps(timeline))
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    is_sound = found["lost"] == found["doubled"] == found["audit"] == 0
    return 0 if is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
