"""Unknown, repeated and wrong query parameters are refused in the words of each API."""

from typing import Any

import pytest

from tests.dialects.http.test_access import OPEN, belongings, filled, headers, operations
from tests.serving import Api

pytestmark = pytest.mark.one_store


async def test_every_route_refuses_an_unknown_query_parameter_and_names_it(api: Api) -> None:
    things = await belongings(api) | {"{number}": "+14155550102"}
    campaigns = len(api.story.store.campaigns.list())
    tried = 0
    for method, path in await operations(api):
        if path.startswith(OPEN):
            continue
        sent = headers(api.key(), path)
        url = f"{filled(path, things, change=False)}?dryrun=true"
        if path == "/message":
            url += "&startDate=2026-11-01&endDate=2026-11-02"
        answer = await api.http.request(method, url, headers=sent, json={})
        assert answer.status_code == 400, (method, path, answer.text)
        assert "dryrun" in answer.text.lower(), (method, path, answer.text)
        tried += 1
    assert tried > 40
    assert len(api.story.store.campaigns.list()) == campaigns


async def test_a_misspelt_dry_run_sends_nothing_and_a_probe_takes_any_parameter(api: Api) -> None:
    body = {"text": "Hello", "recipients": [{"to": "+14155550100"}]}
    for query in ("dryrun=true", "dryRun=true&dryRun=true", "dryRun=true&dryRun=false"):
        refused = await api.http.post(f"/v1/campaigns?{query}", json=body, auth=api.basic())
        assert refused.status_code == 400
        (fault,) = refused.json()["errors"]
        assert fault["place"] == query.partition("=")[0] and fault["code"] == "field_invalid"
    assert api.story.store.campaigns.list() == []
    for path in ("/healthz", "/metrics"):
        assert (await api.http.get(f"{path}?probe=1&probe=2")).status_code == 200


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/api/v1/messaging/batch", lambda body: body["details"]["fields"][0]["path"]),
        ("/v2/Messages/M1", lambda body: body["ResponseStatus"]["Errors"][0]["FieldName"]),
        ("/send/batch", lambda body: body["error"]["details"][0]["path"]),
        ("/addressbook/optout", lambda body: body["message"]),
        ("/v1/verify/bulk_sms", lambda body: body["errors"][0]["description"].lower()),
        ("/v1/credits", lambda body: body["errors"][0]["place"]),
    ],
)
async def test_the_fault_of_a_parameter_has_the_shape_of_the_api(
    api: Api, path: str, shape: Any
) -> None:
    is_get = path.startswith(("/v2/", "/addressbook/", "/v1/credits"))
    answer = await api.http.request(
        "GET" if is_get else "POST", f"{path}?surprise=1", headers=headers(api.key(), path)
    )
    assert answer.status_code == 400
    assert "surprise" in shape(answer.json())


async def test_a_parameter_with_a_wrong_value_is_field_invalid_with_its_place(api: Api) -> None:
    for query, place in (("limit=abc", "limit"), ("limit=1.5", "limit"), ("limit=", "limit")):
        answer = await api.http.get(f"/v1/campaigns?{query}", auth=api.basic())
        assert answer.status_code == 400
        shown = answer.json()
        assert shown["type"] == "urn:godwit:problem:field_invalid"
        assert [fault["place"] for fault in shown["errors"]] == [place]
    wrong = await api.http.post("/v1/campaigns?dryRun=perhaps", json={}, auth=api.basic())
    assert wrong.json()["errors"][0]["place"] == "dryRun"
