"""``godwit why`` and ``godwit resolve``: single messages."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from campaign.instants import iso, iso_or_none
from campaign.phone import canonical_number
from campaign.states import MessageStatus
from campaign.views import MessageStory
from dialects.native import responses as presenting
from starter.cli.context import CommandError, opened_store
from store.clock import wall_clock
from store.store import Store

out = Console(markup=False, emoji=False, highlight=False)
Id = Annotated[str, typer.Argument(help="Campaign id.")]
Number = Annotated[
    str, typer.Argument(help="The recipient's number, in any form, or the message's id.")
]


def why(
    id: Id,
    number: Number,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Explain the state of one recipient's message, attempt by attempt.

    Example: godwit why cmp_... +14155551000
    """
    with opened_store() as store:
        stories = _stories(store, id, number)
    if as_json:
        typer.echo(json.dumps([story_json(story) for story in stories], indent=2))
        return
    for story in stories:
        for line in result(story):
            out.print(line)


def resolve(
    id: Id,
    number: Number,
    outcome: Annotated[str, typer.Argument(help="The outcome: sent or failed.")],
) -> None:
    """Record the outcome of a message in state unknown.

    "sent" posts its credits; "failed" returns them and releases its idempotency
    key.
    """
    if outcome not in ("sent", "failed"):
        raise CommandError("the outcome must be sent or failed")
    with opened_store() as store:
        stories = _stories(store, id, number)
        unknown = [
            story.message for story in stories if story.message.status is MessageStatus.UNKNOWN
        ]
        if not unknown:
            states = ", ".join(story.message.status.value for story in stories)
            raise CommandError(f"the message is not in state unknown but {states}")
        if len(unknown) > 1:
            ids = ", ".join(message.id for message in unknown)
            raise CommandError(f"several messages are in state unknown; give the id of one: {ids}")
        now = wall_clock()
        status = store.resolving.resolve(id, unknown[0].id, outcome == "sent", now)
    typer.echo(f"{unknown[0].id} is {status}")


def story_json(story: MessageStory) -> dict[str, Any]:
    """The story of a message as JSON."""
    return {
        **presenting.message_json(story.message),
        "attemptLog": [
            {
                "number": attempt.number,
                "startedAt": iso(attempt.started_at),
                "endedAt": iso_or_none(attempt.ended_at),
                "outcome": attempt.outcome,
                "code": attempt.code,
                "carrier": attempt.carrier,
            }
            for attempt in story.attempts
        ],
        "keyHolder": story.key_holder,
        "keyFreeAt": iso_or_none(story.key_free_at),
    }


def result(story: MessageStory) -> list[str]:
    """The story of a message as lines to read."""
    message = story.message
    why_so = message.reason or message.error
    lines = [
        f"{message.id}  position {message.position}",
        f"  {message.status}" + (f", reason {why_so}" if why_so else ""),
        f"  {message.kind} from {message.sender}, segments: {message.segments}",
        f"  due {iso(message.due_at)}, sent {iso_or_none(message.sent_at) or '-'}, "
        f"final {iso_or_none(message.final_at) or '-'}",
    ]
    for attempt in story.attempts:
        end = iso_or_none(attempt.ended_at) or "(no outcome recorded)"
        how = f"{attempt.outcome or ''} {attempt.code or ''}".strip()
        by = f" by {attempt.carrier}" if attempt.carrier else ""
        lines.append(f"  attempt {attempt.number}{by}: {iso(attempt.started_at)} to {end}  {how}")
    if message.duplicate_of:
        lines.append(f"  its idempotency key was spent by {message.duplicate_of}")
    if story.key_holder == message.id:
        until = iso_or_none(story.key_free_at)
        lines.append(f"  its idempotency key is {'spent until ' + until if until else 'claimed'}")
    return lines


def _stories(store: Store, campaign_id: str, number: str) -> list[MessageStory]:
    if store.campaigns.get(campaign_id) is None:
        raise CommandError(f"there is no campaign {campaign_id!r}")
    stories = store.attempts.stories(campaign_id, canonical_number(number) or number)
    if not stories:
        raise CommandError(f"the campaign {campaign_id} has no message to {number}")
    return list(stories)
