"""Addresses and paths of this machine in the place of names and paths of containers."""

from pathlib import Path

import pytest

from tests.cluster.compose import Service
from tests.cluster.network import Network, Place
from tests.cluster.test_compose import read

HOME = Path.cwd() / "replicas"


@pytest.fixture
def network() -> Network:
    """The services of the single machine, with two replicas of the API."""
    return Network(read("docker-compose.yml", api=2), HOME)


def place(network: Network, name: str, number: int = 0) -> Place:
    """Where a replica runs."""
    service: Service = network.services[name]
    return network.places(service, {"/etc/temporal/schema": Path("/built/schema")})[number]


def test_each_replica_has_a_loopback_address_of_its_own(network: Network) -> None:
    addresses = [
        each.address
        for service in network.services.values()
        for each in network.places(service, {})
    ]
    assert len(set(addresses)) == len(addresses)
    assert all(address.startswith("127.") for address in addresses)
    assert network.address("api") not in addresses
    assert network.address("postgres") in addresses


def test_names_become_addresses_where_they_name_hosts_and_nowhere_else(network: Network) -> None:
    postgres, temporal = network.address("postgres"), network.address("temporal")
    server = network.environment(place(network, "temporal"))
    assert (server["POSTGRES_SEEDS"], server["POSTGRES_USER"]) == (postgres, "temporal")
    assert (server["DBNAME"], server["BIND_ON_IP"]) == ("temporal", temporal)
    worker = network.environment(place(network, "worker"))
    assert worker["GODWIT_DATABASE_URL"] == f"postgresql+psycopg://godwit@{postgres}:5432/godwit"
    assert worker["TEMPORAL_ADDRESS"] == f"{temporal}:7233"
    assert network.balanced == set()


def test_a_name_of_two_replicas_is_balanced_at_the_ports_that_are_asked_for(
    network: Network,
) -> None:
    carrier = place(network, "carrier")
    words = network.words(carrier, network.services["carrier"].command or ())
    assert words[0] == f"--host={carrier.address}"
    assert words[2].endswith(f"http://{network.address('api')}:8080/carriers/pretend/receipts")
    assert network.balanced == {("api", 8080)}


def test_paths_are_of_the_replica_or_of_the_image(network: Network) -> None:
    worker = place(network, "worker", 1)
    assert network.environment(worker)["GODWIT_READY_FILE"] == f"{worker.home}/tmp/worker.ready"
    schema = place(network, "temporal-schema")
    assert network.words(schema, ["sh", "/godwit/schema.sh", "/etc/temporal/schema/x"]) == [
        "sh",
        f"{schema.home}/files/godwit/schema.sh",
        "/built/schema/x",
    ]


def test_a_health_check_asks_its_own_replica(network: Network) -> None:
    second = place(network, "api", 1)
    assert second.service.health is not None
    command = network.words(second, second.service.health.command, within=True)
    assert f"http://{second.address}:8080/readyz" in command[-1]
