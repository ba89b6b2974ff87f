"""An account's purpose and window count for campaigns that say nothing, also of vendors' APIs."""

import pytest

from campaign.model import Draft, DraftRecipient
from campaign.sending_windows import Purpose, make_window
from campaign.settings import Settings
from service.composition import CampaignComposer
from store.accounts.accounts import AccountView
from store.database.engine import StoreError
from store.store import Store


@pytest.mark.one_store
def test_an_accounts_defaults_count_for_campaigns_that_say_nothing(
    store: Store, settings: Settings, account: AccountView
) -> None:
    composer = CampaignComposer(store, settings)
    people = [DraftRecipient(to="+12125550123", text="Hello")]

    def composed(**members: object) -> Draft:
        draft = Draft(account.id, "telesign", people, **members)  # type: ignore[arg-type]
        return composer.compose(draft).draft

    assert (composed().purpose, composed().window) == (None, None)
    own = '{"from":"10:00","to":"12:00"}'
    changed = store.accounts.update(account.id, purpose="marketing", marketing_window=own)
    assert changed.purpose == "marketing"
    window, *_ = make_window("10:00", "12:00")
    assert (composed().purpose, composed().window) == (Purpose.MARKETING, window)
    assert composed(purpose=Purpose.TRANSACTIONAL).window is None
    with pytest.raises(StoreError, match="later in the day"):
        store.accounts.update(account.id, marketing_window='{"from":"10:00","to":"09:00"}')
    assert store.accounts.update(account.id, marketing_window="").marketing_window is None
    assert composed().window is None
