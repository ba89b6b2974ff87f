"""Where Prometheus finds the metrics of the embedded stack."""

from typing import Any

from starter.embedded.options import LOOPBACK, Ports, StackOptions, api_url

SCRAPE_TARGETS = "prometheus-targets.json"


def scrape_targets(options: StackOptions, ports: Ports) -> list[dict[str, Any]]:
    """The addresses of the API and the workers.

    Source: Prometheus, "file-based service discovery".
    """
    api = api_url(options, ports).removeprefix("http://")
    workers = [f"{LOOPBACK}:{port}" for port in ports.metrics]
    return [
        {"targets": [api], "labels": {"job": "godwit-api"}},
        {"targets": workers, "labels": {"job": "godwit-worker"}},
    ]
