"""What of the embedded stack the network reaches, and which process knows a secret."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from starter.embedded.environment import for_api, for_carrier, for_temporal, for_worker
from starter.embedded.options import Ports, StackError, StackOptions, api_url
from starter.embedded.stack import Stack
from tests.running import all_pids, stack

SECRETS = {
    "GODWIT_SECRET_KEY": "planted-key",
    "GODWIT_SMTP_URL": "smtp://user:planted-mail@127.0.0.1",
    "GODWIT_CARRIER_TWILIO_AUTH_TOKEN": "planted-token",
    "PGPASSWORD": "planted-password",
    "AWS_SECRET_ACCESS_KEY": "planted-cloud",
}
NOT_LOOPBACK = "0.0.0.0"


def listening(pids: set[int]) -> set[tuple[str, int]]:
    """The IPv4 and IPv6 addresses and ports that processes listen on (Linux)."""
    inodes = set()
    for pid in pids:
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            link = os.readlink(handle)
            if link.startswith("socket:["):
                inodes.add(link[8:-1])
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] != "0A" or fields[9] not in inodes:
                continue
            address, port = fields[1].split(":")
            raw = bytes.fromhex(address)
            words = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
            found.add((socket.inet_ntop(family, words), int(port, 16)))
    return found


@pytest.mark.stack
def test_host_opens_the_api_alone_and_secrets_reach_only_who_needs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    # As an earlier version left it.
    (tmp_path / "data" / "logs").mkdir(mode=0o755, parents=True)
    (tmp_path / "data" / "logs" / "api.log").touch(0o644)
    with stack(tmp_path / "data", host=NOT_LOOPBACK) as running:
        pids = running.pids()
        ports = listening(set(all_pids(pids)))
        opened = {port for address, port in ports if not address.startswith(("127.", "::1"))}
        api_port = int(running.description["api"].rpartition(":")[2])
        assert opened == {api_port}
        assert running.description["api"] == f"http://127.0.0.1:{api_port}"

        def planted(pid: int) -> set[str]:
            environment = Path(f"/proc/{pid}/environ").read_bytes().decode()
            return {name for name, value in SECRETS.items() if value in environment}

        assert planted(pids["temporal"]) == planted(pids["carrier"]) == set()
        assert planted(pids["api"]) == set(SECRETS) - {"GODWIT_SMTP_URL", "AWS_SECRET_ACCESS_KEY"}
        assert planted(pids["workers"][0]) == set(SECRETS) - {"AWS_SECRET_ACCESS_KEY"}
        campaign = running.wait_for_end(running.send_batch(20))
        assert campaign["counts"]["delivered"] == 20
        files = [running.data, *running.data.rglob("*")]
        assert {file.name: oct(file.stat().st_mode & 0o077) for file in files} == {
            file.name: "0o0" for file in files
        }


def test_each_process_gets_the_variables_that_it_needs() -> None:
    environment = {
        **SECRETS,
        "PATH": "/bin",
        "LD_PRELOAD": "libfaketime.so",
        "GODWIT_CARRIER_PRETEND_REPEATS": "lookup",
        "TEMPORAL_ADDRESS": "127.0.0.1:7233",
        "https_proxy": "http://proxy.example",
    }
    assert set(for_temporal(environment)) == {"PATH", "LD_PRELOAD", "TEMPORAL_CONFIG_FILE"}
    assert set(for_carrier(environment, "pretend")) == {
        "PATH",
        "LD_PRELOAD",
        "GODWIT_CARRIER_PRETEND_REPEATS",
    }
    needed = set(environment) - {"AWS_SECRET_ACCESS_KEY"}
    assert set(for_worker(environment)) == needed
    assert set(for_api(environment)) == needed - {"GODWIT_SMTP_URL"}


def test_the_api_is_reached_under_an_address_even_where_it_listens_on_all(tmp_path: Path) -> None:
    for host, expected in {
        "0.0.0.0": "http://127.0.0.1",
        "::": "http://[::1]",
        "127.0.0.1": "http://127.0.0.1",
    }.items():
        options = StackOptions(tmp_path, host=host, port=0, temporal_port=0, ui_port=0)
        ports = Ports(options)
        assert api_url(options, ports) == f"{expected}:{ports.api}"
    away = StackOptions(tmp_path, host="198.51.100.7", port=8_080, temporal_port=0, ui_port=0)
    with pytest.raises(StackError, match="cannot listen on 198.51.100.7:8080"):
        Ports(away)


def test_a_port_that_cannot_be_had_is_named_with_its_option(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        asked = {"port": 0, "temporal_port": 0, "ui_port": 0, "carrier_port": 0}
        for name in asked:
            with pytest.raises(StackError) as error:
                Ports(StackOptions(tmp_path, **{**asked, name: port}))
            option = f"--{name.replace('_', '-')}"
            advice = f"choose another {option}, or 0 for any free port"
            assert str(error.value) == f"port {port} is in use; {advice}"
    # Two parts cannot have one port.
    with pytest.raises(StackError, match=f"port {port} is in use; choose another --ui-port"):
        Ports(StackOptions(tmp_path, port=0, temporal_port=port, ui_port=port))
    with pytest.raises(StackError, match="cannot listen on no.such.host.invalid: "):
        Ports(StackOptions(tmp_path, host="no.such.host.invalid", port=0))


def test_a_carrier_without_its_settings_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith("GODWIT_CARRIER"):
            monkeypatch.delenv(name)
    options = StackOptions(tmp_path / "data", port=0, temporal_port=0, ui_port=0, carrier="twilio")
    stack = Stack(options)
    with pytest.raises(StackError, match="'twilio' cannot be used without GODWIT_CARRIER_TWILIO_"):
        asyncio.run(stack.start())
    assert stack.supervisor.parts == []
    asyncio.run(stack.stop())
