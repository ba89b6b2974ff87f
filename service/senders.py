"""Adding senders: at once where the installation lets accounts do so, by the operator elsewhere."""

from campaign.instants import Instant
from campaign.settings import Settings
from store.accounts.senders import SenderView
from store.store import Store


def add_sender(
    store: Store, settings: Settings, account_id: str, address: str, now: Instant
) -> SenderView:
    """Add a sender, or request it from the operator unless accounts may add senders themselves.

    A second run changes nothing. Raises as :meth:`store.accounts.senders.Senders.request` does.
    """
    if settings.senders_self_service:
        return store.accounts.add_sender(account_id, address, now)
    return store.senders.request(account_id, address, now)
