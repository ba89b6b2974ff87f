"""The Fone Dynamics API over HTTP: who may call, what comes back, and what fails as a whole."""

import base64
import json
import re
import time

import pytest

from tests.dialects.fonedynamics.calls import (
    ACCEPTED,
    Body,
    Client,
    check_failure,
    check_item,
    message,
    sample,
)
from tests.serving import Api

SID = re.compile(r"[A-Z0-9]{32}")

POOR_SENDER = "+18005550142"


@pytest.fixture
def client(api: Api) -> Client:
    """A key of the account."""
    return Client(api)


async def test_an_accepted_message_is_answered_as_the_page_shows(client: Client) -> None:
    before = int(time.time())
    wanted = message(ExternalId="testid123")
    (item,) = await client.batch(wanted)
    assert item.keys() == sample("answer")[0].keys() == ACCEPTED
    assert SID.fullmatch(item["MessageSid"]) and item["MessageSid"][0] == "M"
    assert (item["AccountSid"], item["PropertySid"]) == (client.pair.key_id, client.property_sid)
    assert {name: item[name] for name in wanted} == wanted
    fixed = {"DeliveryReceipt": True, "NumSegments": 0, "Status": "Processing"}
    assert item.items() >= {**fixed, "Direction": "Transmit", "ErrorCode": ""}.items()
    assert before <= item["Created"] <= time.time()


async def test_a_batch_is_sent_by_one_campaign_and_each_message_can_be_looked_at(
    client: Client,
) -> None:
    answer = await client.post({"Messages": [message(Text=f"No. {n} 🙂") for n in range(3)]})
    items, campaign_id = answer.json(), answer.headers["godwit-campaign"]
    campaign = await client.api.finished(campaign_id)
    assert (campaign["dialect"], campaign["counts"]["sent"]) == ("fonedynamics", 3)
    assert [row["to"] for row in client.api.story.carrier.log] == [one["To"] for one in items]
    for item in items:
        shown = await client.get(item["MessageSid"])
        later = {"Status": "Submitted", "NumSegments": 1, "Submitted": shown["Submitted"]}
        assert shown == {**item, **later}
        assert item["Created"] <= shown["Submitted"] <= time.time()


@pytest.mark.one_store
async def test_the_samples_of_the_page_fail_where_their_own_rules_say_so(client: Client) -> None:
    items = await client.batch(*sample("batch")["Messages"])
    for item in items:
        check_item(item, "INVALID_SENDER_ID", "From")
    client.fill_pool()
    for item in await client.batch(*sample("batch_leased")["Messages"]):
        # Its time is in 2011, and its addresses were hidden from robots.
        check_item(item, "INVALID_SCHEDULE", "Schedule", "ForwardToEmail", "ForwardFromEmail")
    assert client.api.story.store.campaigns.list() == []


async def test_the_sample_of_two_messages_is_sent_by_who_owns_the_senders(client: Client) -> None:
    accounts, account = client.api.story.store.accounts, client.api.story.account
    wanted = sample("batch")["Messages"]
    for one in wanted:
        accounts.add_sender(account.id, one["From"], 0)
    items = await client.batch(*wanted)
    assert [
        {name: item[name] for name in one} for item, one in zip(items, wanted, strict=True)
    ] == wanted


async def test_five_of_eight_are_sent_and_the_rest_say_why(client: Client) -> None:
    wanted = [message() for _ in range(8)]
    wanted[1]["To"] = "0488023555"
    wanted[4]["Text"] = "Cheap vodka, two for one tonight"
    wanted[7]["From"] = "+61499000000"
    answer = await client.post({"Messages": wanted})
    items = answer.json()
    assert [set(item) == ACCEPTED for item in items] == [n not in (1, 4, 7) for n in range(8)]
    assert items[1] == sample("answer")[1]
    check_item(items[4], "FORBIDDEN", "Text")
    check_item(items[7], "INVALID_SENDER_ID", "From")
    campaign = await client.api.finished(answer.headers["godwit-campaign"])
    assert campaign["status"] == "finished_with_failures"
    assert (campaign["counts"]["sent"], campaign["counts"]["failed"]) == (5, 3)
    report = client.api.story.store.campaigns.report(campaign["id"])
    assert (report.posted.sms, report.held.sms, report.voided.sms) == (10, 0, 0)
    assert report.reasons == {
        ("failed", "number_invalid"): 1,
        ("failed", "content_not_compliant"): 1,
        ("failed", "sender_not_owned"): 1,
    }


async def test_without_a_sound_message_nothing_is_stored(client: Client) -> None:
    items = await client.batch({"To": "x"}, None, message(Text=""))
    check_item(items[0], "INVALID_PHONENUMBER_FORMAT", "To", "Text")
    check_item(items[1], "INVALID_PARAMETER")
    check_item(items[2], "MISSING_PARAMETER", "Text")
    assert client.api.story.store.campaigns.list() == []


BAD_CREDENTIALS = [
    None,
    "Basic",
    "Basic !!!",
    "Basic " + base64.b64encode(b"nocolon").decode(),
    "Basic " + base64.b64encode(b"AKNOBODY:secret").decode(),
    "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
    "Bearer x",
]


@pytest.mark.parametrize("header", BAD_CREDENTIALS)
@pytest.mark.one_store
async def test_without_credentials_it_is_challenged(client: Client, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    body = {"Messages": [message()]}
    for path in (client.path, client.path.replace("BatchMessages", "Messages")):
        answer = await client.api.http.post(path, json=body, headers=headers)
        check_failure(answer, 401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"] == 'Basic realm="godwit"'
    answer = await client.api.http.get(f"/v2/Messages/M{'0' * 31}", headers=headers)
    check_failure(answer, 401, "UNAUTHORIZED")
    assert client.api.story.store.campaigns.list() == []


@pytest.mark.one_store
async def test_the_java_client_is_understood(client: Client) -> None:
    """It waits for the challenge, writes Latin-1, and asks for an odd encoding."""
    body = json.dumps({"Messages": [message(Text="naïve café")]}, indent=2, ensure_ascii=False)
    odd = {
        "content-type": "application/json",
        "acceptencoding": "utf-8",
        "accept-encoding": "utf-8",
    }
    raw = body.encode("latin-1")
    first = await client.api.http.post(client.path, content=raw, headers=odd)
    assert first.status_code == 401 and first.headers["www-authenticate"].startswith("Basic realm=")
    again = await client.api.http.post(client.path, content=raw, headers=odd, auth=client.auth)
    (item,) = again.json()
    assert (item["Text"], set(item)) == ("naïve café", ACCEPTED)


@pytest.mark.one_store
async def test_a_body_that_is_utf_8_is_read_as_that(client: Client) -> None:
    items = await client.batch(message(Text="naïve € 🙂"), message(Text="Ã¯"))
    assert [item["Text"] for item in items] == ["naïve € 🙂", "Ã¯"]


@pytest.mark.parametrize(
    ("permissions", "status"), [(("read:Campaigns",), 403), (("create:BatchSMS",), 200)]
)
@pytest.mark.one_store
async def test_a_key_needs_the_permission_to_send(
    client: Client, permissions: tuple[str, ...], status: int
) -> None:
    client.pair = client.api.key(*permissions)
    answer = await client.post({"Messages": [message()]})
    assert answer.status_code == status
    if status == 403:
        check_failure(answer, 403, "FORBIDDEN")


@pytest.mark.one_store
async def test_a_property_must_be_the_accounts_own(client: Client) -> None:
    other = client.api.story.store.accounts.create("other", 0)[0].property_sid
    for sid in (other, "S" + "0" * 31, client.property_sid.lower()):
        answer = await client.post(
            {"Messages": [message()]}, client.path.replace(client.property_sid, sid)
        )
        check_failure(answer, 404, "PROPERTY_NOT_FOUND")
    for sid in ("S123", "x" * 33, "S" + "é" * 31, client.property_sid + "%0A"):
        path = f"/v2/Properties/{sid}/BatchMessages"
        check_failure(await client.post({"Messages": [message()]}, path), 400, "FormatException")
    answer = await client.post({"Messages": [message()]}, "/v2/Properties/S1/BatchMessages")
    assert answer.json() == sample("answer_failed")


WHOLE: dict[str, tuple[bytes, int, str, list[str]]] = {
    "no JSON": (b"Messages=1", 400, "FormatException", []),
    "nothing": (b"", 400, "FormatException", []),
    "a list": (b"[]", 400, "FormatException", []),
    "no Messages": (b"{}", 400, "MISSING_PARAMETER", ["Messages"]),
    "no message": (b'{"Messages": []}', 400, "MISSING_PARAMETER", ["Messages"]),
    "null": (b'{"Messages": null}', 400, "MISSING_PARAMETER", ["Messages"]),
    "an object": (b'{"Messages": {"To": "+61488023555"}}', 400, "INVALID_PARAMETER", ["Messages"]),
    "a member twice": (b'{"Messages": [], "Messages": []}', 400, "FormatException", []),
    "a member in two cases": (b'{"Messages": [1], "messages": []}', 400, "FormatException", []),
    "NaN": (b'{"Messages": [NaN]}', 400, "FormatException", []),
    "NUL": (b'{"Messages": [{"Text": "\\u0000"}]}', 400, "FormatException", []),
    "half a pair": (b'{"Messages": [{"Text": "\\ud800"}]}', 400, "FormatException", []),
    "a long number": (b'{"Messages": [' + b"1" * 5_000 + b"]}", 400, "FormatException", []),
    "too deep": (b"[" * 200_000, 400, "FormatException", []),
    "UTF-16": ('{"Messages": []}'.encode("utf-16"), 400, "FormatException", []),
    "two byte order marks": (b"\xef\xbb\xbf" * 2 + b"{}", 400, "FormatException", []),
    "a byte order mark": (b"\xef\xbb\xbf{}", 400, "MISSING_PARAMETER", ["Messages"]),
}


@pytest.mark.parametrize("fault", WHOLE)
@pytest.mark.one_store
async def test_what_cannot_be_read_fails_as_a_whole(client: Client, fault: str) -> None:
    raw, status, code, fields = WHOLE[fault]
    headers = {"content-type": "application/json; charset=utf-8"}
    answer = await client.api.http.post(client.path, content=raw, headers=headers, auth=client.auth)
    check_failure(answer, status, code, *fields)


@pytest.mark.one_store
async def test_a_batch_has_at_most_1000_messages(client: Client) -> None:
    answer = await client.post({"Messages": [message()] * 1_001})
    check_failure(answer, 400, "INVALID_PARAMETER", "Messages")


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded"])
@pytest.mark.one_store
async def test_only_json_is_taken(client: Client, media_type: str) -> None:
    headers = {"content-type": media_type} if media_type else {}
    raw = json.dumps({"Messages": [message()]}).encode()
    answer = await client.api.http.post(client.path, content=raw, headers=headers, auth=client.auth)
    check_failure(answer, 415, "FormatException")


@pytest.mark.one_store
async def test_a_body_over_the_limit_is_413(client: Client) -> None:
    raw = b" " * (32 * 1024 * 1024 + 1)
    headers = {"content-type": "application/json"}
    answer = await client.api.http.post(client.path, content=raw, headers=headers, auth=client.auth)
    check_failure(answer, 413, "FormatException")


@pytest.mark.parametrize(
    "path", ["/v2/", "/v2/Messages", "/v2/Properties/S1", "/v2/Nothing/at/all"]
)
@pytest.mark.one_store
async def test_paths_that_are_nobodys_are_told_in_the_vendors_words(
    client: Client, path: str
) -> None:
    check_failure(await client.post({}, path), 404, "NOT_FOUND")


@pytest.mark.one_store
async def test_another_method_is_told_in_the_vendors_words(client: Client) -> None:
    answer = await client.api.http.get(client.path, auth=client.auth)
    check_failure(answer, 405, "METHOD_NOT_ALLOWED")


@pytest.mark.one_store
async def test_the_301st_request_of_a_minute_has_to_wait(client: Client) -> None:
    get = f"/v2/Messages/{'0' * 32}"
    for _ in range(300):
        answer = await client.api.http.get(get, auth=client.auth)
        assert answer.status_code == 400
    answer = await client.api.http.get(get, auth=client.auth)
    check_failure(answer, 429, "TOO_MANY_REQUESTS")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


async def test_too_little_credit_and_the_quota_fail_the_whole_batch(client: Client) -> None:
    story = client.api.story
    poor, client.pair = story.store.accounts.create("poor", 0, 3, 0, (POOR_SENDER,))
    path = client.path.replace(client.property_sid, poor.property_sid)
    own = message(From=POOR_SENDER)
    batch: Body = {"Messages": [own, message(From=POOR_SENDER)]}
    check_failure(await client.post(batch, path), 403, "INSUFFICIENT_CREDIT")
    story.store.accounts.update(poor.id, daily_quota=1)
    check_failure(await client.post(batch, path), 403, "QUOTA_REACHED")
    assert story.carrier.log == []
    assert (await client.post({"Messages": [own]}, path)).status_code == 200


async def test_the_same_request_under_an_automatic_key_has_the_same_answer(client: Client) -> None:
    story = client.api.story
    story.store.accounts.update(story.account.id, auto_key="payload_hash")
    client.fill_pool()
    batch = {"Messages": [message(), message(From=None), message(To="1")]}
    first = await client.post(batch)
    await client.api.finished(first.headers["godwit-campaign"])
    assert (await client.post(batch)).json() == first.json()
    assert len(story.carrier.log) == 2
