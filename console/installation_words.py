"""What the page about the installation says of its parts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Condition:
    """One part of the installation, a word about it, and what to do if that is not "ok"."""

    name: str
    ready: bool
    word: str
    cure: str


PARTS = {
    "database": "Database",
    "temporal": "Temporal",
    "workers": "Workers",
    "disk": "Disk",
    "carriers": "Networks",
    "clock": "Clock",
    "sending": "Sending",
}
CURES = {
    "database": "Start the database, or give it room. Nothing is lost meanwhile: what was accepted "
    "is stored, and goes on when it answers.",
    "temporal": "Start Temporal's server. Campaigns go on where they were.",
    "workers": "Start a worker: godwit worker. Messages wait until one runs.",
    "disk": "Free some space. Without it nothing can be accepted.",
    "carriers": "Wait for the network, or ask it. Messages are tried again by themselves.",
    "clock": "Set the clock of this machine, best with NTP.",
    "sending": "Start sending again when the reason for the stop is gone.",
}
