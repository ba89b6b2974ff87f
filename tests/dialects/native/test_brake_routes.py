"""An account stops and starts its own sending; the operator's stop is not the account's to end."""

import pytest

from campaign.instants import iso
from tests.serving import Api


@pytest.mark.one_store
async def test_an_account_stops_and_starts_itself_again_and_again(api: Api) -> None:
    store, account = api.story.store, api.story.account
    stopped = await api.http.post("/v1/stop", auth=api.basic())
    (stop,) = store.brakes.in_force()
    expected = {"stopped": True, "since": iso(stop.since), "by": "account"}
    assert (stopped.status_code, stopped.json()) == (200, expected)
    assert (await api.http.post("/v1/stop", auth=api.basic())).json() == expected
    assert stop.scope == account.id and not stop.by_operator
    assert (await api.http.get("/readyz")).json()["problems"]["sending"] == (
        f"stopped since {iso(stop.since)} for 1 account"
    )
    started = await api.http.post("/v1/start", auth=api.basic())
    expected = {"stopped": False, "since": None, "by": None}
    assert (started.status_code, started.json()) == (200, expected)
    assert (await api.http.post("/v1/start", auth=api.basic())).json() == expected
    assert api.story.store.brakes.in_force() == []


@pytest.mark.one_store
async def test_the_operators_stop_is_shown_and_not_ended_by_the_account(api: Api) -> None:
    store = api.story.store
    stop = store.brakes.stop(None, 1_000, by_operator=True)
    answer = await api.http.post("/v1/start", auth=api.basic())
    assert (answer.status_code, answer.json()["type"]) == (
        409,
        "urn:godwit:problem:stopped_by_operator",
    )
    assert store.brakes.in_force() == [stop]
    ready = (await api.http.get("/readyz")).json()
    assert ready["sending"] is False and "godwit start --all" in ready["problems"]["sending"]


@pytest.mark.one_store
async def test_a_key_that_may_not_control_campaigns_cannot_stop_them(api: Api) -> None:
    auth = api.basic("read:Campaigns")
    for path in ("/v1/stop", "/v1/start"):
        assert (await api.http.post(path, auth=auth)).status_code == 403
    assert api.story.store.brakes.in_force() == []
