"""docker-compose.yml with its overrides, as ``docker compose`` reads them."""

from pathlib import Path

from tests.cluster.compose import Service, read_services, seconds
from tests.cluster.images import ROOT
from tests.cluster.system import FILES, SECRETS

BASE = """
services:
  database:
    image: postgres:17.11
    command: postgres -c 'max_connections=400'
    ports: ["5432:5432"]
    environment:
      - NAME=one
      - PASSED
  app:
    build: .
    image: app:1
    depends_on: [database]
    environment: {A: "1", B: "2"}
    healthcheck: {test: "curl localhost", interval: 1m30s, retries: 2}
  extra:
    image: extra:1
    profiles: [extra]
"""
OVER = """
services:
  database:
    ports: !override []
    deploy: {replicas: 2, resources: {limits: {cpus: "1"}}}
  app:
    environment: {B: "3"}
    depends_on: {late: {condition: service_healthy}}
  late:
    image: late:1
"""


def read(*names: str, **scale: int) -> dict[str, Service]:
    """The services of files of this tree."""
    variables = {name: f"the {name}" for name in SECRETS}
    return read_services(ROOT, [ROOT / name for name in names], variables, scale)


def test_a_later_file_adds_to_mappings_and_overrides_what_it_marks(tmp_path: Path) -> None:
    (tmp_path / "base.yml").write_text(BASE)
    (tmp_path / "over.yml").write_text(OVER)
    files = [tmp_path / "base.yml", tmp_path / "over.yml"]
    services = read_services(tmp_path, files, {"PASSED": "on"}, {})
    assert list(services) == ["database", "late", "app"]
    database, app = services["database"], services["app"]
    assert database.command == ("postgres", "-c", "max_connections=400")
    assert database.environment == {"NAME": "one", "PASSED": "on"}
    assert (database.ports, database.replicas) == ((), 2)
    assert database.left_out == ("deploy.resources",)
    assert app.environment == {"A": "1", "B": "3"}
    assert app.needs == {"database": "service_started", "late": "service_healthy"}
    assert app.health is not None
    assert app.health.command == ("sh", "-c", "curl localhost")
    assert (app.health.interval, app.health.retries) == (90, 2)


def test_the_tree_s_own_files_start_services_after_what_they_need() -> None:
    services = read(*FILES, worker=3)
    order = list(services)
    for name, service in services.items():
        assert all(order.index(needed) < order.index(name) for needed in service.needs)
    replicas = {name: service.replicas for name, service in services.items()}
    assert {name: count for name, count in replicas.items() if count > 1} == {
        "temporal": 2,
        "temporal-history": 2,
        "temporal-matching": 2,
        "api": 2,
        "worker": 3,
    }
    assert services["temporal"].environment["TEMPORAL_SERVICES"] == "frontend"
    assert services["worker"].tmpfs == ("/tmp",)
    assert services["migrate"].is_job and services["migrate"].tries == 6


def test_durations_are_read_as_seconds() -> None:
    assert [seconds(text) for text in ("500ms", "5s", "1m30s", "2h")] == [0.5, 5, 90, 7_200]
