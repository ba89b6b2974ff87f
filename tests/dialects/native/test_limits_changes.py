"""``PATCH`` with a window or an expiry changes when what has not left may leave."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.dialects.native.test_text_edits import created, patched
from tests.serving import Api

WINDOW = {"from": "09:00", "to": "20:00", "timezone": "UTC", "outside": "defer"}


def tomorrow(hour: int, days: int = 1) -> str:
    day = datetime.now(UTC).replace(hour=hour, minute=0, second=0, microsecond=0)
    return (day + timedelta(days=days)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def test_a_window_moves_what_waits_and_null_takes_it_away(api: Api) -> None:
    campaign = await created(api, scheduleDateTime=tomorrow(3))
    shown = await patched(api, campaign, {"window": WINDOW})
    assert shown["window"]["from"] == "09:00"
    assert shown["plannedEnd"] == tomorrow(9)
    shown = await patched(api, campaign, {"window": None, "rate": 10})
    assert (shown["window"], shown["rate"]) == (None, 10)


async def test_an_expiry_is_changed_and_taken_away(api: Api) -> None:
    campaign = await created(api, scheduleDateTime=tomorrow(3))
    shown = await patched(api, campaign, {"expiresAt": tomorrow(5)})
    assert shown["expiresAt"] == tomorrow(5)
    assert (await patched(api, campaign, {"expiresAt": None}))["expiresAt"] is None
    answer = await api.http.get("/v1/activity?action=campaign.changed", auth=api.basic())
    last, first = answer.json()["activity"]
    assert (first["before"], first["after"]) == ({"expiresAt": None}, {"expiresAt": tomorrow(5)})
    assert (last["before"], last["after"]) == ({"expiresAt": tomorrow(5)}, {"expiresAt": None})


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
        ({"expiresAt": tomorrow(2)}, "expiresAt"),
        ({"window": WINDOW | {"from": "25:00"}}, "window.from"),
        ({"window": WINDOW, "spreadHours": 1}, "window"),
        ({"window": WINDOW | {"to": "09:01"}}, "window"),
    ],
)
async def test_limits_that_leave_no_room_are_refused_and_change_nothing(
    api: Api, change: dict[str, object], place: str
) -> None:
    campaign = await created(api, scheduleDateTime=tomorrow(3), spreadHours=72)
    url = f"/v1/campaigns/{campaign}"
    before = (await api.http.get(url, auth=api.basic())).json()
    if place == "window" and "spreadHours" not in change:
        await patched(api, campaign, {"expiresAt": tomorrow(3, days=30)})
        before = (await api.http.get(url, auth=api.basic())).json()
    refused = await patched(api, campaign, change, 400)
    assert refused["errors"][0]["place"] == place
    assert (await api.http.get(url, auth=api.basic())).json() == before


async def test_a_start_into_a_window_without_room_before_the_expiry_is_refused(api: Api) -> None:
    campaign = await created(
        api, scheduleDateTime=tomorrow(10), window=WINDOW, expiresAt=tomorrow(23)
    )
    change = {"scheduleDateTime": tomorrow(21)}
    refused = await patched(api, campaign, change, 400)
    assert refused["errors"][0]["code"] == "schedule_invalid"
    shown = await patched(api, campaign, {"scheduleDateTime": tomorrow(12)})
    assert shown["plannedEnd"] == tomorrow(12)
