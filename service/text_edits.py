"""Another text for what has not left of a campaign: validated as at its creation, and written."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from campaign.failures import ServiceUnavailable
from campaign.instants import Instant
from campaign.model import ComposedCampaign, Message
from campaign.refusals import Refused
from campaign.rules import JUDGEMENT
from campaign.text_edits import Template, Unsent, compose_edit, first_texts, segments_to_spread
from campaign.views import CampaignView
from service.composition import CampaignComposer
from service.orders import StateConflict
from store.campaigns.text_edits import NotEditable, TextEdit, UnsentMoved
from store.store import Store

# So often an edit is composed anew because a message came back from a worker meanwhile.
TRIES_MAX = 5
TOO_OLD = (
    "text_not_editable",
    "the campaign is older than edits of texts: what its texts are made of was not kept",
)
NOTHING_UNSENT = (
    "nothing_unsent",
    "every message with the campaign's text has left; texts of single recipients stay",
)


def edit_text(
    store: Store,
    composer: CampaignComposer,
    view: CampaignView,
    text: str,
    now: Instant,
    look: Callable[[Connection], None] | None = None,
) -> TextEdit:
    """Replace the text of what has not left; returns what that did, or why credits do not suffice.

    Needs the store alone, and may take seconds, so call it in a thread. A ``look`` sees the edit,
    which is then taken back. Raises Refused with every other fault, and StateConflict if nothing
    can be edited; then nothing has changed. Asked again, it changes nothing more.
    """
    for _ in range(TRIES_MAX):
        template, composed = _composed(store, composer, view, text, now)
        try:
            edit = store.text_edits.apply(view.id, composed, template, now, look)
            return replace(edit, samples=_samples(composed.messages))
        except UnsentMoved:
            continue
        except NotEditable as error:
            raise StateConflict(error.status) from error
    raise ServiceUnavailable("its messages came back from their carriers meanwhile; ask again")


def _samples(messages: Sequence[Message]) -> tuple[Message, ...]:
    first = messages[0]
    longest = max(messages, key=lambda message: (message.segments, len(message.text)))
    return (longest,) if longest.text == first.text else (longest, first)


def _composed(
    store: Store, composer: CampaignComposer, view: CampaignView, text: str, now: Instant
) -> tuple[Template, ComposedCampaign]:
    """Compose what has not left with the new text, and validate it; raises Refused."""
    unsent = store.text_edits.unsent(view.id)
    if unsent.template is None:
        raise StateConflict(view.status, *TOO_OLD)
    if not unsent.messages:
        raise StateConflict(view.status, *NOTHING_UNSENT)
    template = replace(unsent.template, text=text)
    return template, compose_texts(store, composer, view, template, unsent.messages, now)


def compose_texts(
    store: Store,
    composer: CampaignComposer,
    view: CampaignView,
    template: Template,
    messages: Sequence[Unsent],
    now: Instant,
) -> ComposedCampaign:
    """Compose messages of a campaign with another text, and validate it; raises Refused."""
    shortener = composer.shortener(view.account_id) if template.shorten_urls else None
    prices = composer.settings.prices_file
    composed = compose_edit(
        view.account_id, view.dialect, template, messages, now, shortener, prices
    )
    stored = store.admissions.evidence(view.id, now)
    # Once it has begun, a campaign may be as slow as its rates are.
    spread = {} if view.started_at is not None else segments_to_spread(composed)
    evidence = replace(
        stored,
        texts=first_texts(composed),
        # The day of its admission has counted the campaign.
        quota=None,
        spread_segments={
            sender: count for sender, count in spread.items() if sender in stored.spread_segments
        },
    )
    refusals = [refusal for check in JUDGEMENT for refusal in check(evidence)]
    if refusals:
        raise Refused(*refusals)
    return composed
