"""Send campaigns to an installation while it is broken, wait for their end, and compare."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from campaign.states import CAMPAIGN_ENDS, CampaignStatus, MessageStatus
from starter.proof.faults import Breaking
from starter.proof.load import CannotProve, Effort, PlannedCampaign, Sender, plan_load
from starter.proof.report import Report, longest_silence
from starter.proof.verdict import Observed, compare

# What an installation may take to end all campaigns after the last fault.
END_SECONDS = 300.0
PROBE_SECONDS = 60.0
LOOK_SECONDS = 0.5
# How long late receipts may change a campaign before it counts as it was read last.
RECEIPTS_SECONDS = 120.0
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Installation:
    """What is proven: its API with credentials, and the carrier that keeps the log."""

    name: str
    api: httpx.Client
    carrier: httpx.Client


def prove(
    installation: Installation,
    effort: Effort,
    fault: Callable[[], str] | None,
    say: Callable[[str], None],
) -> Report:
    """Run a proof.

    One message goes first: where the carrier's log does not show it, nothing more is sent, so
    that no real phone gets what a proof sends.

    Args:
        installation: where campaigns are sent.
        effort: how much is sent and how often a fault is made.
        fault: makes a fault and names it; None makes none.
        say: takes one line of progress.

    Raises:
        CannotProve: the installation refuses a campaign, does not answer for longer than
            ``END_SECONDS``, or does not send to this carrier.
    """
    run = secrets.token_hex(4)
    sender = Sender(installation.api, run, END_SECONDS)
    before = len(read_log(installation.carrier))
    price = price_of(sender)
    began = datetime.now(UTC)
    plans = plan_load(effort.messages - 1, effort.seconds, effort.seed)
    ids = [probe(sender, installation.carrier, len(plans), before)]
    say(f"the carrier's log shows a first message; {effort.messages - 1:,} follow")
    with Breaking(fault, effort.every_seconds) as breaking:
        started = time.monotonic()
        for number, id in enumerate(sender.post_all(plans), 1):
            ids.append(id)
            say(f"{number:,} of {len(plans):,} campaigns, {len(breaking.faults):,} faults")
        time.sleep(max(0.0, started + effort.seconds - time.monotonic()))
    say("no more faults; waiting for the end of every campaign")
    observed = [observe(sender, id) for id in wait_for_ends(sender, ids, say)]
    log = read_log(installation.carrier)[before:]
    verdict = compare(observed, [row["reference"] for row in log], price, imbalance(sender))
    ours = {id for campaign in observed for id in campaign.messages}
    instants = [seconds_of(row) for row in log if row["reference"] in ours]
    return Report(
        began_at=began.isoformat(timespec="seconds"),
        ended_at=datetime.now(UTC).isoformat(timespec="seconds"),
        effort=effort,
        run=run,
        installation=installation.name,
        verdict=verdict,
        faults=breaking.faults,
        longest_silence_seconds=longest_silence(instants),
    )


def probe(sender: Sender, carrier: httpx.Client, number: int, before: int) -> str:
    """Send one message and wait until the carrier's log shows it; returns its campaign."""
    id = sender.post(PlannedCampaign(number, 0.0, 1, 0.0))
    (message,) = messages_of(sender, id)
    deadline = time.monotonic() + PROBE_SECONDS
    while not any(row["reference"] == message for row in read_log(carrier)[before:]):
        if time.monotonic() > deadline:
            raise CannotProve(
                f"the first message is not in the carrier's log after {PROBE_SECONDS:.0f} s, so "
                "nothing more was sent: does the installation send to this carrier?"
            )
        time.sleep(LOOK_SECONDS)
    return id


def wait_for_ends(sender: Sender, ids: Sequence[str], say: Callable[[str], None]) -> Sequence[str]:
    """Wait until every campaign has ended, or patience has; returns the ids."""
    deadline = time.monotonic() + END_SECONDS
    left = list(ids)
    while left and time.monotonic() < deadline:
        shown = {id: sender.call("GET", f"/v1/campaigns/{id}") for id in left}
        still = [id for id in left if CampaignStatus(shown[id]["status"]) not in CAMPAIGN_ENDS]
        if len(still) < len(left):
            say(f"{len(still):,} campaigns have not ended")
        left = still
        time.sleep(LOOK_SECONDS)
    return ids


def observe(sender: Sender, id: str) -> Observed:
    """Read a campaign with all of its messages; again where receipts changed it meanwhile."""
    path, deadline = f"/v1/campaigns/{id}", time.monotonic() + RECEIPTS_SECONDS
    campaign = sender.call("GET", path)
    while True:
        before, messages = campaign, messages_of(sender, id)
        campaign = sender.call("GET", path)
        is_still = all(campaign[part] == before[part] for part in ("status", "counts", "credits"))
        if is_still or time.monotonic() > deadline:
            break
        time.sleep(LOOK_SECONDS)
    credits = campaign["credits"]
    return Observed(
        id=id,
        status=CampaignStatus(campaign["status"]),
        counts=campaign["counts"],
        held=credits["held"]["sms"],
        posted=credits["posted"]["sms"],
        voided=credits["voided"]["sms"],
        messages=messages,
    )


def messages_of(sender: Sender, id: str) -> dict[str, MessageStatus]:
    """The state of each message of a campaign, by id."""
    found: dict[str, MessageStatus] = {}
    path = f"/v1/campaigns/{id}/messages?limit=1000"
    after = ""
    while True:
        page = sender.call("GET", path + after)
        found |= {one["id"]: MessageStatus(one["status"]) for one in page["messages"]}
        if page["next"] is None:
            return found
        after = f"&cursor={page['next']}"


def price_of(sender: Sender) -> int:
    """The credits that one message of a proof costs here."""
    body = PlannedCampaign(0, 0.0, 1, 0.0).body("dry")
    shown = sender.call("POST", "/v1/campaigns?dryRun=true", body)
    if not shown["admitted"]:
        raise CannotProve(f"the installation refuses: {shown['refusals'][0]['message']}")
    return int(shown["credits"]["sms"])


def imbalance(sender: Sender) -> int:
    """By how many credits the account's balances do not add up."""
    balances = sender.call("GET", "/v1/credits").values()
    return sum(
        abs(one["granted"] - one["available"] - one["held"] - one["posted"]) for one in balances
    )


def read_log(carrier: httpx.Client) -> list[Row]:
    """Everything that the carrier accepted; raises CannotProve when it does not answer."""
    try:
        answer = carrier.get("/log", params={"after": 0})
        answer.raise_for_status()
        rows: list[Row] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise CannotProve(f"the carrier's log cannot be read ({type(error).__name__})") from None
    return rows


def seconds_of(row: Row) -> float:
    """When the carrier accepted a message, in seconds since 1970."""
    return datetime.fromisoformat(row["at"]).timestamp()
