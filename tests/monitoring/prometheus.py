"""A Prometheus that runs with the configuration and the rules of ``deploy/monitoring``."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from starter.embedded.options import free_port
from tests.test_layout import ROOT

MONITORING = ROOT / "deploy" / "monitoring"
RULES: list[dict[str, Any]] = yaml.safe_load((MONITORING / "rules.yml").read_text("utf-8"))[
    "groups"
][0]["rules"]
PANELS: list[dict[str, Any]] = json.loads((MONITORING / "grafana-board.json").read_text("utf-8"))[
    "panels"
]
BOARD = [target["expr"] for panel in PANELS for target in panel["targets"]]
NOT_INSTALLED = "prometheus is not installed (Debian: prometheus)"


class Prometheus:
    """A running Prometheus."""

    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=f"http://{address}/api/v1/", trust_env=False)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def is_ready(self) -> bool:
        """Tell whether it answers queries."""
        return self._http.get("query", params={"query": "1"}).status_code == 200

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression has now."""
        answer = self._http.get("query", params={"query": expression})
        assert answer.status_code == 200, (expression, answer.text)
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def query_range(
        self, expression: str, start: float, end: float, step: float
    ) -> list[dict[str, Any]]:
        """The series that an expression had between two instants of Unix time."""
        asked: dict[str, str | float] = {
            "query": expression,
            "start": start,
            "end": end,
            "step": step,
        }
        answer = self._http.get("query_range", params=asked)
        assert answer.status_code == 200, (expression, answer.text)
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def firing(self) -> set[str]:
        """The alerts that fire."""
        alerts = self._http.get("alerts").json()["data"]["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}


@contextmanager
def prometheus(directory: Path, targets: Path) -> Iterator[Prometheus]:
    """Run Prometheus with the local configuration, on the targets of a stack."""
    text = (MONITORING / "prometheus-local.yml").read_text("utf-8")
    text = text.replace("../../.godwit/prometheus-targets.json", str(targets))
    text = text.replace("rules.yml", str(MONITORING / "rules.yml"))
    config = directory / "prometheus.yml"
    config.write_text(text, "utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = ["prometheus", f"--config.file={config}", f"--web.listen-address={address}"]
    command.append(f"--storage.tsdb.path={directory / 'tsdb'}")
    with (directory / "prometheus.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        watching = Prometheus(address)
        try:
            until(watching.is_ready, 60, "Prometheus is ready")
            yield watching
        finally:
            watching.close()
            process.terminate()
            process.wait(30)


def until(true: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait for something; returns after how many seconds it was so."""
    began = time.monotonic()
    while True:
        try:
            if true():
                return time.monotonic() - began
        except httpx.TransportError:
            pass
        assert time.monotonic() - began < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.5)


def names_in(expression: str) -> set[str]:
    """The metrics of ours in an expression, as docs/metrics.md has them."""
    found = re.findall(r"godwit_[a-z_]+", expression)
    return {re.sub(r"_seconds_bucket$", "_seconds", name) for name in found}
