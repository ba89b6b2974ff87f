"""Who asks Telesign's API: Basic and signed requests, each wrong in every documented way."""

import asyncio
import time
import uuid
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from dialects.telesign.auth import DATE_TOLERANCE
from dialects.telesign.signature import sign, string_to_sign
from service.campaigns import Admission, CampaignService
from store.accounts.api_keys import KeyPair
from tests.dialects.telesign.client import (
    FORM,
    PATH,
    Bulk,
    bulk,
    check_accepted,
    check_error,
    form,
    signed,
    string_of,
)
from tests.serving import Api

__all__ = ["bulk"]

pytestmark = pytest.mark.one_store

TOLERANCE_SECONDS = DATE_TOLERANCE // 1_000


def test_the_string_and_signature_of_a_known_request_come_out() -> None:
    headers = {
        "content-type": FORM,
        "date": "Tue, 31 Jan 2024 11:36:42 GMT",
        "x-ts-auth-method": "HMAC-SHA256",
        "x-ts-date": "Tue, 31 Jan 2024 11:36:42 GMT",
        "x-ts-nonce": "ab$CDef/gh123+II4jk",
    }
    body = b"recipients=11234567890:A&template=Your message here.&session_id=CustomExternalID1234"
    string = string_to_sign("POST", headers, body, PATH)
    assert string.decode() == (
        "POST\napplication/x-www-form-urlencoded\n\nx-ts-auth-method:HMAC-SHA256\n"
        "x-ts-date:Tue, 31 Jan 2024 11:36:42 GMT\nx-ts-nonce:ab$CDef/gh123+II4jk\n"
        "recipients=11234567890:A&template=Your message here.&session_id=CustomExternalID1234\n"
        "/v1/verify/bulk_sms"
    )
    del headers["x-ts-date"]
    dated = string_to_sign("POST", headers, b"", PATH).decode().split("\n")
    assert (dated[2], dated[-1], len(dated)) == (headers["date"], PATH, 6)
    # RFC 4231, test case 2, with its key as Base64.
    assert sign("SmVmZQ==", b"what do ya want for nothing?") == (
        "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="
    )


async def test_a_signed_request_is_taken_in_either_form_of_date(bulk: Bulk, api: Api) -> None:
    pair, date = api.key(), formatdate(usegmt=True)
    for change in (
        {},
        {"date": None, "x_ts_date": date},
        {"date": "malformed", "x_ts_date": date},
        {"date": f"Sa{date[3:].replace('GMT', '+0000')}"},
        {"x_ts_auth_method": None},
        {"content_type": FORM + "; charset=utf-8"},
        {"x_ts_nonce": "n" * 8},
        {"x_ts_nonce": "n" * 128},
        {"x_ts_other": "signed as well"},
    ):
        body = form(**bulk.fields())
        check_accepted(await bulk.send(body, signed(pair, body, **change)))


async def test_a_changed_byte_is_an_invalid_signature_and_the_right_string_is_told(
    bulk: Bulk, api: Api
) -> None:
    body = form(**bulk.fields())
    headers = signed(api.key(), body)
    changed = body.replace(b"parcel", b"Parcel")
    answer = await bulk.send(changed, headers)
    check_error(answer, -30006, 401, 501)
    del headers["authorization"]
    assert answer.json()["signature_string"].encode() == string_of(headers, changed)
    assert api.story.store.campaigns.list() == []


async def test_another_spelling_of_the_same_fields_is_an_invalid_signature(
    bulk: Bulk, api: Api
) -> None:
    body = form(recipients="14155550100:a", template="a~b c")
    for spelt in (body.replace(b"+", b"%20"), body.replace(b"~", b"%7E"), body + b"&"):
        assert spelt != body
        check_error(await bulk.send(spelt, signed(api.key(), body)), -30006, 401, 501)


async def test_every_signed_header_counts(bulk: Bulk, api: Api) -> None:
    body = form(**bulk.fields())
    headers = signed(api.key(), body)
    others = {
        "content-type": FORM + ";charset=utf-8",
        "date": formatdate(time.time() - 60, usegmt=True),
        "x-ts-nonce": str(uuid.uuid4()),
        "x-ts-date": formatdate(usegmt=True),
        "x-ts-other": "new",
    }
    for name, value in others.items():
        answer = await bulk.send(body, headers | {name: value})
        check_error(answer, -30006, 401, 501)
    check_accepted(await bulk.send(body, headers | {"user-agent": "not signed"}))


async def test_a_header_sent_twice_counts_as_one_with_both_values(bulk: Bulk, api: Api) -> None:
    body = form(**bulk.fields())
    headers = signed(api.key(), body)
    twice = [*headers.items(), ("x-ts-nonce", headers["x-ts-nonce"])]
    answer = await api.http.post(PATH, content=body, headers=twice)
    check_error(answer, -30006, 401, 501)
    joined = f"x-ts-nonce:{headers['x-ts-nonce']},{headers['x-ts-nonce']}\n"
    assert joined in answer.json()["signature_string"]


@pytest.mark.every_store
async def test_a_used_nonce_is_refused(bulk: Bulk, api: Api) -> None:
    body = form(**bulk.fields())
    pair = api.key()
    headers = signed(pair, body)
    check_accepted(await bulk.send(body, headers))
    check_error(await bulk.send(body, headers), -30012, 401, 501)
    other = form(**bulk.fields())
    again = signed(pair, other, x_ts_nonce=headers["x-ts-nonce"])
    check_error(await bulk.send(other, again), -30012, 401, 501)
    check_accepted(
        await bulk.send(other, signed(api.key(), other, x_ts_nonce=headers["x-ts-nonce"]))
    )
    assert len(api.story.store.campaigns.list()) == 2


@pytest.mark.every_store
async def test_a_signed_request_that_got_no_answer_may_come_again_and_is_one_campaign(
    bulk: Bulk, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = form(**bulk.fields())
    pair = api.key()
    headers = signed(pair, body)
    admit = CampaignService.admit

    async def admit_and_die(*args: Any, **options: Any) -> Admission:
        await admit(*args, **options)
        raise RuntimeError("the process died here")

    monkeypatch.setattr(CampaignService, "admit", admit_and_die)
    assert (await bulk.send(body, headers)).status_code == 500
    monkeypatch.undo()
    other = form(**bulk.fields())
    again = signed(pair, other, x_ts_nonce=headers["x-ts-nonce"])
    check_error(await bulk.send(other, again), -30012, 401, 501)
    answer = await bulk.send(body, headers)
    check_accepted(answer)
    (campaign,) = api.story.store.campaigns.list()
    assert answer.json()["reference_id"] == campaign.id
    check_error(await bulk.send(body, headers), -30012, 401, 501)


@pytest.mark.every_store
async def test_one_signed_request_raced_twenty_ways_passes_once(bulk: Bulk, api: Api) -> None:
    body = form(**bulk.fields())
    headers = signed(api.key(), body)
    answers = await asyncio.gather(*(bulk.send(body, headers) for _ in range(20)))
    passed = [answer for answer in answers if answer.status_code == 200]
    assert len(passed) == 1
    check_accepted(passed[0])
    for answer in answers:
        if answer is not passed[0]:
            check_error(answer, -30012, 401, 501)
    assert len(api.story.store.campaigns.list()) == 1


@pytest.mark.every_store
async def test_a_nonce_is_not_used_up_by_a_wrong_signature(bulk: Bulk, api: Api) -> None:
    body = form(**bulk.fields())
    headers = signed(api.key(), body)
    check_error(await bulk.send(body + b"x", headers), -30006, 401, 501)
    check_accepted(await bulk.send(body, headers))


@pytest.mark.every_store
async def test_a_nonce_is_used_up_by_a_request_that_is_refused_later(bulk: Bulk, api: Api) -> None:
    body = form(template="x")
    headers = signed(api.key(), body)
    check_error(await bulk.send(body, headers), -10001, 400)
    check_error(await bulk.send(body, headers), -30012, 401, 501)


async def test_a_nonce_of_another_length_is_30011(bulk: Bulk, api: Api) -> None:
    body = form(**bulk.fields())
    for nonce in (None, "n" * 7, "n" * 129):
        headers = signed(api.key(), body, x_ts_nonce=nonce)
        check_error(await bulk.send(body, headers), -30011, 401, 501)


@pytest.mark.parametrize("header", ["date", "x_ts_date"])
async def test_a_date_beyond_the_tolerance_is_30010(bulk: Bulk, api: Api, header: str) -> None:
    body, beyond = form(**bulk.fields()), TOLERANCE_SECONDS + 5
    for seconds in (-beyond, beyond, -86_400, 9**10):
        date = formatdate(time.time() + seconds, usegmt=True)
        headers = signed(api.key(), body, **{header: date})
        check_error(await bulk.send(body, headers), -30010, 401, 501)


async def test_a_date_within_the_tolerance_is_fine(bulk: Bulk, api: Api) -> None:
    within = TOLERANCE_SECONDS - 30
    for seconds in (-within, within):
        body = form(**bulk.fields())
        headers = signed(api.key(), body, date=formatdate(time.time() + seconds, usegmt=True))
        check_accepted(await bulk.send(body, headers))


async def test_another_form_of_date_is_30009(bulk: Bulk, api: Api) -> None:
    body = form(**bulk.fields())
    for date in (
        "yesterday",
        "2026-11-21T01:25:12Z",
        "1763688312",
        "Sat, 31 Feb 2026 01:25:12 GMT",
        "Sat, 21 Nov 99999 01:25:12 GMT",
        "0" * 9_000,
    ):
        headers = signed(api.key(), body, date=date)
        check_error(await bulk.send(body, headers), -30009, 401, 501)


async def test_without_a_date_it_is_30007(bulk: Bulk, api: Api) -> None:
    body = form(**bulk.fields())
    check_error(await bulk.send(body, signed(api.key(), body, date=None)), -30007, 401, 501)


async def test_another_auth_method_is_30008(bulk: Bulk, api: Api) -> None:
    body = form(**bulk.fields())
    for method in ("HMAC-SHA1", "Basic", ""):
        headers = signed(api.key(), body, x_ts_auth_method=method)
        check_error(await bulk.send(body, headers), -30008, 401, 500)


async def test_without_authorization_it_is_30004(bulk: Bulk) -> None:
    answer = await bulk.send(form(**bulk.fields()), {"content-type": FORM})
    check_error(answer, -30004, 401, 501)
    assert answer.headers["www-authenticate"].startswith("Basic")


async def test_authorization_in_another_form_is_30005(bulk: Bulk) -> None:
    body = form(**bulk.fields())
    basic = ("", "Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer x")
    for authorization in (*basic, "TSA", "TSA AK", "TSA AK:", "TSA :x"):
        headers = {"content-type": FORM, "authorization": authorization}
        check_error(await bulk.send(body, headers), -30005, 401, 501)


async def test_two_authorizations_are_30005(bulk: Bulk, api: Api) -> None:
    body = form(**bulk.fields())
    headers = signed(api.key(), body)
    twice = [*headers.items(), ("authorization", "Basic eDp5")]
    check_error(await api.http.post(PATH, content=body, headers=twice), -30005, 401, 501)


async def test_an_unknown_customer_is_30000_in_both_ways(bulk: Bulk, api: Api) -> None:
    nobody = KeyPair("AK" + "0" * 30, api.key().secret, "")
    body = form(**bulk.fields())
    check_error(await bulk.send(body, signed(nobody, body)), -30000, 401, 501)
    auth = httpx.BasicAuth(nobody.key_id, nobody.secret)
    check_error(await bulk.post(body, auth), -30000, 401, 501)


async def test_a_wrong_api_key_is_30015_in_basic_and_30006_in_signed_requests(
    bulk: Bulk, api: Api
) -> None:
    pair, other = api.key(), api.key()
    body = form(**bulk.fields())
    for secret in (other.secret, pair.secret[:-1], "", pair.secret + "é", pair.bearer):
        auth = httpx.BasicAuth(pair.key_id, secret)
        check_error(await bulk.post(body, auth), -30015, 401, 501)
    mixed = KeyPair(pair.key_id, other.secret, "")
    check_error(await bulk.send(body, signed(mixed, body)), -30006, 401, 501)


@pytest.mark.every_store
async def test_the_state_of_a_key_is_told_to_its_owner_alone(bulk: Bulk, api: Api) -> None:
    store, account = api.story.store, api.story.account
    pair, other = api.key(), api.key()
    body = form(**bulk.fields())
    basic = httpx.BasicAuth(pair.key_id, pair.secret)

    async def check_both(code: int) -> None:
        check_error(await bulk.post(body, basic), code, 401, 501)
        check_error(await bulk.send(body, signed(pair, body)), code, 401, 501)

    store.api_keys.revoke(pair.key_id, 1, account.id)
    await check_both(-30002)
    store.accounts.update(account.id, active=False)
    await check_both(-30001)
    thief = KeyPair(pair.key_id, other.secret, "")
    check_error(await bulk.send(body, signed(thief, body)), -30006, 401, 501)
    wrong = httpx.BasicAuth(pair.key_id, other.secret)
    check_error(await bulk.post(body, wrong), -30015, 401, 501)


async def test_a_key_without_the_permission_is_20002(bulk: Bulk, api: Api) -> None:
    answer = await bulk.post(form(**bulk.fields()), api.basic("read:Campaigns"))
    check_error(answer, -20002, 401, 501)


async def test_basic_requests_need_no_nonce_and_may_repeat_one(bulk: Bulk, api: Api) -> None:
    auth = api.basic()
    extra = {"x_ts_nonce": "same-nonce", "x_ts_auth_method": "Basic", "date": "never"}
    for _ in range(2):
        check_accepted(await bulk.post(form(**bulk.fields()), auth, **extra))


async def test_strangers_are_limited_too(bulk: Bulk) -> None:
    headers = {"content-type": FORM}
    answers = await asyncio.gather(*(bulk.send(b"", headers) for _ in range(65)))
    codes = sorted(answer.json()["errors"][0]["code"] for answer in answers)
    assert codes == [-40007] * 5 + [-30004] * 60
