"""The native API over HTTP: create, look, steer, count, and keep tenants apart."""

import asyncio
import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from campaign.credits import CreditKind
from campaign.failures import TemporaryFailure
from campaign.handoffs import Acceptance, Handoff
from campaign.states import MessageStatus
from carriers.pretend import PretendCarrier
from dialects.native.cursors import write_cursor
from tests.serving import Api

Json = dict[str, Any]


def people(count: int, **members: object) -> list[Json]:
    return [{"to": f"+1415555{1_000 + index}", **members} for index in range(count)]


async def create(api: Api, body: Json, expected: int = 201, **query: str) -> Json:
    answer = await api.http.post("/v1/campaigns", json=body, params=query, auth=api.basic())
    assert answer.status_code == expected, answer.text
    shown: Json = answer.json()
    return shown


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


HOURS: Json = {"from": "09:00", "to": "17:00"}


@pytest.mark.one_store
async def test_the_hours_of_a_campaign_are_kept_and_shown(api: Api) -> None:
    expires_on = in_days(300)[:10]
    body = {
        "text": "Hi {{name|friend}}: it’s here",
        "recipients": [{"to": "+14155551000", "timezone": "Asia/Tokyo"}],
        "purpose": "marketing",
        "window": HOURS | {"days": ["sat", "mon"], "outside": "defer"},
        "expiresAt": f"{expires_on}T10:00Z",
        "validitySeconds": 3600,
        "smartEncoding": True,
    }
    shown = await create(api, body)
    assert (shown["purpose"], shown["validitySeconds"]) == ("marketing", 3600)
    assert shown["expiresAt"] == f"{expires_on}T10:00:00.000Z"
    days = {"days": ["mon", "sat"], "timezone": "recipient", "outside": "defer"}
    assert shown["window"] == HOURS | days
    listed = await api.http.get(f"/v1/campaigns/{shown['id']}/messages", auth=api.basic())
    (message,) = listed.json()["messages"]
    due = datetime.fromisoformat(message["dueAt"]).astimezone(ZoneInfo("Asia/Tokyo"))
    assert due.strftime("%a") in ("Mon", "Sat") and 9 <= due.hour < 17
    assert message["text"] == "Hi friend: it's here"


async def test_a_campaign_with_everything_is_taken_and_shown(api: Api) -> None:
    body = {
        "name": "Autumn",
        "sender": "GODWIT",
        "text": "Hi {{NAME}}, your size {{size}} is back",
        "scheduleDateTime": in_days(3),
        "spreadHours": 6,
        "rate": 2.5,
        "idempotencyKey": "autumn-26",
        "excludeDuplicates": True,
        "excludeOptOuts": True,
        "recipients": [
            {"to": "+14155551000", "fields": {"name": "Ada", "SIZE": "M"}, "reference": "row 1"},
            {"to": "+14155551001", "text": "Hello {{name}}", "fields": {"name": "{{size}}"}},
            {
                "to": "+14155551002",
                "text": "Look",
                "mediaUrl": "https://example.com/a.jpg",
                "sender": "+18005559876",
            },
            {
                "to": "+14155551003",
                "text": "Now",
                "sender": "72345",
                "scheduleDateTime": in_days(1),
            },
            {"to": "+14155551000", "text": "Twice"},
        ],
    }
    shown = await create(api, body)
    assert shown["id"].startswith("cmp_") and shown["status"] == "scheduled"
    assert (shown["name"], shown["sender"], shown["spreadHours"]) == ("Autumn", "GODWIT", 6)
    assert shown["rate"] == 2.5
    counts = shown["counts"]
    assert list(counts) == [
        "total",
        "queued",
        "sending",
        "retryable",
        "sent",
        "delivered",
        "undelivered",
        "failed",
        "skipped",
        "cancelled",
        "unknown",
    ]
    assert (counts["total"], counts["queued"], counts["skipped"]) == (5, 4, 1)
    listed = await api.http.get(f"/v1/campaigns/{shown['id']}/messages", auth=api.basic())
    messages = listed.json()["messages"]
    assert [message["text"] for message in messages[:2]] == [
        "Hi Ada, your size M is back",
        "Hello {{size}}",
    ]
    assert messages[0]["reference"] == "row 1"
    assert messages[2]["kind"] == "mms" and messages[3]["sender"] == "72345"
    assert messages[4]["reason"] == "duplicate"
    replayed = await create(api, body, expected=200)
    assert replayed["id"] == shown["id"]


async def test_a_rate_too_slow_for_the_spread_is_refused_and_leaves_nothing(api: Api) -> None:
    people = [{"to": f"+1415555{n}"} for n in range(1_000, 1_100)]
    body = {"text": "Hello", "recipients": people, "spreadHours": 0.01, "rate": 1}
    dry = await api.http.post("/v1/campaigns?dryRun=true", json=body, auth=api.basic())
    assert dry.json()["forecast"]["limitedBy"] == [{"what": "campaign", "segmentsPerSecond": 1.0}]
    assert [one["code"] for one in dry.json()["refusals"]] == ["spread_invalid"]
    refused = await create(api, body, expected=400)
    assert refused["errors"][0]["code"] == "spread_invalid"
    assert api.story.store.rates.rates() == {}


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ({"recipients": []}, "too_few_recipients", "recipients"),
        ({"recipients": None}, "field_invalid", "recipients"),
        ({"nonsense": 1}, "field_invalid", "nonsense"),
        ({"status": "finished"}, "field_invalid", "status"),
        ({"accountId": "acc_other"}, "field_invalid", "accountId"),
        ({"name": "x" * 201}, "field_invalid", "name"),
        ({"spreadHours": -1}, "field_invalid", "spreadHours"),
        ({"spreadHours": 336.1}, "spread_invalid", "spreadHours"),
        ({"spreadHours": "6"}, "field_invalid", "spreadHours"),
        ({"rate": 0}, "field_invalid", "rate"),
        ({"rate": 100_001}, "field_invalid", "rate"),
        ({"sender": "not a sender!"}, "sender_invalid", "recipients[0].sender"),
        ({"scheduleDateTime": "tomorrow"}, "schedule_invalid", "scheduleDateTime"),
        ({"scheduleDateTime": in_days(367)}, "schedule_invalid", "scheduleDateTime"),
        ({"scheduleDateTime": in_days(-1)}, "schedule_invalid", "scheduleDateTime"),
        ({"text": "Hi {{name}}"}, "template_fields_missing", "recipients[0].fields"),
        ({"text": None}, "content_missing", "recipients[0].text"),
        ({"text": "x" * 1_601}, "content_too_long", "recipients[0].text"),
        ({"idempotencyKey": "ä" * 5}, "idempotency_key_invalid", "idempotencyKey"),
        ({"recipients": [{"to": "0800 123"}]}, "number_invalid", "recipients[0].to"),
        ({"recipients": [{}]}, "field_missing", "recipients[0].to"),
        ({"mediaUrl": "javascript:alert(1)"}, "media_invalid", "recipients[0].mediaUrl"),
        ({"purpose": "spam"}, "field_invalid", "purpose"),
        ({"window": {"from": "9:00", "to": "17:00"}}, "field_invalid", "window.from"),
        ({"window": {"from": "09:00", "to": "08:00"}}, "field_invalid", "window.to"),
        ({"window": {"from": "09:00"}}, "field_missing", "window.to"),
        ({"window": HOURS | {"days": []}}, "field_invalid", "window.days"),
        ({"window": HOURS | {"days": ["monday"]}}, "field_invalid", "window.days[0]"),
        ({"window": HOURS | {"timezone": "Mars/Base"}}, "field_invalid", "window.timezone"),
        ({"window": HOURS | {"outside": "wait"}}, "field_invalid", "window.outside"),
        ({"expiresAt": "soon"}, "field_invalid", "expiresAt"),
        ({"expiresAt": in_days(-1)}, "field_invalid", "expiresAt"),
        ({"expiresAt": in_days(367)}, "field_invalid", "expiresAt"),
        ({"expiresAt": "9999-12-31T23:59Z"}, "field_invalid", "expiresAt"),
        (
            {"expiresAt": in_days(1), "scheduleDateTime": in_days(2)},
            "field_invalid",
            "expiresAt",
        ),
        ({"validitySeconds": 59}, "field_invalid", "validitySeconds"),
        (
            {"recipients": [{"to": "+14155551000", "timezone": "../etc"}]},
            "field_invalid",
            "recipients[0].timezone",
        ),
    ],
)
@pytest.mark.one_store
async def test_a_fault_is_a_problem_document_with_its_place(
    api: Api, change: Json, code: str, place: str
) -> None:
    body = {"text": "Hello", "recipients": people(2)} | change
    problem = await create(api, body, expected=400)
    assert problem["errors"][0]["place"] == place
    assert problem["type"] == f"urn:godwit:problem:{problem['errors'][0]['code']}"
    assert problem["errors"][0]["code"] == code
    assert api.story.store.campaigns.list() == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"sender": "+18005550000"}, 403, "sender_not_owned"),
        ({"text": "Buy cheap vodka tonight"}, 422, "content_not_compliant"),
    ],
)
async def test_a_no_of_the_workflow_reaches_the_caller(
    api: Api, change: Json, status: int, code: str
) -> None:
    body = {"text": "Hello", "recipients": people(2)} | change
    problem = await create(api, body, expected=status)
    assert problem["type"] == f"urn:godwit:problem:{code}"


async def test_a_rehearsal_judges_and_prices_and_stores_nothing(api: Api) -> None:
    body = {"text": "x" * 161, "recipients": people(3, mediaUrl="https://example.com/a.png")}
    shown = await create(api, body, expected=200, dryRun="true")
    assert (shown["admitted"], shown["toSend"], shown["segments"]) == (True, 3, 6)
    assert shown["credits"] == {"sms": 3, "mms": 3}
    refused = await create(api, body | {"sender": "+18005550000"}, expected=200, dryRun="true")
    assert not refused["admitted"]
    assert [one["code"] for one in refused["refusals"]] == ["sender_not_owned"]
    assert api.story.store.campaigns.list() == []


async def test_opted_out_numbers_are_skipped_unless_the_campaign_includes_them(api: Api) -> None:
    added = await api.http.post("/v1/opt-outs", json={"number": "+14155551001"}, auth=api.basic())
    assert added.status_code == 201
    body = {"text": "Hello", "recipients": people(3)}
    counts = (await create(api, body))["counts"]
    assert (counts["total"], counts["skipped"]) == (3, 1)
    everybody = (await create(api, body | {"excludeOptOuts": False}))["counts"]
    assert everybody["skipped"] == 0
    gone = await api.http.delete("/v1/opt-outs/+14155551001", auth=api.basic())
    assert gone.status_code == 204
    listed = await api.http.get("/v1/opt-outs", auth=api.basic())
    assert listed.json() == {"optOuts": [], "next": None}


async def test_pages_show_every_message_once(api: Api) -> None:
    campaign = await create(api, {"text": "Hello", "recipients": people(25)})
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": "10"} | ({"cursor": cursor} if cursor else {})
        answer = await api.http.get(
            f"/v1/campaigns/{campaign['id']}/messages", params=query, auth=api.basic()
        )
        page = answer.json()
        seen += [message["position"] for message in page["messages"]]
        cursor = page["next"]
    assert seen == list(range(25))
    for query in ({"limit": "0"}, {"limit": "x"}, {"cursor": "-1"}, {"status": "lost"}):
        answer = await api.http.get(
            f"/v1/campaigns/{campaign['id']}/messages", params=query, auth=api.basic()
        )
        assert answer.status_code == 400, query


async def test_the_list_is_paged_newest_first(api: Api) -> None:
    made = [
        (await create(api, {"text": f"Hello {n}", "recipients": people(1)}))["id"] for n in range(3)
    ]
    first = await api.http.get("/v1/campaigns", params={"limit": "2"}, auth=api.basic())
    page = first.json()
    second = await api.http.get(
        "/v1/campaigns", params={"limit": "2", "cursor": page["next"]}, auth=api.basic()
    )
    seen = [one["id"] for one in page["campaigns"] + second.json()["campaigns"]]
    assert sorted(seen) == sorted(made) and second.json()["next"] is None


async def test_pause_resume_and_cancel_are_answered_202_and_an_ended_campaign_409(
    api: Api,
) -> None:
    body = {"text": "Hello", "recipients": people(5), "scheduleDateTime": in_days(2)}
    campaign = await create(api, body)
    path = f"/v1/campaigns/{campaign['id']}"
    for verb, status in (("pause", "paused"), ("resume", "scheduled"), ("cancel", "cancelled")):
        answer = await api.http.post(f"{path}/{verb}", auth=api.basic())
        assert answer.status_code == 202
        async with asyncio.timeout(20):
            while (await api.http.get(path, auth=api.basic())).json()["status"] != status:
                await asyncio.sleep(0.05)
    ended = await api.http.post(f"{path}/pause", auth=api.basic())
    assert (ended.status_code, ended.json()["type"]) == (409, "urn:godwit:problem:campaign_ended")
    report = (await api.http.get(f"{path}/report", auth=api.basic())).json()
    assert report["credits"]["voided"] == {"sms": 10, "mms": 0}


async def test_a_retry_is_answered_202_and_409_402_or_404_with_its_reason(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def retried(path: str) -> tuple[int, str, str]:
        answer = await api.http.post(f"{path}/retry", auth=api.basic())
        shown = answer.json()
        return answer.status_code, shown.get("type", shown["status"]), shown.get("title", "")

    assert (await retried("/v1/campaigns/nothing"))[0] == 404
    later = {"text": "Hello", "recipients": people(2), "scheduleDateTime": in_days(2)}
    waiting = await create(api, later)
    runs = await retried(f"/v1/campaigns/{waiting['id']}")
    assert runs[:2] == (409, "urn:godwit:problem:campaign_runs") and "by themselves" in runs[2]

    async def refuse(carrier: PretendCarrier, handoff: Handoff) -> Acceptance:
        raise TemporaryFailure("carrier_configuration")

    with monkeypatch.context() as patched:
        patched.setattr(PretendCarrier, "send", refuse)
        campaign = await create(api, {"text": "Hello", "recipients": people(2)})
        path = f"/v1/campaigns/{campaign['id']}"
        assert (await api.finished(campaign["id"]))["counts"]["failed"] == 2
    poor = "UPDATE credit SET available = available - {0}, granted = granted - {0}"
    available = api.story.store.accounts.show(api.story.account.id)
    assert available is not None
    some = available.balances[CreditKind.SMS].available
    write = api.story.store.database.write
    write(lambda connection: connection.exec_driver_sql(poor.format(some)))
    assert (await retried(path))[:2] == (402, "urn:godwit:problem:credits_insufficient")
    write(lambda connection: connection.exec_driver_sql(poor.format(-some)))
    for _ in range(2):
        code, status, _ = await retried(path)
        assert (code, status) in ((202, "running"), (409, "urn:godwit:problem:nothing_failed"))
    async with asyncio.timeout(20):
        while (shown := (await api.http.get(path, auth=api.basic())).json())["status"] == "running":
            await asyncio.sleep(0.05)
    assert (shown["status"], shown["counts"]["sent"]) == ("finished", 2)
    assert (await retried(path))[:2] == (409, "urn:godwit:problem:nothing_failed")
    await api.http.post(f"/v1/campaigns/{waiting['id']}/cancel", auth=api.basic())
    await api.finished(waiting["id"])
    over = await retried(f"/v1/campaigns/{waiting['id']}")
    assert over[:2] == (409, "urn:godwit:problem:campaign_ended")


async def test_a_waiting_campaign_gets_another_schedule_and_an_ended_one_none(api: Api) -> None:
    body = {"text": "Hello", "recipients": people(5), "scheduleDateTime": in_days(2)}
    path = f"/v1/campaigns/{(await create(api, body))['id']}"
    later = (datetime.now(UTC) + timedelta(days=9)).replace(microsecond=0).isoformat()
    moved = await api.http.patch(path, json={"scheduleDateTime": later}, auth=api.basic())
    assert moved.status_code == 200
    shown = moved.json()["scheduleDateTime"]
    assert datetime.fromisoformat(shown) == datetime.fromisoformat(later)
    for change, kind, place in (
        ({}, "field_missing", "scheduleDateTime"),
        ({"scheduleDateTime": "soon"}, "schedule_invalid", "scheduleDateTime"),
        ({"scheduleDateTime": in_days(367)}, "schedule_invalid", "scheduleDateTime"),
        ({"scheduleDateTime": later, "spread": 2}, "field_invalid", "spread"),
    ):
        refused = await api.http.patch(path, json=change, auth=api.basic())
        assert (refused.status_code, refused.json()["errors"][0]["place"]) == (400, place)
        assert refused.json()["errors"][0]["code"] == kind
    assert (await api.http.get(path, auth=api.basic())).json()["scheduleDateTime"] == shown
    await api.http.post(f"{path}/cancel", auth=api.basic())
    async with asyncio.timeout(20):
        while (await api.http.get(path, auth=api.basic())).json()["status"] != "cancelled":
            await asyncio.sleep(0.05)
    ended = await api.http.patch(path, json={"scheduleDateTime": later}, auth=api.basic())
    assert (ended.status_code, ended.json()["type"]) == (409, "urn:godwit:problem:campaign_ended")


async def test_a_waiting_campaign_gets_another_spread_and_one_that_began_keeps_its_own(
    api: Api,
) -> None:
    body = {"text": "Hello", "recipients": people(4), "scheduleDateTime": in_days(2)}
    path = f"/v1/campaigns/{(await create(api, {**body, 'spreadHours': 6}))['id']}"

    async def change(**asked: object) -> httpx.Response:
        return await api.http.patch(path, json=asked, auth=api.basic())

    async def dues() -> list[datetime]:
        messages = (await api.http.get(f"{path}/messages", auth=api.basic())).json()["messages"]
        return [datetime.fromisoformat(message["dueAt"]) for message in messages]

    start = (await dues())[0]
    for hours, apart in ((2, 30), (0.5, 7.5), (0, 0), (72, 1_080)):
        changed = await change(spreadHours=hours)
        assert changed.status_code == 200
        assert changed.json()["spreadHours"] == hours
        assert await dues() == [start + timedelta(minutes=apart * index) for index in range(4)]
    sooner = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    everything = {"scheduleDateTime": sooner.isoformat(), "spreadHours": 1, "rate": 5}
    changed = await change(**everything)
    assert changed.status_code == 200 and changed.json()["spreadHours"] == 1
    assert datetime.fromisoformat(changed.json()["scheduleDateTime"]) == sooner
    assert await dues() == [sooner + timedelta(minutes=15 * index) for index in range(4)]
    assert [*api.story.store.rates.rates().values()] == [5]

    # The first of the four goes at once, and the others are hours away.
    assert (await change(scheduleDateTime=in_days(0), spreadHours=6)).status_code == 200
    async with asyncio.timeout(20):
        while (await api.http.get(path, auth=api.basic())).json()["counts"]["sent"] == 0:
            await asyncio.sleep(0.05)
    late = await change(spreadHours=1, rate=9)
    assert (late.status_code, late.json()["type"]) == (409, "urn:godwit:problem:campaign_began")
    await api.http.post(f"{path}/cancel", auth=api.basic())
    shown = await api.finished(path.rpartition("/")[2])
    assert (shown["spreadHours"], shown["counts"]["cancelled"]) == (6, 3)
    over = await change(spreadHours=1)
    assert (over.status_code, over.json()["type"]) == (409, "urn:godwit:problem:campaign_ended")


async def test_of_one_change_all_is_done_or_nothing(api: Api) -> None:
    body = {"text": "Hello", "recipients": people(4), "scheduleDateTime": in_days(2)}
    campaign = await create(api, {**body, "spreadHours": 6})
    path = f"/v1/campaigns/{campaign['id']}"
    sound = {"scheduleDateTime": in_days(1), "spreadHours": 1, "rate": 5}
    for wrong, kind in (
        ({"spreadHours": 336.1}, "spread_invalid"),
        ({"spreadHours": -1}, "spread_invalid"),
        ({"spreadHours": "2"}, "field_invalid"),
        ({"spreadHours": True}, "field_invalid"),
        ({"rate": 0}, "field_invalid"),
        ({"scheduleDateTime": in_days(400)}, "schedule_invalid"),
    ):
        refused = await api.http.patch(path, json=sound | wrong, auth=api.basic())
        assert refused.status_code == 400, wrong
        (error,) = refused.json()["errors"]
        assert [error["place"]] == list(wrong) and error["code"] == kind
    for nothing in ({}, {"spreadHours": None}):
        refused = await api.http.patch(path, json=nothing, auth=api.basic())
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "field_missing")
    both = sound | {"spreadHours": 337, "scheduleDateTime": in_days(-1)}
    refused = await api.http.patch(path, json=both, auth=api.basic())
    places = [error["place"] for error in refused.json()["errors"]]
    assert places == ["scheduleDateTime", "spreadHours"]
    shown = (await api.http.get(path, auth=api.basic())).json()
    assert shown == campaign
    assert api.story.store.rates.rates() == {}


async def test_a_campaign_gets_a_speed_and_loses_it(api: Api) -> None:
    body = {"text": "Hello", "recipients": people(5), "scheduleDateTime": in_days(2)}
    campaign_id = (await create(api, body))["id"]
    path, rates = f"/v1/campaigns/{campaign_id}", api.story.store.rates.rates
    assert (await api.http.patch(path, json={"rate": 2.5}, auth=api.basic())).status_code == 200
    assert rates() == {f"campaign:{campaign_id}": 2.5}
    for rate in (0, -1, 100_001, "5", True):
        refused = await api.http.patch(path, json={"rate": rate}, auth=api.basic())
        assert refused.status_code == 400, rate
        assert refused.json()["errors"][0]["place"] == "rate"
    both = {"rate": None, "scheduleDateTime": in_days(3)}
    assert (await api.http.patch(path, json=both, auth=api.basic())).status_code == 200
    assert rates() == {}
    senders = (await api.http.get("/v1/senders", auth=api.basic())).json()["senders"]
    assert {sender["rate"] for sender in senders} == {None}


async def test_the_report_is_json_or_csv_without_formulas(api: Api) -> None:
    recipients = people(12)
    recipients[0]["reference"] = "=1+1"
    recipients[1]["to"] = "+14155550001"
    campaign = await create(api, {"text": "Hello", "recipients": recipients})
    await api.finished(campaign["id"])
    path = f"/v1/campaigns/{campaign['id']}/report"
    result = (await api.http.get(path, auth=api.basic())).json()
    assert result["status"] == "finished_with_failures"
    assert {"status": "failed", "reason": "invalid_number", "count": 1} in result["reasons"]
    assert result["credits"]["posted"]["sms"] == 22
    answer = await api.http.get(path, headers={"accept": "text/csv"}, auth=api.basic())
    assert answer.text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == 12 and rows[0]["reference"] == "'=1+1"
    assert {row["status"] for row in rows} == {"sent", "failed"}


async def test_another_tenants_campaigns_do_not_exist(api: Api) -> None:
    campaign = await create(api, {"text": "Hello", "recipients": people(1)})
    _, pair = api.story.store.accounts.create("other", 0)
    other = httpx.BasicAuth(pair.key_id, pair.secret)
    path = f"/v1/campaigns/{campaign['id']}"
    body = {"spreadHours": 1}
    for method, url in (
        ("GET", path),
        ("GET", f"{path}/messages"),
        ("GET", f"{path}/report"),
        ("POST", f"{path}/pause"),
        ("POST", f"{path}/resume"),
        ("POST", f"{path}/cancel"),
        ("PATCH", path),
    ):
        theirs = await api.http.request(method, url, auth=other, json=body)
        nobody = url.replace("cmp_", "cmp_x")
        nobodys = await api.http.request(method, nobody, auth=other, json=body)
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.json() == nobodys.json()
    assert (await api.http.get("/v1/campaigns", auth=other)).json()["campaigns"] == []
    listed = await api.http.get(
        "/v1/campaigns", params={"cursor": write_cursor("campaigns", campaign["id"])}, auth=other
    )
    assert listed.json()["campaigns"] == []


PERMISSIONS = {
    ("POST", "/v1/campaigns"): "create:BatchSMS",
    ("GET", "/v1/campaigns"): "read:Campaigns",
    ("GET", "/v1/campaigns/{id}"): "read:Campaigns",
    ("PATCH", "/v1/campaigns/{id}"): "manage:Campaigns",
    ("GET", "/v1/campaigns/{id}/messages"): "read:Campaigns",
    ("GET", "/v1/campaigns/{id}/report"): "read:Campaigns",
    ("POST", "/v1/campaigns/{id}/pause"): "manage:Campaigns",
    ("POST", "/v1/campaigns/{id}/resume"): "manage:Campaigns",
    ("POST", "/v1/campaigns/{id}/cancel"): "manage:Campaigns",
    ("POST", "/v1/campaigns/{id}/retry"): "manage:Campaigns",
    ("POST", "/v1/campaigns/{id}/messages/{id}/resolve"): "manage:Campaigns",
    ("GET", "/v1/credits"): "read:Campaigns",
    ("GET", "/v1/senders"): "read:Campaigns",
    ("POST", "/v1/senders"): "manage:Account",
    ("DELETE", "/v1/senders/{id}"): "manage:Account",
    ("GET", "/v1/keys"): "manage:Account",
    ("POST", "/v1/keys"): "manage:Account",
    ("DELETE", "/v1/keys/{id}"): "manage:Account",
    ("GET", "/v1/opt-outs"): "read:Campaigns",
    ("POST", "/v1/opt-outs"): "manage:Campaigns",
    ("GET", "/v1/opt-outs/{id}"): "read:Campaigns",
    ("DELETE", "/v1/opt-outs/{id}"): "manage:Campaigns",
    ("GET", "/v1/inbound-messages"): "read:Campaigns",
    ("GET", "/v1/people/{id}"): "read:Campaigns",
    ("DELETE", "/v1/people/{id}"): "manage:Account",
    ("POST", "/v1/stop"): "manage:Campaigns",
    ("POST", "/v1/start"): "manage:Campaigns",
    ("GET", "/v1/keywords"): "read:Campaigns",
    ("PUT", "/v1/keywords"): "manage:Account",
    ("POST", "/v1/webhooks"): "manage:Account",
    ("GET", "/v1/webhooks"): "read:Campaigns",
    ("GET", "/v1/webhooks/{id}"): "read:Campaigns",
    ("DELETE", "/v1/webhooks/{id}"): "manage:Account",
    ("POST", "/v1/webhooks/{id}/rotate"): "manage:Account",
    ("POST", "/v1/webhooks/{id}/enable"): "manage:Account",
    ("POST", "/v1/webhooks/{id}/replay"): "manage:Campaigns",
    ("GET", "/v1/webhooks/{id}/dead-letters"): "read:Campaigns",
    ("GET", "/v1/campaigns/{id}/clicks"): "read:Campaigns",
    ("POST", "/v1/mailing-lists"): "manage:Campaigns",
    ("GET", "/v1/mailing-lists"): "read:Campaigns",
    ("GET", "/v1/mailing-lists/{id}"): "read:Campaigns",
    ("DELETE", "/v1/mailing-lists/{id}"): "manage:Campaigns",
    ("GET", "/v1/mailing-lists/{id}/members"): "read:Campaigns",
    ("POST", "/v1/mailing-lists/{id}/members"): "manage:Campaigns",
    ("DELETE", "/v1/mailing-lists/{id}/members/{id}"): "manage:Campaigns",
    ("GET", "/v1/activity"): "manage:Account",
    ("GET", "/v1/messages"): "read:Campaigns",
    ("GET", "/v1/messages/{id}"): "read:Campaigns",
    ("GET", "/v1/campaigns/{id}/timeline"): "read:Campaigns",
    ("GET", "/v1/campaigns/{id}/events"): "read:Campaigns",
    ("POST", "/v1/test-sends"): "create:BatchSMS",
    ("POST", "/v1/webhooks/{id}/test"): "manage:Campaigns",
    ("GET", "/v1/webhooks/{id}/deliveries/{id}"): "read:Campaigns",
    ("POST", "/v1/listeners"): "read:Campaigns",
    ("POST", "/v1/listeners/{id}/deliveries"): "read:Campaigns",
    ("DELETE", "/v1/listeners/{id}"): "read:Campaigns",
}


@pytest.mark.one_store
async def test_every_native_route_asks_for_its_permission(api: Api) -> None:
    names = sorted(set(PERMISSIONS.values()))
    keys = {name: api.basic(name) for name in names}
    for (method, path), needed in PERMISSIONS.items():
        url = path.replace("{id}", "nothing")
        nobody = await api.http.request(method, url, json={})
        assert nobody.status_code == 401, (method, path)
        assert "www-authenticate" in nobody.headers
        for name in names:
            answer = await api.http.request(method, url, json={}, auth=keys[name])
            assert (answer.status_code == 403) == (name != needed), (method, path, name)
    openapi = (await api.http.get("/openapi.json")).json()
    listed = {
        (method.upper(), re.sub(r"\{\w+\}", "{id}", path))
        for path, methods in openapi["paths"].items()
        for method in methods
        if path.startswith("/v1/") and not path.startswith("/v1/verify/")
    }
    assert listed == set(PERMISSIONS)


async def test_a_key_makes_no_key_that_may_more_than_itself(api: Api) -> None:
    auth = api.basic("manage:Account")
    more = await api.http.post("/v1/keys", json={"permissions": ["*"]}, auth=auth)
    assert more.status_code == 403
    made = await api.http.post("/v1/keys", json={}, auth=auth)
    assert made.status_code == 201 and made.json()["permissions"] == ["manage:Account"]
    listed = (await api.http.get("/v1/keys", auth=auth)).json()["keys"]
    assert made.json()["keySecret"] not in str(listed)
    bearer = {"authorization": f"Bearer {made.json()['bearer']}"}
    assert (await api.http.get("/v1/keys", headers=bearer)).status_code == 200
    gone = await api.http.delete(f"/v1/keys/{made.json()['keyId']}", auth=auth)
    assert gone.status_code == 204
    assert (await api.http.get("/v1/keys", headers=bearer)).status_code == 401


async def test_senders_are_added_listed_and_removed(api: Api) -> None:
    api.story.settings.senders_self_service = True
    added = await api.http.post("/v1/senders", json={"address": "NEWSHOP"}, auth=api.basic())
    assert (added.status_code, added.json()["kind"]) == (201, "alphanumeric")
    bad = await api.http.post("/v1/senders", json={"address": "much too long"}, auth=api.basic())
    assert bad.status_code == 400
    addresses = [
        one["address"]
        for one in (await api.http.get("/v1/senders", auth=api.basic())).json()["senders"]
        if one["active"]
    ]
    assert "NEWSHOP" in addresses
    gone = await api.http.delete("/v1/senders/NEWSHOP", auth=api.basic())
    assert gone.status_code == 204
    body = {"text": "Hello", "sender": "NEWSHOP", "recipients": people(1)}
    await create(api, body, expected=403)


async def test_receipts_move_messages_forward_once_and_stop_words_silence(api: Api) -> None:
    campaign = await create(api, {"text": "Hello", "recipients": people(3)})
    await api.finished(campaign["id"])
    messages = api.story.store.campaigns.messages(campaign["id"])
    receipt = {"id": "pretend-1", "status": "undelivered", "at": "2026-11-21T10:00:00Z"}
    for status, reference in (
        ("undelivered", messages[0].id),
        ("delivered", messages[0].id),
        ("delivered", messages[1].id),
        ("delivered", "msg_nobody"),
    ):
        body = receipt | {"status": status, "reference": reference}
        answer = await api.http.post("/carriers/pretend/receipts", json=body)
        assert answer.status_code == 202
    states = [one.status for one in api.story.store.campaigns.messages(campaign["id"])]
    assert states == [MessageStatus.UNDELIVERED, MessageStatus.DELIVERED, MessageStatus.SENT]
    for malformed in (b"", b"[]", b'{"status": "lost"}', b"\xff"):
        answer = await api.http.post("/carriers/pretend/receipts", content=malformed)
        assert answer.status_code == 400
    assert (await api.http.post("/carriers/nobody/receipts")).status_code == 404
    text = {"from": "+14155551002", "to": "72345", "body": " Stop! ", "at": receipt["at"]}
    assert (await api.http.post("/carriers/pretend/inbound", json=text)).status_code == 202
    listed = (await api.http.get("/v1/opt-outs", auth=api.basic())).json()["optOuts"]
    assert [one["number"] for one in listed] == ["+14155551002"]
    back = text | {"body": "START", "at": "2026-11-21T10:00:01Z"}
    assert (await api.http.post("/carriers/pretend/inbound", json=back)).status_code == 202
    assert (await api.http.get("/v1/opt-outs", auth=api.basic())).json()["optOuts"] == []
