"""What the API says of a campaign whose messages are kept no longer."""

import httpx

from campaign.instants import DAY, iso
from store.clock import wall_clock
from tests.dialects.native.test_message_search import create
from tests.serving import Api


async def test_a_campaign_says_since_when_its_messages_are_gone_and_keeps_its_report(
    api: Api,
) -> None:
    now = wall_clock()
    campaign = await create(api, "+14155550100", "+14155550101", scheduleDateTime=iso(now + DAY))
    path = f"/v1/campaigns/{campaign['id']}"

    async def get(what: str, accept: str = "application/json") -> httpx.Response:
        return await api.http.get(f"{path}{what}", auth=api.basic(), headers={"accept": accept})

    shown = (await get("/messages")).json()
    assert shown["messagesRemovedAt"] is None
    message = shown["messages"][0]["id"]
    assert (await get("", "*/*")).json()["messagesRemovedAt"] is None
    assert (await get("/report", "text/csv")).status_code == 200
    store, long_ago = api.story.store, now - 9 * DAY
    store.database.write(
        lambda connection: [
            connection.exec_driver_sql(statement)
            for statement in (
                "UPDATE message SET status = 'cancelled'",
                f"UPDATE campaign SET status = 'cancelled', finished_at = {long_ago}",
            )
        ]
    )
    before = (await get("/report")).json()
    assert store.removal.remove(now - 5 * DAY, now, 10)
    assert (await get("/messages")).json() == {
        "messages": [],
        "next": None,
        "messagesRemovedAt": iso(now),
    }
    found = (await get("")).json()
    assert found["messagesRemovedAt"] == iso(now)
    assert (found["counts"]["total"], found["counts"]["cancelled"]) == (2, 2)
    assert (await get("/report")).json() == before
    refused = [await get("/report", "text/csv")]
    url = f"{path}/messages/{message}/resolve"
    refused.append(await api.http.post(url, json={"outcome": "sent"}, auth=api.basic()))
    for answer in refused:
        assert answer.status_code == 410
        assert answer.json()["type"] == "urn:godwit:problem:messages_removed"
    single = await api.http.get(f"/v1/messages/{message}", auth=api.basic())
    assert single.status_code == 404
