"""deploy/*.yml over docker-compose.yml: what each changes, and what must stay the same."""

from typing import Any

import yaml

from tests.test_deployment import ROOT, SERVICES, ComposeLoader

ROLES = {"temporal-history": 7234, "temporal-matching": 7235, "temporal-worker": 7239}


def services_of(name: str) -> dict[str, dict[str, Any]]:
    """The services of an override file."""
    text = (ROOT / "deploy" / name).read_text("utf-8")
    services: dict[str, dict[str, Any]] = yaml.load(text, ComposeLoader)["services"]
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
