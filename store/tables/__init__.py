"""The tables, one file per noun; ``METADATA`` is what the migrations must lead to."""

from sqlmodel import SQLModel

from store.tables.accounts import Account, ApiKey, QuotaDay, SenderRow
from store.tables.campaigns import AttemptRow, CampaignRow, MessageRow, OptOut
from store.tables.keys import CampaignKey, RecipientKey
from store.tables.ledger import Credit, Entry, HoldRow

METADATA = SQLModel.metadata

__all__ = [
    "METADATA",
    "Account",
    "ApiKey",
    "AttemptRow",
    "CampaignKey",
    "CampaignRow",
    "Credit",
    "Entry",
    "HoldRow",
    "MessageRow",
    "OptOut",
    "QuotaDay",
    "RecipientKey",
    "SenderRow",
]
