"""``dryRun=true`` shows what a campaign would send, cost and take, and stores nothing."""

import csv
from datetime import UTC, datetime, timedelta
from typing import Any

from campaign.rates import sender_scope
from tests.conftest import LONG_CODE
from tests.serving import Api

Json = dict[str, Any]


def people(count: int, /, **members: object) -> list[Json]:
    return [{"to": f"+1415555{number:04d}", **members} for number in range(1_000, 1_000 + count)]


async def dry_run(api: Api, body: Json) -> Json:
    answer = await api.http.post(
        "/v1/campaigns", json=body, params={"dryRun": "true"}, auth=api.basic()
    )
    assert answer.status_code == 200, answer.text
    assert api.story.store.campaigns.list() == []
    shown: Json = answer.json()
    return shown


async def test_texts_credits_and_countries_are_shown(api: Api) -> None:
    recipients = [
        *people(2, text="It’s here"),
        {"to": "+4915123456789", "text": "x" * 161},
        {"to": "+4915123456789", "text": "again"},
    ]
    shown = await dry_run(api, {"sender": LONG_CODE, "recipients": recipients})
    assert (shown["admitted"], shown["total"], shown["toSend"]) == (True, 4, 3)
    assert shown["skipped"] == [{"reason": "duplicate", "count": 1}]
    assert shown["encodings"] == {"gsm7": 1, "ucs2": 2}
    assert shown["ucs2Characters"] == [
        {"character": "’", "codePoint": "U+2019", "count": 2, "replacement": "'"}
    ]
    assert (shown["segments"], shown["credits"]) == (4, {"sms": 6, "mms": 0})
    account = api.story.store.accounts.show(api.story.account.id)
    assert account is not None
    assert shown["available"]["sms"] == account.balances["sms"].available  # type: ignore[index]
    assert shown["countries"] == [
        {"country": "US", "messages": 2, "segments": 2, "credits": {"sms": 4, "mms": 0}},
        {"country": "DE", "messages": 1, "segments": 2, "credits": {"sms": 2, "mms": 0}},
    ]


async def test_those_who_opted_out_are_counted_as_skipped(api: Api) -> None:
    await api.http.post("/v1/opt-outs", json={"number": "+14155551000"}, auth=api.basic())
    shown = await dry_run(api, {"text": "Hi", "recipients": people(3)})
    assert (shown["toSend"], shown["skipped"]) == (2, [{"reason": "opted_out", "count": 1}])


async def test_the_samples_are_the_longest_text_and_one_of_each_kind(api: Api) -> None:
    fields = [{"NAME": "Alice"}, {"NAME": "Zoë ☃"}, {"NAME": "B" * 200}, {"NAME": " "}]
    recipients = [one | {"fields": each} for one, each in zip(people(4), fields, strict=True)]
    shown = await dry_run(api, {"text": "Hi {{NAME}}, ok", "recipients": recipients})
    assert [sample["to"][-4:] for sample in shown["samples"]] == ["1002", "1000", "1001", "1003"]
    assert shown["samples"][2] == {
        "to": "+14155551001",
        "text": "Hi Zoë ☃, ok",
        "segments": 1,
        "encoding": "ucs2",
    }


async def test_the_forecast_follows_the_plan_and_the_rate_of_the_sender(api: Api) -> None:
    scope = sender_scope(api.story.account.id, LONG_CODE)
    body = {"sender": LONG_CODE, "text": "Hi", "recipients": people(21), "spreadHours": 0.01}
    planned = (await dry_run(api, body))["forecast"]
    assert planned["seconds"] == 36 * 20 / 21 // 0.001 / 1_000
    assert planned["limitedBy"] == []
    assert sum(part["messages"] for part in planned["timeline"]) == 21
    api.story.store.rates.set_rate(scope, 0.5)
    limited = (await dry_run(api, body))["forecast"]
    assert limited["seconds"] == 40
    assert limited["limitedBy"] == [{"what": f"sender {LONG_CODE}", "segmentsPerSecond": 0.5}]


async def test_what_would_not_leave_before_the_expiry_is_skipped_and_costs_nothing(
    api: Api,
) -> None:
    api.story.store.rates.set_rate(sender_scope(api.story.account.id, LONG_CODE), 0.1)
    expires = (datetime.now(UTC) + timedelta(seconds=95)).isoformat()
    body = {"sender": LONG_CODE, "text": "Hi", "recipients": people(20), "expiresAt": expires}
    shown = await dry_run(api, body)
    assert (shown["toSend"], shown["skipped"]) == (10, [{"reason": "expired", "count": 10}])
    assert (shown["credits"]["sms"], shown["segments"]) == (20, 10)
    assert shown["forecast"]["lastAt"] < expires
    # Its hold is for all of them, as that of the campaign would be.
    refused = await dry_run(api, body | {"creditsMax": {"sms": 39}})
    assert [one["code"] for one in refused["refusals"]] == ["credits_max_exceeded"]


async def test_the_segments_that_smart_encoding_saves_are_the_same_whether_it_is_on_or_off(
    api: Api,
) -> None:
    recipients = people(3, text="It’s " + "x" * 100) + [{"to": "+14155552000", "text": "’☃" * 40}]
    body = {"recipients": recipients}
    shown = await dry_run(api, body)
    encoded = await dry_run(api, body | {"smartEncoding": True})
    assert shown["smartEncodingSaves"] == encoded["smartEncodingSaves"] == 3
    assert shown["segments"] - encoded["segments"] == 3


async def test_as_csv_it_has_a_line_for_each_recipient(api: Api) -> None:
    await api.http.post("/v1/opt-outs", json={"number": "+14155551001"}, auth=api.basic())
    recipients = [
        *people(2, text="=1+1 or “less”"),
        {"to": "+14155551000", "text": "again"},
        {"to": "+4915123456789", "text": "x" * 161},
    ]

    async def lines_of(query: str, accept: str = "text/csv") -> str:
        answer = await api.http.post(
            f"/v1/campaigns?dryRun=true{query}",
            json={"sender": LONG_CODE, "recipients": recipients},
            headers={"accept": accept},
            auth=api.basic(),
        )
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    marked = await lines_of("")
    assert marked.startswith("\ufeffposition,to,status,reason,country,encoding,segments,credits")
    rows = list(csv.DictReader((await lines_of("&bom=false")).splitlines()))
    assert [(row["to"], row["status"], row["reason"]) for row in rows] == [
        ("+14155551000", "queued", ""),
        ("+14155551001", "skipped", "opted_out"),
        ("+14155551000", "skipped", "duplicate"),
        ("+4915123456789", "queued", ""),
    ]
    assert [row["text"] for row in rows[:2]] == ["'=1+1 or “less”"] * 2
    assert [row["encoding"] for row in rows] == ["ucs2", "ucs2", "gsm7", "gsm7"]
    assert [row["creditsSms"] for row in rows] == ["2", "0", "0", "2"]
    assert (rows[3]["country"], rows[3]["segments"]) == ("DE", "2")
    assert rows[0]["dueAt"].endswith("Z") and rows[1]["dueAt"] == ""
    assert (await lines_of("", "application/json")).startswith('{"dryRun":true')
    assert api.story.store.campaigns.list() == []


async def test_nothing_to_send_has_neither_forecast_nor_samples(api: Api) -> None:
    await api.http.post("/v1/opt-outs", json={"number": "+14155551000"}, auth=api.basic())
    shown = await dry_run(api, {"text": "Hi", "recipients": people(1)})
    assert (shown["toSend"], shown["forecast"], shown["samples"]) == (0, None, [])
