"""``godwit find``, ``godwit why`` and ``godwit resolve``: single messages."""

import sys
from typing import Annotated

import typer

from campaign.phone import canonical_number
from campaign.states import MessageStatus
from campaign.views import MessageStory as StoryRecord
from dialects.native.message_search_models import FoundMessage, MessageStory
from dialects.native.responses import message_json
from service import message_state
from starter.cli.context import CommandError, chosen_account, opened_store, plain
from starter.cli.output import Json, print_json
from starter.cli.story import sentences
from starter.cli.words import when
from store.campaigns.message_search import MessageFilter
from store.clock import wall_clock
from store.store import Store

FOUND_MAX = 10_000
Id = Annotated[str, typer.Argument(help="Campaign id.")]
Number = Annotated[
    str, typer.Argument(help="The recipient's number, in any form, or the message's id.")
]


def find(
    number: Annotated[str, typer.Argument(help="The recipient's number, in any form.")],
    account: Annotated[
        str | None, typer.Option("--account", help="Account id or name; default: all accounts.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=FOUND_MAX, help="Number of messages to show.")
    ] = 20,
    as_json: Json = False,
) -> None:
    """Find the messages to a number in all campaigns, newest first.

    The exit code is 1 if there is none. 'godwit why' explains one of them.

    Example: godwit find "+1 (415) 555-1000"
    """
    with opened_store() as store:
        account_id = chosen_account(store, account).id if account else None
        wanted = MessageFilter(to=canonical_number(number) or number)
        found = store.message_log.search(wanted, account_id, limit)
    if as_json:
        print_json(
            [FoundMessage.found(one.campaign_id, one.message).json_object() for one in found]
        )
    elif not found:
        sys.stderr.write(f"godwit: there is no message to {plain(number)}\n")
    for one in () if as_json else found:
        message, code = one.message, one.message.reason or one.message.error
        status = message.status.value + (f" ({plain(code)})" if code else "")
        at = message.final_at or message.sent_at or message.due_at
        typer.echo(f"{one.campaign_id}  {message.id}  {status}  {when(at, wall_clock())}")
    if not found:
        raise typer.Exit(1)


def why(
    id: Id,
    number: Number,
    as_json: Json = False,
) -> None:
    """Explain the state of one recipient's message, attempt by attempt.

    Example: godwit why cmp_... "+1 (415) 555-1000"
    """
    with opened_store() as store:
        stories = _stories(store, id, number)
        campaign, now = store.campaigns.get(id), wall_clock()
        assert campaign is not None
        explained = [
            (story, message_state.why(store, campaign, story.message, now)) for story in stories
        ]
    if as_json:
        print_json([MessageStory.explained(*one).json_object() for one in explained])
        return
    for story, why in explained:
        for line in sentences(story, why, now):
            typer.echo(line)


def resolve(
    id: Id,
    number: Number,
    outcome: Annotated[str, typer.Argument(help="The outcome: sent or failed.")],
    as_json: Json = False,
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
        (story,) = store.attempts.stories(id, unknown[0].id)
    if as_json:
        print_json(message_json(story.message))
        return
    typer.echo(f"{unknown[0].id} is {status}")


def _stories(store: Store, campaign_id: str, number: str) -> list[StoryRecord]:
    if store.campaigns.get(campaign_id) is None:
        raise CommandError(f"there is no campaign {campaign_id!r}")
    stories = store.attempts.stories(campaign_id, canonical_number(number) or number)
    if not stories:
        raise CommandError(f"the campaign {campaign_id} has no message to {number}")
    return list(stories)
