"""Making candidates of drafts: lists expanded, ids and codes drawn, senders looked up."""

import secrets
from dataclasses import dataclass, field, replace

from campaign.composing import compose
from campaign.expanding import check_lists, expand, lists_of
from campaign.ids import MESSAGE_PREFIX, RANDOM_BYTES, make_ids
from campaign.instants import DAY, Instant
from campaign.links import CODE_RANDOM_BYTES, Shortener, make_code
from campaign.model import SCHEDULE_AHEAD_MAX, ComposedCampaign, Draft, Part, Policy
from campaign.phone import OfflineLookup, SenderKind, sender_kind
from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.sending_windows import Purpose, window_from_json
from campaign.settings import Settings
from campaign.short_link_hosts import base_url_of
from store.store import Store


@dataclass(frozen=True, slots=True)
class CampaignComposer:
    """What composing needs from the world. Nothing is stored here."""

    store: Store
    settings: Settings
    lookup: OfflineLookup = field(default_factory=OfflineLookup)

    def compose(self, draft: Draft) -> ComposedCampaign:
        """Compose a draft as things stand now; raises Refused."""
        return self._compose(self.resolved(self.expanded(draft)))

    def resolved(self, draft: Draft) -> Draft:
        """A draft with the limits of the installation and the hours of the account."""
        return self._with_hours(replace(draft, policy=self._limited(draft.policy)))

    def size(self, draft: Draft) -> int:
        """The number of recipients with the members of lists; raises Refused as ``expanded``."""
        lists = lists_of(draft)
        if not lists:
            return len(draft.recipients)
        return check_lists(draft, self.store.lists.sizes(draft.account_id, lists))

    def preview(self, draft: Draft) -> ComposedCampaign:
        """Compose a resolved draft with one member of each list, to find its own faults."""
        lists = {one: self.store.lists.members(one, 1) for one in lists_of(draft)}
        return self._compose(expand(draft, lists))

    def page(self, draft: Draft, part: Part, received_at: Instant) -> ComposedCampaign:
        """Compose the recipients of one page of a resolved draft; raises Refused."""
        return self._compose(draft, part, received_at)

    def _compose(
        self, expanded: Draft, part: Part | None = None, received_at: Instant | None = None
    ) -> ComposedCampaign:
        # Drawn at once: each draw is a call of the system.
        random = secrets.token_bytes(RANDOM_BYTES * len(expanded.recipients))
        now = self.store.clock.now()
        return compose(
            expanded,
            now if received_at is None else received_at,
            self._default_sender(expanded),
            self.lookup,
            make_ids(MESSAGE_PREFIX, now, random).__next__,
            self.shortener(expanded.account_id) if expanded.shorten_urls else None,
            self.settings.prices_file,
            part,
        )

    def _with_hours(self, draft: Draft) -> Draft:
        """A draft with the account's purpose and window, where it has none of its own.

        A test goes to the sender's own numbers at any time.
        """
        if draft.is_test:
            return replace(draft, purpose=Purpose.TRANSACTIONAL, window=None)
        if draft.purpose is not None and draft.window is not None:
            return draft
        default, own = self.store.accounts.timing(draft.account_id)
        purpose = draft.purpose or (None if default is None else Purpose(default))
        window = draft.window
        if window is None and purpose is Purpose.MARKETING and own is not None:
            window = window_from_json(own)
        return replace(draft, purpose=purpose, window=window)

    def _limited(self, policy: Policy) -> Policy:
        """A dialect's limits, with those that the installation sets."""
        ahead_max = self.settings.schedule_days_max * DAY
        if policy.schedule_ahead_max < SCHEDULE_AHEAD_MAX:
            ahead_max = min(ahead_max, policy.schedule_ahead_max)
        hours = self.settings.spread_hours_max
        return replace(policy, schedule_ahead_max=ahead_max, spread_hours_max=hours)

    def expanded(self, draft: Draft) -> Draft:
        """The draft with the members of its mailing lists; raises Refused."""
        lists = lists_of(draft)
        if not lists:
            return draft
        # Whether they are too long is known before anybody on them is looked up.
        count, most = self.size(draft), draft.policy.recipients_max
        if count > most:
            what = (
                f"at most {most} recipients are allowed here, with list members there are {count}"
            )
            raise Refused(Refusal(RefusalCode.TOO_MANY_RECIPIENTS, what, "recipients"))
        return expand(draft, self.store.lists.snapshot(draft.account_id, lists))

    def _default_sender(self, draft: Draft) -> str | None:
        """The account's first sender; with media its first one that is no name, if there is one."""
        if draft.sender is not None:
            return None
        active = [
            sender.address
            for sender in self.store.accounts.senders(draft.account_id)
            if sender.active
        ]
        if draft.media_url or any(recipient.media_url for recipient in draft.recipients):
            # A sort is stable.
            active.sort(key=lambda address: sender_kind(address) is SenderKind.ALPHANUMERIC)
        return active[0] if active else None

    def shortener(self, account_id: str) -> Shortener | None:
        """What shortens the links of an account; None where no address for them is configured."""
        account = self.store.accounts.show(account_id)
        host = None if account is None else account.short_link_host
        base_url = base_url_of(self.settings.short_link_base_url, host)
        if not base_url:
            return None
        return Shortener(base_url, lambda: make_code(secrets.token_bytes(CODE_RANDOM_BYTES)))
