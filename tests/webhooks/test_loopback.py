"""Webhooks to this machine: on the embedded stack with the pretend carrier, and nowhere else."""

from pathlib import Path

import pytest

from campaign.refusals import Refused
from campaign.settings import Settings
from service.webhooks import check_url
from starter.embedded.options import Ports, StackOptions
from starter.embedded.stack import Stack
from tests.webhooks.peers import Names, egress_client, reason_of, serve
from webhooks.transport import Reason

HERE = [
    "http://localhost:3000/hooks",
    "http://127.0.0.1:3000/",
    "https://127.9.8.7/",
    "http://[::1]:8443/",
]
INSIDE = [
    "http://10.0.0.1/",
    "http://192.168.1.1:3000/",
    "http://169.254.169.254/latest/meta-data/",
    "http://0.0.0.0:3000/",
    "http://[fd00::1]/",
    "http://router/",
    "http://a.localhost:3000/",
    "https://hooks.example.com:3000/",
]
STACK = Settings(loopback_webhooks=True)


@pytest.mark.parametrize("url", HERE)
async def test_this_machine_is_called_under_its_own_names_alone(url: str) -> None:
    async with egress_client(allow_private=False, allow_loopback=True) as here:
        assert not here.refuses(url)
    async with egress_client(allow_private=False) as elsewhere:
        assert elsewhere.refuses(url)


@pytest.mark.parametrize("url", INSIDE)
async def test_what_else_is_inside_stays_refused_where_this_machine_is_not(url: str) -> None:
    async with egress_client(allow_private=False, allow_loopback=True) as here:
        assert here.refuses(url)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_receiver_on_this_machine_gets_the_call(host: str) -> None:
    async with serve() as peer:
        url = f"http://{host}:{peer.port}/hooks"
        async with egress_client(allow_private=False, allow_loopback=True) as here:
            assert (await here.request("POST", url, content=b"{}")).status_code == 200
        async with egress_client(allow_private=False) as elsewhere:
            assert await reason_of(elsewhere, url, "POST") is Reason.URL
        assert peer.hits == 1


async def test_a_name_that_resolves_to_this_machine_is_not_called() -> None:
    names = Names(hooks_example_com=["127.0.0.1"])
    async with serve() as peer:
        options = {"ports": [peer.port], "allow_private": False, "allow_loopback": True}
        async with egress_client(names, **options) as here:
            url = f"http://hooks.example.com:{peer.port}/"
            assert await reason_of(here, url) is Reason.ADDRESS
        assert peer.hits == 0


@pytest.mark.parametrize("url", HERE)
def test_a_webhook_to_this_machine_is_taken_with_the_pretend_carrier_alone(url: str) -> None:
    assert check_url(url, STACK) == url
    others = [
        Settings(),
        STACK.model_copy(update={"carrier": "twilio"}),
        STACK.model_copy(update={"carrier": "pretend,twilio"}),
    ]
    for settings in others:
        with pytest.raises(Refused) as refused:
            check_url(url, settings)
        assert refused.value.refusals[0].place == "url"


@pytest.mark.parametrize("url", INSIDE)
def test_a_webhook_to_another_machine_inside_is_refused_on_the_stack_too(url: str) -> None:
    with pytest.raises(Refused):
        check_url(url, STACK)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", "true"), ("localhost", "true"), ("::1", "true"), ("0.0.0.0", "false")],
)
def test_a_stack_that_other_machines_reach_calls_no_webhook_on_its_own(
    tmp_path: Path, host: str, expected: str
) -> None:
    options = StackOptions(tmp_path, host, 0, 0, 0, 0)
    settings = Settings(secret_key="secret")  # type: ignore[arg-type]
    environment = Stack(options)._environment(settings, Ports(options), None)
    assert environment["GODWIT_LOOPBACK_WEBHOOKS"] == expected
