"""Fone Dynamics: rules of its pages that no other test is about."""

from dataclasses import replace

import httpx
import pytest

from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.instants import DAY
from campaign.replies import ReplyOptions
from campaign.states import MessageStatus
from dialects.fonedynamics.message import read_item
from dialects.fonedynamics.responses import show_message
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from starter.api.app import create_app
from tests.dialects.fonedynamics.calls import Client, check_failure, message
from tests.serving import Api
from tests.starter.api.test_app import away


@pytest.fixture
def client(api: Api) -> Client:
    """A key of the account."""
    return Client(api)


@pytest.mark.parametrize("sender", ["A", "z", "1a", "Planet Expr", "Bean 4 Two", "ABCDEFGHIJK"])
def test_a_name_has_one_to_eleven_letters_digits_and_spaces(sender: str) -> None:
    item = read_item(message(From=sender), {sender}, 20_000 * DAY, False, {})
    assert (item.faults, item.recipient.sender) == ([], sender)


async def test_a_revoked_key_and_a_closed_account_are_challenged(client: Client) -> None:
    accounts, account = client.api.story.store.accounts, client.api.story.account
    other = client.api.key()
    client.api.story.store.api_keys.revoke(client.pair.key_id, 1, account.id)
    check_failure(await client.post({"Messages": [message()]}), 401, "UNAUTHORIZED")
    client.pair = other
    assert (await client.post({"Messages": [message()]})).status_code == 200
    accounts.update(account.id, active=False)
    answer = await client.post({"Messages": [message()]})
    check_failure(answer, 401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"] == 'Basic realm="godwit"'


@pytest.mark.one_store
async def test_looking_at_a_message_needs_the_permission_to_read(client: Client) -> None:
    sid = (await client.one())["MessageSid"]
    client.pair = client.api.key("create:BatchSMS")
    answer = await client.api.http.get(f"/v2/Messages/{sid}", auth=client.auth)
    check_failure(answer, 403, "FORBIDDEN")
    client.pair = client.api.key("read:Campaigns")
    assert (await client.get(sid))["MessageSid"] == sid


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ServiceUnavailable("no verdict"), 503, "SERVICE_UNAVAILABLE"),
        (StoreUnavailable("OperationalError"), 503, "SERVICE_UNAVAILABLE"),
        (ZeroDivisionError("a bug with +61488023555 in it"), 500, "INTERNAL_ERROR"),
    ],
)
@pytest.mark.one_store
async def test_what_is_our_fault_fails_the_whole_request_in_the_vendors_shape(
    client: Client, error: Exception, status: int, code: str
) -> None:
    story = client.api.story
    api_context = ApiContext(story.settings, story.store, away(error), RequestLimiter("memory://"))
    transport = httpx.ASGITransport(create_app(api_context), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://godwit") as http:
        client.api = replace(client.api, http=http)
        answer = await client.post({"Messages": [message()]})
    check_failure(answer, status, code)
    assert "61488023555" not in answer.text
    assert ("retry-after" in answer.headers) is (status == 503)


async def test_without_receipts_a_delivered_message_stays_submitted(client: Client) -> None:
    item = await client.one()
    story = client.api.story
    (campaign,) = story.store.campaigns.list()
    (stored,) = story.store.campaigns.messages(campaign.id)
    delivered = replace(stored, status=MessageStatus.DELIVERED, sent_at=1_000, final_at=2_000)
    result = show_message(delivered, 0, ReplyOptions(), "A", "S")
    assert (result["Status"], result["Submitted"], result["Delivered"]) == (
        "Delivered",
        1,
        2,
    )
    opted_out = show_message(delivered, 0, ReplyOptions(receipts=False), "A", "S")
    assert (opted_out["Status"], "Delivered" in opted_out) == ("Submitted", False)
    assert opted_out["MessageSid"] == item["MessageSid"]


@pytest.mark.one_store
async def test_no_number_text_or_secret_is_logged(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = message(Text="canary in the coal mine")
    await client.batch(wanted, message(To="+0", Text="canary in the coal mine"))
    result = capsys.readouterr()
    for secret in (wanted["To"], "canary", client.pair.secret):
        assert secret not in result.out + result.err


@pytest.mark.one_store
async def test_an_answer_that_fails_is_never_a_success_to_the_vendors_clients(
    client: Client,
) -> None:
    """They take an item for sent if it has a MessageSid, and read a bare list alone."""
    answer = await client.post({"Messages": [{"To": "+1"}]})
    assert isinstance(answer.json(), list)
    assert "MessageSid" not in answer.json()[0]
    assert isinstance(answer.json()[0]["Message"], str)
