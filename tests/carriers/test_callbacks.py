"""The way in for carriers' news: methods, answers, and addresses that nobody vouches for."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from campaign.handoffs import CarrierCall
from tests.carriers.described import PUBLIC_URL
from tests.carriers.descriptions import KANNEL, TWILIO, twilio_call
from tests.carriers.serving_api import scratch_store, serving_api


@pytest.fixture
async def bare(
    migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    """Our API, in use by Twilio, that was not told its public address."""
    TWILIO.set_up(monkeypatch)
    with scratch_store(migrated, tmp_path) as store:
        async with serving_api(store, "twilio", public_url="") as base_url:
            yield base_url


async def make(call: CarrierCall, url: str, host: str | None = None) -> httpx.Response:
    headers = {**call.headers, **({"host": host} if host is not None else {})}
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        return await http.request(call.method, url, content=call.body, headers=headers)


async def test_without_a_public_address_the_one_that_was_called_is_what_was_signed(
    bare: str,
) -> None:
    fields = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    url = f"{bare}/carriers/twilio/receipts?reference=msg_1"
    assert (await make(twilio_call(url, fields), url)).status_code == 200
    # Behind a proxy the carrier signed another one.
    elsewhere = twilio_call(f"{PUBLIC_URL}/carriers/twilio/receipts?reference=msg_1", fields)
    assert (await make(elsewhere, url)).status_code == 403


@pytest.mark.parametrize("host", ["[", "a:99999", "a:b", "[:::]", "a b", "\u00e9"])
async def test_a_host_that_is_none_is_a_bad_request_and_nothing_worse(bare: str, host: str) -> None:
    call = TWILIO.receipt("msg_1", "delivered")
    headers = [(name.encode(), value.encode()) for name, value in call.headers.items()]
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        answer = await http.post(
            f"{bare}/carriers/twilio/receipts",
            content=call.body,
            headers=[*headers, (b"host", host.encode())],
        )
    assert answer.status_code in (400, 403)


async def test_only_the_carrier_in_use_is_listened_to(bare: str) -> None:
    call = KANNEL.receipt("msg_1", "delivered")
    assert (await make(call, f"{bare}/carriers/kannel/receipts")).status_code == 404
    assert (await make(call, f"{bare}/carriers/nobody/receipts")).status_code == 404


async def test_an_answer_to_twilio_is_markup_that_says_nothing(bare: str) -> None:
    fields = {"From": "+14155551234", "To": "+18005559876", "Body": "Hello"}
    url = f"{bare}/carriers/twilio/inbound"
    answer = await make(twilio_call(url, fields), url)
    assert answer.headers["content-type"].startswith("text/xml")
    assert answer.content == b"<Response/>"


async def test_bodies_are_capped_and_never_unpacked(bare: str) -> None:
    url = f"{bare}/carriers/twilio/inbound"
    call = twilio_call(url, {"Body": "a"})
    assert (await make(replace(call, body=b"a" * 300_000), url)).status_code == 413
    packed = {**call.headers, "content-encoding": "gzip"}
    assert (await make(replace(call, headers=packed), url)).status_code == 415
