"""deploy/*.yml over docker-compose.yml: what each changes, and what must stay the same."""

import re
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import yaml

from tests.deploy.rendering import run
from tests.test_deployment import COMPOSE, ROOT, SERVICES, ComposeLoader

OVERRIDES = tuple(sorted(path.name for path in (ROOT / "deploy").glob("*.yml")))
ROLES = {"temporal-history": 7234, "temporal-matching": 7235, "temporal-worker": 7239}


def file_of(name: str) -> dict[str, Any]:
    """A Compose file of deploy/."""
    text = (ROOT / "deploy" / name).read_text("utf-8")
    whole: dict[str, Any] = yaml.load(text, ComposeLoader)
    return whole


def services_of(name: str) -> dict[str, dict[str, Any]]:
    """The services of an override file."""
    services: dict[str, dict[str, Any]] = file_of(name)["services"]
    return services


def test_the_roles_of_temporal_are_the_one_server_in_parts() -> None:
    services = services_of("temporal-roles.yml")
    whole = SERVICES["temporal"]
    assert set(services) == {"temporal", *ROLES}
    frontend = services["temporal"]["environment"]
    assert frontend["TEMPORAL_SERVICES"] == "frontend"
    for name, port in ROLES.items():
        service = services[name]
        own = {**whole["environment"], **frontend}
        own["TEMPORAL_SERVICES"] = name.removeprefix("temporal-")
        assert service["environment"] == own, name
        for key in ("image", "restart", "stop_grace_period", "configs", "networks", "logging"):
            assert service[key] == whole[key], (name, key)
        assert service["healthcheck"]["test"][-1] == str(port)
        assert service["healthcheck"]["interval"] == whole["healthcheck"]["interval"]


def test_the_frontend_starts_after_history_and_matching_and_publishes_no_port() -> None:
    services = services_of("temporal-roles.yml")
    assert set(services["temporal"]["depends_on"]) == {"temporal-history", "temporal-matching"}
    assert services["temporal"]["ports"] == []
    assert set(services["temporal-worker"]["depends_on"]) == {"temporal"}


def test_postgresql_has_room_for_the_connections_of_every_container() -> None:
    services = services_of("temporal-roles.yml")
    per_role, ours = 20 + 10, 20
    roles = sum(service.get("deploy", {}).get("replicas", 1) for service in services.values())
    our_processes = 2 + 4  # API and workers
    (limit,) = (
        int(word.partition("=")[2])
        for word in SERVICES["postgres"]["command"]
        if word.startswith("max_connections=")
    )
    assert per_role * roles + ours * our_processes < limit


def test_the_api_believes_the_proxy_alone_and_is_reached_through_it() -> None:
    services = services_of("proxy.yml")
    proxy, api = services["proxy"], services["api"]
    address = proxy["networks"]["front"]["ipv4_address"]
    assert api["environment"]["GODWIT_TRUSTED_PROXIES"] == address
    assert api["ports"] == []
    assert "front" in api["networks"]
    assert set(proxy["depends_on"]) == {"api"} <= set(SERVICES)
    (config,) = file_of("proxy.yml")["networks"]["front"]["ipam"]["config"]
    assert ip_address(address) in ip_network(config["subnet"])
    assert ip_address(address) not in ip_network(config["ip_range"])


def test_monitoring_is_a_profile_that_reads_files_of_this_tree() -> None:
    (included,) = COMPOSE["include"]
    assert included == {"path": "deploy/monitoring.yml", "project_directory": "."}
    whole = file_of("monitoring.yml")
    assert set(whole["services"]) == {"prometheus", "grafana", "otel-collector"}
    for name, service in whole["services"].items():
        assert service["profiles"] == ["monitoring"], name
        assert {config["source"] for config in service["configs"]} <= set(whole["configs"]), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
    provider = yaml.safe_load((ROOT / "deploy/monitoring/grafana-boards.yml").read_text("utf-8"))
    folder = provider["providers"][0]["options"]["path"]
    targets = {config["target"] for config in whole["services"]["grafana"]["configs"]}
    assert f"{folder}/godwit.json" in targets
    files = [config["file"] for config in whole["configs"].values()]
    assert [file for file in files if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("name", OVERRIDES)
def test_images_are_pinned_and_no_secret_is_written_down(name: str) -> None:
    text = (ROOT / "deploy" / name).read_text("utf-8")
    for service in services_of(name).values():
        assert re.search(r":v?\d+\.\d+\.\d+", service.get("image", ":0.0.0")), service
    for given in re.findall(r"^\s+\w*(?:PASSWORD|PWD|SECRET)\w*: (\S+)", text, re.MULTILINE):
        assert re.match(r"\$\{\w+:\?", given), given


# monitoring.yml is included, and no override.
OVER = tuple(name for name in OVERRIDES if name != "monitoring.yml")


@pytest.mark.parametrize("names", [(), *((name,) for name in OVER)])
def test_compose_itself_reads_the_files_together(names: tuple[str, ...]) -> None:
    """The parser of ``docker compose``, which also checks that every reference has its end."""
    files = ["docker-compose.yml", *(f"deploy/{name}" for name in names)]
    profile = {"COMPOSE_PROFILES": "monitoring"}
    project = yaml.safe_load(run("compose-spec", "-no-interpolation", *files, environment=profile))
    assert {"prometheus", "grafana", "otel-collector"} <= set(project["services"])
    if "temporal-roles.yml" in names:
        temporal = project["services"]["temporal"]
        assert "TEMPORAL_SERVICES=frontend" in temporal["environment"]
        assert not temporal.get("ports")
