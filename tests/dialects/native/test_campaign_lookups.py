"""Campaigns are listed by filters, show their facts and timeline, and are read once."""

import asyncio
from typing import Any

import httpx
import pytest

from campaign.instants import HOUR, iso
from dialects.http.auth import Permission
from store.clock import wall_clock
from tests.serving import Api

Json = dict[str, Any]


async def create(api: Api, count: int = 1, **members: object) -> Json:
    recipients = [{"to": f"+1415555{1_000 + index}"} for index in range(count)]
    body = {"text": "Hello", "recipients": recipients, **members}
    answer = await api.http.post("/v1/campaigns", json=body, auth=api.basic())
    assert answer.status_code == 201, answer.text
    shown: Json = answer.json()
    return shown


async def test_campaigns_are_listed_by_what_they_have_in_common(api: Api) -> None:
    later = iso(wall_clock() + HOUR)
    spring = await create(api, name="Spring sale", scheduleDateTime=later)
    autumn = await create(api, name="Autumn SALE", sender="GODWIT", scheduleDateTime=later)
    await api.http.post(f"/v1/campaigns/{spring['id']}/pause", auth=api.basic())

    async def listed(**query: str) -> list[str]:
        answer = await api.http.get("/v1/campaigns", params=query, auth=api.basic(Permission.READ))
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["campaigns"]]

    both = [autumn["id"], spring["id"]]
    assert await listed() == await listed(name="sale") == await listed(dialect="native") == both
    assert await listed(name="spring") == await listed(status="paused") == both[1:]
    assert await listed(sender="GODWIT") == await listed(since=autumn["createdAt"]) == both[:1]
    assert await listed(until=autumn["createdAt"]) == both[1:]
    assert await listed(status="finished") == await listed(dialect="mobivate") == []
    answer = await api.http.get("/v1/campaigns?limit=1&name=sale", auth=api.basic())
    following = await api.http.get(answer.links["next"]["url"], auth=api.basic())
    assert [one["id"] for one in following.json()["campaigns"]] == both[1:]
    assert following.json()["next"] is None and "next" not in following.links


@pytest.mark.one_store
@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("status=sent", "status"),
        ("status=running&status=paused", "status"),
        ("name=", "name"),
        (f"name={'x' * 201}", "name"),
        ("since=now", "since"),
        ("until=tomorrow", "until"),
        ("state=running", "state"),
    ],
)
async def test_a_filter_that_is_wrong_is_refused_with_its_place(
    api: Api, query: str, place: str
) -> None:
    answer = await api.http.get(f"/v1/campaigns?{query}", auth=api.basic())
    assert answer.status_code == 400
    assert [fault["place"] for fault in answer.json()["errors"]] == [place]


async def test_a_campaign_shows_its_rate_its_planned_end_its_reasons_and_credits(api: Api) -> None:
    later = iso(wall_clock() + HOUR)
    campaign = await create(api, 3, scheduleDateTime=later)
    listed = await api.http.get(f"/v1/campaigns/{campaign['id']}/messages", auth=api.basic())
    last = listed.json()["messages"][-1]
    assert (campaign["rate"], campaign["plannedEnd"]) == (None, last["dueAt"])
    held = {"held": {"sms": 6, "mms": 0}, "posted": {"sms": 0, "mms": 0}}
    assert campaign["credits"] == {**held, "voided": {"sms": 0, "mms": 0}}
    assert campaign["reasons"] == [] and campaign["pausedBy"] is None
    url = f"/v1/campaigns/{campaign['id']}"
    changed = await api.http.patch(url, json={"rate": 1 / 1800}, auth=api.basic())
    assert changed.json()["rate"] == 1 / 1800
    assert changed.json()["plannedEnd"] > last["dueAt"]
    paused = (await api.http.post(f"{url}/pause", auth=api.basic())).json()
    assert (paused["pausedBy"], paused["plannedEnd"]) == ("person", None)
    await api.http.post(f"{url}/cancel", auth=api.basic())
    ended = await api.finished(campaign["id"])
    assert ended["reasons"] == [{"status": "cancelled", "reason": "campaign_cancelled", "count": 3}]
    assert ended["credits"]["voided"] == {"sms": 6, "mms": 0}
    assert ended["rate"] is None and ended["plannedEnd"] is None


async def test_a_timeline_has_what_was_planned_and_what_became_of_it(api: Api) -> None:
    campaign = await create(api, 5)
    await api.finished(campaign["id"])
    url = f"/v1/campaigns/{campaign['id']}/timeline"
    points = (await api.http.get(url, auth=api.basic(Permission.READ))).json()
    assert set(points[0]) == {"at", "planned", "sent", "delivered", "failed"}
    totals = {name: sum(point[name] for point in points) for name in points[0] if name != "at"}
    assert totals == {"planned": 5, "sent": 5, "delivered": 0, "failed": 0}
    assert [point["at"] for point in points] == sorted({point["at"] for point in points})
    _, pair = api.story.store.accounts.create("stranger", 0)
    stranger = httpx.BasicAuth(pair.key_id, pair.secret)
    assert (await api.http.get(url, auth=stranger)).status_code == 404
    assert (await api.http.get(f"{url}?points=3", auth=api.basic())).status_code == 400


async def test_what_has_not_changed_is_not_sent_again(api: Api) -> None:
    later = iso(wall_clock() + HOUR)
    campaign = await create(api, 2, scheduleDateTime=later)
    url, auth = f"/v1/campaigns/{campaign['id']}", api.basic()
    for path in (url, "/v1/campaigns", f"{url}/messages", f"{url}/timeline", f"{url}/report"):
        answer = await api.http.get(path, auth=auth)
        tag = answer.headers["etag"]
        for named in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await api.http.get(path, auth=auth, headers={"if-none-match": named})
            assert (again.status_code, again.content) == (304, b""), (path, named)
            assert again.headers["etag"] == tag
        for named in ('"other"', "", tag.strip('"')):
            again = await api.http.get(path, auth=auth, headers={"if-none-match": named})
            assert (again.status_code, again.content) == (200, answer.content), (path, named)


async def test_the_tag_changes_with_whatever_is_shown(api: Api) -> None:
    later = iso(wall_clock() + HOUR)
    campaign = await create(api, 2, scheduleDateTime=later)
    url, auth = f"/v1/campaigns/{campaign['id']}", api.basic()
    tags: list[str] = []

    async def changed() -> None:
        answer = await api.http.get(url, auth=auth, headers={"if-none-match": "".join(tags[-1:])})
        assert answer.status_code == 200
        tags.append(answer.headers["etag"])

    await changed()
    await api.http.patch(url, json={"rate": 5}, auth=auth)
    await changed()
    await api.http.post(f"{url}/pause", auth=auth)
    await changed()
    await api.http.post(f"{url}/cancel", auth=auth)
    await changed()
    await api.finished(campaign["id"])
    await changed()
    assert len(set(tags)) == len(tags)
    await asyncio.sleep(1.1)
    last = await api.http.get(url, auth=auth, headers={"if-none-match": tags[-1]})
    assert last.status_code == 304
