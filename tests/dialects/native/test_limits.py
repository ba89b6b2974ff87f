"""How far ahead and over how long a campaign may go: generous, and set by the installation."""

from campaign.instants import DAY, iso
from campaign.settings import Settings
from tests.dialects.http.test_access import headers
from tests.serving import Api


async def test_an_installation_sets_how_far_ahead_and_over_how_long_campaigns_go(api: Api) -> None:
    now = await api.story.now()
    wide = {"spreadHours": 336, "scheduleDateTime": iso(now + 365 * DAY)}
    native = {"text": "Hello", "recipients": [{"to": "+14155550100"}]}
    mobivate = {"text": "Hi", "originator": "GODWIT", "recipients": [{"recipient": "14155550101"}]}
    bodies = {"/v1/campaigns": native, "/send/batch": mobivate}
    for path, body in bodies.items():
        sent = headers(api.key(), path)
        answer = await api.http.post(path, json={**body, **wide}, headers=sent)
        assert answer.is_success, answer.text
    default = Settings()
    assert (default.spread_hours_max, default.schedule_days_max) == (336.0, 366)
    settings = api.story.settings
    settings.spread_hours_max, settings.schedule_days_max = 24.0, 7
    for path, body in bodies.items():
        for member, value, limit in (
            ("spreadHours", 25, "24 hours"),
            ("scheduleDateTime", iso(now + 8 * DAY), "7 days"),
        ):
            sent = headers(api.key(), path)
            answer = await api.http.post(path, json={**body, member: value}, headers=sent)
            assert answer.status_code == 400, (path, member)
            assert limit in answer.text, answer.text
    path = f"/v1/campaigns/{api.story.store.campaigns.list()[0].id}"
    for change in ({"spreadHours": 25}, {"scheduleDateTime": iso(now + 8 * DAY)}):
        refused = await api.http.patch(path, json=change, auth=api.basic())
        assert refused.status_code == 400, change
