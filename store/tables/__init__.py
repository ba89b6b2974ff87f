"""The tables, one file per subject; the migrations must produce exactly ``METADATA``."""

from sqlmodel import SQLModel

from store.tables.accounts import Account, ApiKey, QuotaDay, SenderOwner, SenderRow
from store.tables.activity import ActivityRow
from store.tables.brakes import BrakeRow
from store.tables.callbacks import CallbackRow, WebhookRow
from store.tables.campaigns import AttemptRow, CampaignRow, MessageRow
from store.tables.counts import MessageCount
from store.tables.drafts import DraftCampaign, DraftRow
from store.tables.inbound import InboundRow
from store.tables.keys import CampaignKey, RecipientKey
from store.tables.leases import LeaseRow, PoolNumber, ReplyChannelRow, ReplyOption
from store.tables.ledger import Credit, Entry, HoldRow
from store.tables.links import ClickRow, LinkRow
from store.tables.lists import ListMemberRow, MailingListRow
from store.tables.nonces import Nonce
from store.tables.opt_outs import AutoReply, KeywordSettingRow, OptOut, OptOutEvent, OptOutState
from store.tables.people import ErasedNumber
from store.tables.preparations import PreparationRow
from store.tables.rates import CarrierState, RateRow
from store.tables.removed import RemovedAttempt, RemovedClick, RemovedMessage

METADATA = SQLModel.metadata

__all__ = [
    "METADATA",
    "Account",
    "ActivityRow",
    "ApiKey",
    "AttemptRow",
    "AutoReply",
    "BrakeRow",
    "CallbackRow",
    "CampaignKey",
    "CampaignRow",
    "CarrierState",
    "ClickRow",
    "Credit",
    "DraftCampaign",
    "DraftRow",
    "Entry",
    "ErasedNumber",
    "HoldRow",
    "InboundRow",
    "KeywordSettingRow",
    "LeaseRow",
    "LinkRow",
    "ListMemberRow",
    "MailingListRow",
    "MessageCount",
    "MessageRow",
    "Nonce",
    "OptOut",
    "OptOutEvent",
    "OptOutState",
    "PreparationRow",
    "RateRow",
    "PoolNumber",
    "QuotaDay",
    "RecipientKey",
    "RemovedAttempt",
    "RemovedClick",
    "RemovedMessage",
    "ReplyOption",
    "ReplyChannelRow",
    "SenderOwner",
    "SenderRow",
    "WebhookRow",
]
