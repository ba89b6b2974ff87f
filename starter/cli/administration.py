"""``godwit account``, ``key`` and ``sender``: administration directly in the database."""

import secrets
from typing import Annotated

import typer
from rich.table import Table

from campaign.credits import CreditKind
from campaign.rates import RATE_MAX, sender_scope
from campaign.sending_windows import Purpose
from dialects.native import responses as presenting
from dialects.native.account_models import AddedSender, Sender
from starter.cli.carriers import Unlimited, check_rate, read_carriers
from starter.cli.context import CommandError, chosen_account, opened_store, plain
from starter.cli.number_pool import pool_app
from starter.cli.output import Json, answer, open_console, print_json
from starter.cli.words import campaigns_paused
from starter.embedded.stack import account_json
from store.accounts.senders import SenderStatus
from store.clock import wall_clock

CREDITS_MAX = 10**12

out = open_console()
account_app = typer.Typer(no_args_is_help=True, help="Manage accounts, their credits and switches.")
sender_app = typer.Typer(no_args_is_help=True, help="Manage the numbers and names to send from.")
sender_app.add_typer(pool_app, name="pool")

Account = Annotated[
    str | None, typer.Option("--account", help="Account id or name; default: the only account.")
]
Amount = Annotated[int, typer.Option(min=0, max=CREDITS_MAX, help="Credits to start with.")]
Name = Annotated[str, typer.Argument(help="Account id or name.")]
Address = Annotated[str, typer.Argument(help="Number in E.164, short code or name.")]
Carriers = Annotated[
    str | None,
    typer.Option(help='Carriers in the order to try, as "first,second"; "" for the default.'),
]
Quota = Annotated[
    int | None, typer.Option(min=0, max=CREDITS_MAX, help="Most messages admitted per UTC day.")
]
PurposeSwitch = Annotated[
    Purpose | None,
    typer.Option(help="Purpose of campaigns that name none; marketing keeps to legal hours."),
]
WindowSwitch = Annotated[
    str | None,
    typer.Option(help='Window of marketing, as {"from":"09:00","to":"20:00"}; \'\': none.'),
]


@account_app.command("create")
def create_account(
    name: Annotated[str, typer.Argument(help="Name of the new account; unique.")],
    sms_credits: Amount = 0,
    mms_credits: Amount = 0,
    sender: Annotated[
        list[str] | None, typer.Option(help="Sender of the account; repeatable.")
    ] = None,
    daily_quota: Quota = None,
    as_json: Json = False,
) -> None:
    """Create an account with a first API key and print its secret once.

    Example: godwit account create acme --sms-credits 10000 --sender +18005559876
    """
    with opened_store() as store:
        account, pair = store.accounts.create(
            name, wall_clock(), sms_credits, mms_credits, sender or [], daily_quota
        )
    shown = account_json(account, pair)
    if as_json:
        print_json(shown)
        return
    for member, value in shown.items():
        out.print(f"{member:12} {value}", highlight=False)
    out.print("Keep the secret: it is not shown again.", style="dim")


@account_app.command("show")
def show_account(
    name: Annotated[
        str | None, typer.Argument(help="Account id or name; default: the only account.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show an account's credits and senders."""
    with opened_store() as store:
        account = chosen_account(store, name)
    active = [sender.address for sender in account.senders if sender.active]
    if as_json:
        print_json(
            {
                "accountId": account.id,
                "name": account.name,
                "propertySid": account.property_sid,
                "dailyQuota": account.daily_quota,
                "credits": presenting.credits_json(account),
                "senders": active,
            }
        )
        return
    table = Table("credits", "granted", "available", "held", "posted", title=plain(account.name))
    for kind, balance in account.balances.items():
        amounts = (balance.granted, balance.available, balance.held, balance.posted)
        table.add_row(kind.value, *(f"{amount:,}" for amount in amounts))
    out.print(table)
    out.print("senders: " + ", ".join(active))


@account_app.command("set")
def set_switches(
    name: Name,
    active: Annotated[
        bool | None,
        typer.Option(help="An inactive account's keys are refused and its campaigns paused."),
    ] = None,
    daily_quota: Quota = None,
    strict_uniform: Annotated[
        bool | None, typer.Option(help="Refuse batches that mix SMS and MMS.")
    ] = None,
    strict_keys: Annotated[
        bool | None, typer.Option(help="Refuse a known idempotency key with another payload.")
    ] = None,
    auto_key: Annotated[
        str | None,
        typer.Option(help="Idempotency key of requests without one: random or payload_hash."),
    ] = None,
    receipt_form: Annotated[
        str | None,
        typer.Option(help="Form of receipts in dialects that know both: json or xml."),
    ] = None,
    carriers: Carriers = None,
    short_link_host: Annotated[
        str | None,
        typer.Option(help="Host of the account's short links, which leads to this API; '': none."),
    ] = None,
    purpose: PurposeSwitch = None,
    marketing_window: WindowSwitch = None,
    as_json: Json = False,
) -> None:
    """Change switches of an account; options that are not given stay as they are.

    Example: godwit account set acme --daily-quota 50000 --strict-keys
    """
    if auto_key not in (None, "random", "payload_hash"):
        raise CommandError("--auto-key must be random or payload_hash")
    if receipt_form not in (None, "json", "xml"):
        raise CommandError("--receipt-form must be json or xml")
    wanted: dict[str, object] = {
        "active": active,
        "daily_quota": daily_quota,
        "strict_uniform": strict_uniform,
        "strict_keys": strict_keys,
        "auto_key": auto_key,
        "receipt_form": receipt_form,
        "carriers": carriers,
        "short_link_host": short_link_host,
        "purpose": None if purpose is None else purpose.value,
        "marketing_window": marketing_window,
    }
    changes = {switch: value for switch, value in wanted.items() if value is not None}
    if not changes:
        raise CommandError("give an option to change; see 'godwit account set --help'")
    if carriers is not None:
        changes["carriers"] = read_carriers(carriers)
    with opened_store() as store:
        account = store.accounts.update(chosen_account(store, name).id, **changes)
        held = store.brakes.held(account.id)
    shown = {switch: getattr(account, switch) for switch in wanted}
    if as_json:
        print_json(shown)
        return
    for switch, value in shown.items():
        out.print(f"{switch:16} {value}", highlight=False)
    if not account.active:
        out.print(f"The account is closed: {campaigns_paused(held)}.", highlight=False)


@account_app.command("list")
def list_accounts(as_json: Json = False) -> None:
    """List all accounts."""
    with opened_store() as store:
        accounts = store.accounts.list()
    if as_json:
        print_json([{"accountId": account.id, "name": account.name} for account in accounts])
        return
    for account in accounts:
        out.print(f"{account.id}  {plain(account.name)}", highlight=False)


# Else a negative amount would be taken for an option.
@account_app.command("credit", context_settings={"ignore_unknown_options": True})
def credit(
    name: Name,
    kind: Annotated[CreditKind, typer.Argument(help="Kind of credits.")],
    amount: Annotated[
        int, typer.Argument(min=-CREDITS_MAX, max=CREDITS_MAX, help="Credits; may be negative.")
    ],
    reference: Annotated[
        str | None,
        typer.Option(help="Your reference; a repeated one is booked once. Default: random."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add credits to an account, or remove some with a negative amount.

    Example: godwit account credit acme sms 5000 --reference invoice-17
    """
    with opened_store() as store:
        account = chosen_account(store, name)
        reference = reference or secrets.token_hex(8)
        balance = store.accounts.grant(account.id, kind, amount, reference, wall_clock())
    if as_json:
        print_json({"kind": kind.value, "granted": balance.granted, "available": balance.available})
    else:
        out.print(f"{balance.available:,} {kind.value} credits are available")


@sender_app.command("add")
def add_sender(
    address: Address,
    account: Account = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0, max=RATE_MAX, help="Segments per second."),
    ] = None,
    unlimited: Unlimited = False,
    carriers: Carriers = None,
    as_json: Json = False,
) -> None:
    """Add a sender to an account, or change the rate and carriers of one that it has.

    Approves the sender if the account requested it. An address that another
    account or the number pool has is refused.

    Example: godwit sender add +18005559876 --rate 20
    """
    check_rate(rate, unlimited)
    with opened_store() as store:
        account_id = chosen_account(store, account).id
        sender = store.accounts.add_sender(account_id, address, wall_clock())
        if rate is not None or unlimited:
            store.rates.set_rate(sender_scope(account_id, sender.address), rate)
        if carriers is not None:
            store.senders.set_carriers(account_id, sender.address, read_carriers(carriers))
    answer(AddedSender.of(sender).json_object(), f"{sender.address} ({sender.kind})", as_json)


@sender_app.command("approve")
def approve_sender(address: Address, account: Account = None, as_json: Json = False) -> None:
    """Let an account send from an address that it requested."""
    with opened_store() as store:
        account_id = chosen_account(store, account).id
        sender = store.senders.approve(account_id, address, wall_clock())
    answer(
        AddedSender.of(sender).json_object(), f"{sender.address} ({sender.kind}), approved", as_json
    )


@sender_app.command("requests")
def list_requests(as_json: Json = False) -> None:
    """List the senders that accounts requested and nobody approved yet, oldest first."""
    with opened_store() as store:
        requests = store.senders.requests()
    if as_json:
        print_json(
            [
                {"address": one.address, "kind": one.kind, "accountId": one.account_id}
                for one in requests
            ]
        )
        return
    for request in requests:
        account = f"{request.account_id}  {plain(request.account_name)}"
        out.print(f"{request.address} ({request.kind})  {account}", highlight=False)


@sender_app.command("list")
def list_senders(account: Account = None, as_json: Json = False) -> None:
    """List an account's senders and requests with their rates and carriers."""
    with opened_store() as store:
        senders = chosen_account(store, account).senders
    if as_json:
        print_json([Sender.of(one).json_object() | {"carriers": one.carriers} for one in senders])
        return
    for sender in senders:
        line = f"{sender.address} ({sender.kind})"
        if sender.status == SenderStatus.REQUESTED:
            line += ", requested"
        if sender.rate is not None:
            line += f", {sender.rate:g} segments/s"
        if sender.carriers is not None:
            line += f", through {sender.carriers}"
        out.print(line, highlight=False)


@sender_app.command("remove")
def remove_sender(address: Address, account: Account = None, as_json: Json = False) -> None:
    """Remove a sender from an account, or refuse one that it requested."""
    with opened_store() as store:
        if not store.senders.remove(chosen_account(store, account).id, address):
            raise CommandError(f"the account has no sender {address!r}")
    answer({"address": address, "removed": True}, "removed", as_json)
