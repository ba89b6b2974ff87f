"""GET /v1/activity: who did what, when and from where."""

import httpx
import pytest

from campaign.instants import HOUR, iso
from store.clock import wall_clock
from tests.serving import Api


async def activity(api: Api, query: str = "") -> list[dict[str, object]]:
    """The first page, newest first."""
    answer = await api.http.get(f"/v1/activity{query}", auth=api.basic())
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["activity"]
    return found


async def test_every_route_that_changes_something_is_recorded_with_key_and_address(
    api: Api,
) -> None:
    pair = api.key()
    auth = httpx.BasicAuth(pair.key_id, pair.secret)

    async def call(method: str, path: str, body: object = None) -> httpx.Response:
        answer = await api.http.request(method, path, json=body, auth=auth)
        assert answer.status_code < 300, (method, path, answer.text)
        return answer

    later = {
        "text": "Hello",
        "recipients": [{"to": "+14155550100"}],
        "scheduleDateTime": iso(wall_clock() + HOUR),
    }
    campaign = (await call("POST", "/v1/campaigns", later)).json()["id"]
    await call("PATCH", f"/v1/campaigns/{campaign}", {"spreadHours": 2.0, "rate": 3.0})
    await call("POST", f"/v1/campaigns/{campaign}/pause")
    await call("POST", f"/v1/campaigns/{campaign}/resume")
    await call("POST", f"/v1/campaigns/{campaign}/cancel")
    await call("POST", "/v1/opt-outs", {"number": "+14155550111"})
    await call("DELETE", "/v1/opt-outs/+14155550111")
    await call("POST", "/v1/senders", {"address": "NEWSHOP"})
    made = (await call("POST", "/v1/keys", {"sandbox": True})).json()
    await call("DELETE", f"/v1/keys/{made['keyId']}")
    regulars = (await call("POST", "/v1/mailing-lists", {"name": "regulars"})).json()["id"]
    await call("DELETE", f"/v1/mailing-lists/{regulars}")
    hook = {"url": "https://hooks.customer.example/in"}
    webhook = (await call("POST", "/v1/webhooks", hook)).json()["id"]
    await call("DELETE", f"/v1/webhooks/{webhook}")
    await call("POST", "/v1/stop")
    await call("POST", "/v1/start")
    await call("DELETE", "/v1/people/+14155550111")
    found = list(reversed(await activity(api, f"?actor={pair.key_id}")))
    assert [one["action"] for one in found] == [
        "campaign.created",
        "campaign.changed",
        "rate.changed",
        "campaign.paused",
        "campaign.resumed",
        "campaign.cancelled",
        "opt_out.added",
        "opt_out.removed",
        "sender.requested",
        "key.created",
        "key.revoked",
        "list.created",
        "list.removed",
        "webhook.created",
        "webhook.removed",
        "brake.set",
        "brake.released",
        "person.erased",
    ]
    for one in found:
        assert one["actor"] == {"kind": "key", "keyId": pair.key_id, "keyName": None}
        assert one["address"] == "127.0.0.1" and one["requestId"]
    changed = found[1]
    assert (changed["before"], changed["after"]) == ({"spreadHours": 0.0}, {"spreadHours": 2.0})
    shown = str(found)
    for secret in (made["keySecret"], "4155550111", "Hello", "regulars", "hooks.customer"):
        assert secret not in shown, secret


@pytest.mark.one_store
async def test_filters_pages_and_faults(api: Api) -> None:
    auth = api.basic()
    for _ in range(5):
        api.key()
    first = (await api.http.get("/v1/activity?limit=2&action=key.created", auth=auth)).json()
    assert len(first["activity"]) == 2 and first["next"]
    seen = [one["id"] for one in first["activity"]]
    while first["next"]:
        query = f"?limit=2&action=key.created&cursor={first['next']}"
        first = (await api.http.get(f"/v1/activity{query}", auth=auth)).json()
        seen += [one["id"] for one in first["activity"]]
    assert len(seen) == len(set(seen)) == 7
    moment = iso(wall_clock() + HOUR)
    assert await activity(api, f"?since={moment}") == []
    assert await activity(api, f"?until={moment}&actor=system") != []
    for wrong in ("since=yesterday", "action=key.eaten", "cursor=abc", "limit=0", "who=me"):
        answer = await api.http.get(f"/v1/activity?{wrong}", auth=auth)
        assert answer.status_code == 400, wrong
    narrow = await api.http.get("/v1/activity", auth=api.basic("read:Campaigns"))
    assert narrow.status_code == 403
    other, pair = api.story.store.accounts.create("other", 0)
    theirs = httpx.BasicAuth(pair.key_id, pair.secret)
    shown = (await api.http.get("/v1/activity", auth=theirs)).json()["activity"]
    assert {one["subject"] for one in shown} == {other.id, pair.key_id}
