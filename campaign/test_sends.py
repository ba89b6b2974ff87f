"""Test sends: the text of one recipient of a draft to the sender's own numbers, at once."""

from collections.abc import Sequence
from dataclasses import replace

from campaign.model import Draft, Duplicates, Policy
from campaign.refusals import Refusal, RefusalCode, Refused

TO_MAX = 10


def test_of(draft: Draft, recipient: int, numbers: Sequence[str]) -> Draft:
    """Make the draft of a test: what one recipient of ``draft`` would get, to ``numbers``.

    ``draft`` has no mailing lists: they are replaced by their members. ``recipient`` counts from 0.
    The test leaves at once: it takes over neither schedule, spread and window nor keys. Numbers
    that opted out are skipped, and it is paid for. Raises Refused if there is no such recipient.
    """
    if not 0 <= recipient < len(draft.recipients):
        count = len(draft.recipients)
        what = f"the campaign has {count:,} recipients, counted from 0"
        raise Refused(Refusal(RefusalCode.FIELD_INVALID, what, "recipient"))
    chosen = replace(
        draft.recipients[recipient],
        mailing_list=None,
        scheduled_at=None,
        key=None,
        endpoint=None,
        replies=None,
        entry=None,
    )
    return Draft(
        account_id=draft.account_id,
        dialect=draft.dialect,
        recipients=[replace(chosen, to=number) for number in numbers],
        policy=Policy(duplicates=Duplicates.ALLOW),
        name=draft.name,
        sender=draft.sender,
        text=draft.text,
        media_url=draft.media_url,
        unknown_policy=draft.unknown_policy,
        shorten_urls=draft.shorten_urls,
        smart_encoding=draft.smart_encoding,
        sandbox=draft.sandbox,
        credits_max=draft.credits_max,
        is_test=True,
    )
