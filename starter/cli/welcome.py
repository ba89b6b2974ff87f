"""What ``godwit up`` shows a person when everything runs."""

from typing import Any

from rich.console import Console
from rich.panel import Panel

EXAMPLE = "examples/first-batch.json"


def welcome(description: dict[str, Any]) -> None:
    """Print addresses, credentials and a first request to copy."""
    account = description["account"]
    console = Console()
    lines = [
        f"API        {description['api']}   (docs: {description['api']}/docs)",
        f"Web UI     {description['ui']}",
        f"Temporal   {description['temporal']}",
        f"carrier    {description['carrier']}",
        f"key id     {account['keyId']}",
        f"key secret {account['keySecret']}",
        f"bearer     {account['bearer']}",
        f"property   {account['propertySid']}",
        f"senders    {', '.join(account['senders'])}",
    ]
    console.print(Panel("\n".join(lines), title="Godwit is up", expand=False), highlight=False)
    console.print("Send a first batch, then look:", style="bold")
    console.print(
        f"curl -u '{account['keyId']}:{account['keySecret']}' "
        f"-H 'Content-Type: application/json' \\\n"
        f"  -d @{EXAMPLE} {description['api']}/api/v1/messaging/batch\n"
        "godwit list",
        highlight=False,
        soft_wrap=True,
    )
    console.print("Ctrl-C stops everything; godwit up carries on.", style="dim")
