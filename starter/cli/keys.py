"""``godwit key``: the API keys of an account."""

from typing import Annotated

import typer

from dialects.http.auth import fault_of_permissions
from dialects.native.account_models import Key
from starter.cli.context import CommandError, chosen_account, opened_store
from starter.cli.output import Json, answer, open_console, print_json
from starter.embedded.stack import account_json
from store.clock import wall_clock

key_app = typer.Typer(no_args_is_help=True, help="Manage API keys.")
out = open_console()
Account = Annotated[
    str | None, typer.Option("--account", help="Account id or name; default: the only account.")
]


@key_app.command("create")
def create_key(
    account: Account = None,
    permission: Annotated[
        list[str] | None, typer.Option(help="Permission of the key; repeatable. Default: all.")
    ] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="What the key sends reaches no carrier.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="Who or what has the key.")] = None,
    as_json: Json = False,
) -> None:
    """Create another API key for an account and print its secret once.

    What a sandbox key sends is validated and reported as always, but no carrier gets
    it and no credits are taken. A sandbox key changes nothing that live campaigns
    depend on.

    Example: godwit key create --name "Reception" --permission create:BatchSMS
    """
    permissions = ["*"] if permission is None else permission
    if (fault := fault_of_permissions(permissions)) is not None:
        raise CommandError(fault)
    with opened_store() as store:
        chosen = chosen_account(store, account)
        pair = store.api_keys.create(chosen.id, wall_clock(), permissions, sandbox, name)
    text = f"keyId {pair.key_id}\nkeySecret {pair.secret}\nbearer {pair.bearer}"
    answer(account_json(chosen, pair) | {"sandbox": sandbox}, text, as_json)


@key_app.command("list")
def list_keys(account: Account = None, as_json: Json = False) -> None:
    """List the API keys of an account with their permissions and names."""
    with opened_store() as store:
        keys = store.api_keys.list(chosen_account(store, account).id)
    if as_json:
        print_json([Key.of(key).json_object() for key in keys])
        return
    for key in keys:
        state = "revoked" if key.revoked_at else " ".join(key.permissions)
        state += ", sandbox" if key.sandbox else ""
        name = f"  {key.name}" if key.name else ""
        out.print(f"{key.key_id}  {state}{name}", highlight=False)


@key_app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="Id of the key.")], as_json: Json = False
) -> None:
    """Revoke an API key; it is refused from the next request on."""
    with opened_store() as store:
        if not store.api_keys.revoke(key_id, wall_clock()):
            raise CommandError(f"there is no active key {key_id!r}")
    answer({"keyId": key_id, "revoked": True}, "revoked", as_json)
