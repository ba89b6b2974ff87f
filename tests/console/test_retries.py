"""What failed is sent again for the reasons that somebody chooses."""

from collections.abc import Callable

import pytest

from campaign.states import MessageStatus
from tests.conftest import finish
from tests.console.browsing import Browser
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]


async def test_reasons_are_chosen_before_anything_is_sent_again(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    draft = api.story.draft(4, name="Shipped <b>")
    draft.recipients[0] = draft.recipients[1].__class__(to="+14155550001", text="Hello")
    campaign_id = (await api.story.service.admit(draft)).campaign.id
    await finish(api.story, campaign_id)
    path = f"/console/campaigns/{campaign_id}"
    # Nothing failed for a reason that passes, so that only the choice is offered.
    shown = await one.get(path)
    assert "/retry" in " ".join(shown.links) and not any(
        form.action.endswith("/retry") for form in shown.forms
    )
    page = await one.get(f"{path}/retry")
    assert "1 : This number does not exist." in page.text and "b" not in page.tags
    assert "It will most likely fail again." in page.text
    form = page.form("/retry")
    box = next(name for name in form.fields if name.startswith("reason "))
    assert box == "reason invalid_number"
    without = {name: value for name, value in form.fields.items() if name != box}
    none = await one.post(form.action, **without)
    assert none.status == 400 and "Choose at least one reason." in none.text
    assert (await one.post(form.action, token=form.fields["token"])).status == 409
    page = await one.send(form)
    assert page.status == 200 and "sent again what failed by the key AK" in page.text
    await finish(api.story, campaign_id)
    messages = api.story.store.campaigns.messages(campaign_id)
    assert messages[0].status is MessageStatus.FAILED and messages[0].attempts == 2


async def test_a_campaign_that_runs_has_nothing_to_choose(browser: Browsers, api: Api) -> None:
    one = browser()
    await one.sign_in()
    draft = api.story.draft(3, spread_hours=3)
    view = (await api.story.service.admit(draft)).campaign
    page = await one.get(f"/console/campaigns/{view.id}/retry")
    assert "once a campaign has ended" in page.text and not page.offers("/retry")
    await api.story.service.cancel(view)
    await finish(api.story, view.id)
