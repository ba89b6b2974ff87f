"""Admission rules, one file each. A new rule is a file here and a line in one of these tuples."""

from collections.abc import Callable, Iterator

from campaign.model import ComposedCampaign, Evidence
from campaign.refusals import Refusal
from campaign.rules import (
    canary,
    characters,
    content,
    duplicates,
    expiry,
    keys,
    media,
    phishing,
    quota,
    schedule_window,
    sender,
    shaft,
    size,
    spread,
    spread_fits,
    uniform,
)

# Checked when a request is composed, before anything is stored.
SHAPE: tuple[Callable[[ComposedCampaign], Iterator[Refusal]], ...] = (
    size.check,
    duplicates.check,
    content.check,
    characters.check,
    media.check,
    keys.check,
    schedule_window.check,
    canary.check,
    expiry.check,
    spread.check,
    uniform.check,
)

# Checked by the campaign's workflow, with facts from the store.
JUDGEMENT: tuple[Callable[[Evidence], Iterator[Refusal]], ...] = (
    sender.check,
    quota.check,
    shaft.check,
    phishing.check,
    spread_fits.check,
)
