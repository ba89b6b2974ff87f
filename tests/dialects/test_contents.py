"""Tags, texts of nothing visible and addresses beyond ASCII, over HTTP in every dialect's words."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.conftest import LONG_CODE
from tests.dialects.mobivate.calls import accepted, batch, bearer, check_error
from tests.serving import Api

Json = dict[str, Any]


async def create(api: Api, body: Json, expected: int, **query: str) -> Json:
    answer = await api.http.post("/v1/campaigns", json=body, params=query, auth=api.basic())
    assert answer.status_code == expected, answer.text
    shown: Json = answer.json()
    return shown


def campaign(text: str, **fields: str) -> Json:
    return {"text": text, "recipients": [{"to": "+14155551000", "fields": fields}]}


TAGS = ["First Name", "Pr\u00e9nom", "\u59d3\u540d", "naam-2", "a.b"]


@pytest.mark.one_store
async def test_tags_with_spaces_and_letters_of_every_script_are_filled_in_dry_runs_too(
    api: Api,
) -> None:
    for name in TAGS:
        body = campaign(f"Hi {{{{{name}}}}}", **{name: "Ada"})
        assert (await create(api, body, 200, dryRun="true"))["admitted"], name
        path = f"/v1/campaigns/{(await create(api, body, 201))['id']}/messages"
        listed = (await api.http.get(path, auth=api.basic())).json()["messages"]
        assert [one["text"] for one in listed] == ["Hi Ada"], name


@pytest.mark.one_store
@pytest.mark.parametrize("query", [{"dryRun": "true"}, {}])
async def test_a_tag_without_a_value_or_that_is_none_is_a_fault_with_its_place(
    api: Api, query: dict[str, str]
) -> None:
    for name in TAGS:
        problem = await create(api, campaign(f"Hi {{{{{name}}}}}"), 400, **query)
        (error,) = problem["errors"]
        assert (error["code"], error["place"]) == (
            "template_fields_missing",
            "recipients[0].fields",
        ), name
    for body in ("Hi {{", "Hi {{}}", "Hi {{ }}", "Hi {{a", "Hi {{{{a}}}}"):
        problem = await create(api, campaign(body, a="x"), 400, **query)
        assert problem["errors"][0]["place"].startswith(("text", "recipients[0].")), body
    assert api.story.store.campaigns.list() == []


# --------------------------------------------------------------------------- nothing visible

NOTHING = ["   ", "\u200b\u2060", "\u00a0\t"]


@pytest.mark.one_store
async def test_a_text_of_nothing_visible_is_missing_in_each_dialects_words(api: Api) -> None:
    for nothing in NOTHING:
        problem = await create(api, campaign("{{NAME}}", NAME=nothing), 400)
        assert problem["errors"][0]["code"] == "content_missing", repr(nothing)

        body = batch(1, text="{{NAME}}")
        body["recipients"][0]["meta"] = {"NAME": nothing}
        answer = await api.http.post("/send/batch", json=body, headers=bearer(api))
        check_error(answer, "ValidationError", 400)

        item = {"From": LONG_CODE, "To": "+61488023555", "Text": nothing}
        sid = api.story.account.property_sid
        path = f"/v2/Properties/{sid}/BatchMessages"
        answer = await api.http.post(path, json={"Messages": [item]}, auth=api.basic())
        (shown,) = answer.json()
        assert (shown["ErrorCode"], shown["Errors"]) == (
            "MISSING_PARAMETER",
            [{"FieldName": "Text"}],
        ), repr(nothing)

        bodies = api.batch(10)
        for recipient in bodies["recipients"]:
            recipient["body"] = nothing
        answer = await api.post_batch(bodies)
        assert (answer.status_code, answer.json()["code"]) == (400, 33024), repr(nothing)

        form = {"recipients": "14155551000", "template": nothing}
        answer = await api.http.post("/v1/verify/bulk_sms", data=form, auth=api.basic())
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["code"] == -10001, repr(nothing)
    assert api.story.carrier.log == []


# --------------------------------------------------------------------------- addresses

WRITTEN = {
    "https://cb.example/cb\u00fc?a=\u00e9": "https://cb.example/cb%C3%BC?a=%C3%A9",
    "https://ex\u00e4mple.example/cb": "https://xn--exmple-cua.example/cb",
    "https://stra\u00dfe.example/": "https://xn--strae-oqa.example/",
}
IMPOSSIBLE = ["https://cb.example/a%zz", "https://b..example/", "https://\u200d.example/"]


def stored(api: Api, campaign_id: str) -> list[str | None]:
    query = "SELECT callback_url FROM message WHERE campaign_id = :id"
    with api.story.store.database.engine.connect() as connection:
        return [row[0] for row in connection.execute(text(query), {"id": campaign_id})]


@pytest.mark.one_store
async def test_callback_addresses_are_stored_in_ascii_or_refused_with_their_place(
    api: Api,
) -> None:
    for url, written in WRITTEN.items():
        record = await accepted(api, batch(1, callbackURL=url))
        assert stored(api, record["id"]) == [written]
    for url in IMPOSSIBLE:
        answer = await api.http.post(
            "/send/batch", json=batch(1, callbackURL=url), headers=bearer(api)
        )
        error = check_error(answer, "ValidationError", 400)
        assert error["details"][0]["path"] == "callbackURL"


async def fone_dynamics(api: Api, url: str) -> tuple[httpx.Response, Json]:
    item = {
        "From": LONG_CODE,
        "To": "+61488023555",
        "Text": "Hello",
        "DeliveryReceiptWebhookUri": url,
    }
    path = f"/v2/Properties/{api.story.account.property_sid}/BatchMessages"
    answer = await api.http.post(path, json={"Messages": [item]}, auth=api.basic())
    (shown,) = answer.json()
    return answer, shown


@pytest.mark.one_store
async def test_receipt_addresses_of_items_are_stored_in_ascii_or_fail_the_item(api: Api) -> None:
    for url, written in WRITTEN.items():
        answer, _ = await fone_dynamics(api, url)
        assert stored(api, answer.headers["godwit-campaign"]) == [written]
    for url in IMPOSSIBLE:
        _, shown = await fone_dynamics(api, url)
        assert shown["Errors"] == [{"FieldName": "DeliveryReceiptWebhookUri"}]


@pytest.mark.one_store
async def test_webhook_and_media_addresses_are_stored_in_ascii_or_refused_with_their_place(
    api: Api,
) -> None:
    for url, written in WRITTEN.items():
        body = {"url": url, "events": ["*"]}
        answer = await api.http.post("/v1/webhooks", json=body, auth=api.basic())
        assert (answer.status_code, answer.json()["url"]) == (201, written)
        media = {"recipients": [{"to": "+14155551000"}], "mediaUrl": url, "sender": LONG_CODE}
        shown = await create(api, media, 201)
        path = f"/v1/campaigns/{shown['id']}/messages"
        listed = (await api.http.get(path, auth=api.basic())).json()["messages"]
        assert [one["mediaUrl"] for one in listed] == [written]
    for url in IMPOSSIBLE:
        body = {"url": url, "events": ["*"]}
        answer = await api.http.post("/v1/webhooks", json=body, auth=api.basic())
        assert answer.status_code == 400
        assert [error["place"] for error in answer.json()["errors"]] == ["url"]
        media = {"recipients": [{"to": "+14155551000"}], "mediaUrl": url, "sender": LONG_CODE}
        problem = await create(api, media, 400)
        assert problem["errors"][0]["place"] == "recipients[0].mediaUrl"
