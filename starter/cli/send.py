"""``godwit send``: a campaign from a JSON, CSV or XLSX file."""

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from campaign.model import ComposedCampaign, Draft
from campaign.refusals import Refusal, Refused
from campaign.states import CampaignStatus
from campaign.views import CampaignView
from dialects.native import requests as native
from dialects.native import responses as presenting
from dialects.native.campaign_file import CampaignFile, row_faults
from dialects.native.dry_run import dry_run_json
from service.campaigns import CampaignService, open_campaign_service
from service.composition import CampaignComposer
from service.dry_run import DryRun
from service.test_sends import send_test
from spreadsheets.people import Fault
from starter.cli.campaigns import Account, follow, views_until_end
from starter.cli.context import CommandError, chosen_account, find_settings, opened_store, plain
from starter.cli.dry_run_screen import dry_run_table, price_in_words
from starter.cli.output import Json, open_console, print_json
from starter.cli.send_file import FileOptions, load, place_of
from starter.cli.send_options import (
    STDIN,
    Again,
    Column,
    Country,
    CreditsMax,
    DryRunOption,
    File,
    Name,
    Rejects,
    Sender,
    SkipInvalid,
    SpreadHours,
    Start,
    TestTo,
    Text,
    Wait,
    Yes,
    check_file,
    read_columns,
    read_credits_max,
    read_region,
    read_test_numbers,
)
from starter.cli.words import relative
from store.accounts.accounts import AccountView
from store.accounts.api_keys import Principal
from store.clock import wall_clock

# On a terminal, more messages than this are confirmed by a person.
ASK_ABOVE = 100
# Of the faults of a file so many are printed; the rejects have all.
FAULTS_SHOWN_MAX = 100
VALUE_SHOWN_MAX = 60
ENDED_WITH_FAILURES = 3
# Reads and composes a body; raises Refused.
Check = Callable[[dict[str, Any]], object]


def send(
    file: File,
    text: Text = None,
    name: Name = None,
    sender: Sender = None,
    start: Start = None,
    spread_hours: SpreadHours = None,
    country: Country = None,
    column: Column = None,
    skip_invalid: SkipInvalid = False,
    rejects: Rejects = None,
    again: Again = False,
    yes: Yes = False,
    dry_run: DryRunOption = False,
    wait: Wait = False,
    test_to: TestTo = None,
    credits_max: CreditsMax = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """Send a campaign from a JSON, CSV or XLSX file.

    JSON is what POST /v1/campaigns takes. CSV and XLSX have a header; the column
    "to" (or phone, number, mobile) has the number, and text, mediaUrl, sender,
    scheduleDateTime, idempotencyKey and reference are optional. The values of any
    other column replace {{COLUMN}} tags in the text.

    The same content is sent once: a second run shows the first campaign, unless
    --again is given or 48 hours have passed. Name, start and spread do not make it
    another content.

    Every fault is printed with its line; with --skip-invalid the other rows are sent.
    With --wait the exit code is 3 if the campaign ends with failures; --json prints it as it ended.

    --dry-run sends nothing: it shows who would get what, when, and for how many credits;
    with --json as POST /v1/campaigns?dryRun=true answers.

    --test-to sends the text of the first recipient to a number of yours instead, at
    once, whatever the start; it is paid for like any message.

    Example: godwit send people.xlsx --text "Hi {{First Name}}" --column to=Phone
    --country DE --skip-invalid --rejects rejects.csv --wait
    """
    check_file(file)
    head = {
        "text": text,
        "name": name,
        "sender": sender,
        "scheduleDateTime": start,
        "spreadHours": spread_hours,
        "creditsMax": read_credits_max(credits_max),
    }
    options = FileOptions(
        head={member: value for member, value in head.items() if value is not None},
        country=read_region(country),
        columns=read_columns(column or []),
        again=again,
    )
    _check_rejects(rejects, file)
    numbers = read_test_numbers(test_to or [], options.country)
    found = load(file, options)
    settings = find_settings()
    with opened_store(settings) as store:
        principal = _operator(chosen_account(store, account))
        composer = CampaignComposer(store, settings)
        draft, composed = _check(found, principal, composer, skip_invalid, rejects)

        async def work() -> None:
            service = await open_campaign_service(settings, store)
            try:
                if dry_run:
                    _show(await service.dry_run(draft, composed), composed.draft, found, as_json)
                    return
                if numbers:
                    admission = await send_test(service, composer, draft, 0, numbers)
                elif not yes and await _confirm(service, draft, composed, file == STDIN):
                    # The plan counts from now, and not from before the question.
                    admission = await service.admit(draft)
                else:
                    admission = await service.admit(draft, composed=composed)
            except Refused as refused:
                raise Refused(*_with_lines(refused.refusals, found)) from None
            view = admission.campaign
            if wait and as_json:
                (view,) = deque(views_until_end(store, view.id), maxlen=1)
            _say(view, admission.replayed, as_json)
            if wait and not as_json:
                view = follow(store, view.id)
            if wait and view.status != CampaignStatus.FINISHED:
                raise typer.Exit(ENDED_WITH_FAILURES)

        asyncio.run(work())


def _check(
    found: CampaignFile,
    principal: Principal,
    composer: CampaignComposer,
    skip_invalid: bool,
    rejects: Path | None,
) -> tuple[Draft, ComposedCampaign]:
    """Leave out recipients with faults and write the rejects, or exit with every fault.

    Returns the draft of the others, as it is and composed. Raises Refused with places of the file.
    """

    def check(body: dict[str, Any]) -> tuple[Draft, ComposedCampaign]:
        draft = _draft(body, found, principal)
        return draft, composer.compose(draft)

    for note in found.notes:
        sys.stderr.write(f"godwit: {plain(note)}\n")
    of_all: list[Refusal] = []
    checked = None
    try:
        checked = check(found.body)
    except Refused as refused:
        of_all = row_faults(found, _with_sender(check, composer, principal))
        if not found.faults and not of_all:
            of_all = list(refused.refusals)
    left_out = _write_rejects(found, rejects) if rejects is not None else None
    of_file = [fault for fault in found.faults if fault.line == found.header_line]
    shown = of_file if skip_invalid else found.faults
    if shown or of_all or not found.recipients:
        _print_faults(shown or found.faults, of_all, found)
        raise typer.Exit(1)
    if found.faults:
        count = left_out or len({fault.line for fault in found.faults})
        where = f"; see {rejects}" if rejects is not None else ""
        total = count + len(found.recipients)
        sys.stderr.write(f"godwit: {count:,} of {total:,} rows are left out{where}\n")
    try:
        return checked or check(found.body)
    except Refused as refused:
        raise Refused(*_with_lines(refused.refusals, found)) from None


def _show(preview: DryRun, draft: Draft, found: CampaignFile, as_json: bool) -> None:
    preview = replace(preview, refusals=_with_lines(preview.refusals, found))
    if as_json:
        print_json(dry_run_json(preview))
        return
    open_console().print(dry_run_table(preview, draft, found.faults, wall_clock()))


def _write_rejects(found: CampaignFile, file: Path) -> int:
    with file.open("w", newline="", encoding="utf-8-sig") as lines:
        return found.write_rejects(lines)


def _with_sender(check: Check, composer: CampaignComposer, principal: Principal) -> Check:
    """``check`` with the default sender looked up once."""
    senders = composer.store.accounts.senders(principal.account_id)
    default = next((sender.address for sender in senders if sender.active), None)
    return lambda body: check({"sender": default, **body})


def _print_faults(faults: list[Fault], of_all: list[Refusal], found: CampaignFile) -> None:
    for refusal in of_all:
        place = refusal.place or "campaign"
        sys.stderr.write(f"godwit: {place}: {refusal.message} ({refusal.code})\n")
    for fault in sorted(faults, key=lambda one: one.line)[:FAULTS_SHOWN_MAX]:
        value = plain(fault.value)[:VALUE_SHOWN_MAX]
        shown = f"{value!r} " if value and found.header_line is not None else ""
        sys.stderr.write(
            f"godwit: {place_of(found, fault)}: {shown}{fault.message} ({fault.code})\n"
        )
    if len(faults) > FAULTS_SHOWN_MAX:
        more = len(faults) - FAULTS_SHOWN_MAX
        sys.stderr.write(f"godwit: and {more:,} more faults; --rejects FILE writes them all\n")


def _draft(body: dict[str, Any], found: CampaignFile, principal: Principal) -> Draft:
    draft = native.read(body, principal)
    if found.key_is_given:
        return draft
    # Another name or start with the key of the content is the same payload.
    return replace(draft, payload_hash=found.content)


def _with_lines(refusals: Sequence[Refusal], found: CampaignFile) -> tuple[Refusal, ...]:
    """Refusals with the lines of the file instead of positions of recipients."""
    shown = []
    for refusal in refusals:
        fault = found.fault_of(refusal)
        shown.append(refusal if fault is None else replace(refusal, place=place_of(found, fault)))
    return tuple(shown)


async def _confirm(
    service: CampaignService, draft: Draft, composed: ComposedCampaign, from_stdin: bool
) -> bool:
    """Ask the person at the terminal before a large send; raises Exit unless it is confirmed.

    Returns False where nobody was asked.
    """
    if len(draft.recipients) <= ASK_ABOVE or not sys.stdout.isatty():
        return False
    if not from_stdin and not sys.stdin.isatty():
        return False
    preview = await service.dry_run(draft, composed)
    question = f"{price_in_words(preview)}. Send? [y/N] "
    try:
        # Standard input may be the file.
        with open("/dev/tty", encoding="utf-8") if from_stdin else sys.stdin as terminal:
            sys.stdout.write(question)
            sys.stdout.flush()
            answer = terminal.readline()
    except OSError:
        raise CommandError("confirm the send with --yes") from None
    if answer.strip().casefold() not in ("y", "yes"):
        sys.stderr.write("godwit: not confirmed; nothing is sent\n")
        raise typer.Exit(1)
    return True


def _say(view: CampaignView, replayed: bool, as_json: bool) -> None:
    again = ""
    if replayed:
        again = (
            f"; it was created {relative(view.created_at, wall_clock())} with this content or key, "
            "and nothing more is sent "
            "(--again sends it anew)"
        )
    if as_json:
        print_json(presenting.campaign_json(view))
        if replayed:
            sys.stderr.write(f"godwit: campaign {view.id} is {view.status}{again}\n")
        return
    typer.echo(f"campaign {view.id} is {view.status}{again}")


def _check_rejects(rejects: Path | None, file: Path) -> None:
    if rejects is not None and rejects.exists() and file.exists() and rejects.samefile(file):
        raise CommandError("--rejects names the file that is sent")


def _operator(account: AccountView) -> Principal:
    """An operator, who has every permission of the account."""
    return Principal(
        account_id=account.id,
        key_id="operator",
        permissions=frozenset({"*"}),
        property_sid=account.property_sid,
        strict_uniform=account.strict_uniform,
        strict_keys=account.strict_keys,
        auto_key=account.auto_key,
    )
