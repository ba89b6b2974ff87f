"""Where carriers bring their news: receipts of what was sent, and texts that people sent us."""

import asyncio
from collections.abc import Mapping
from typing import Protocol, cast

import structlog
from fastapi import APIRouter, FastAPI, Request, Response

from campaign.ports import Inbound, Receipt
from campaign.refusals import Refused
from campaign.rules.opt_outs import Keyword, read_keyword
from carriers import UnknownCarrier, reader_of
from starter.bodies import BadBody, read_bytes
from store.store import Store

log = structlog.get_logger("godwit.receipts")

BODY_BYTES_MAX = 256 * 1024
BATCH_MAX = 500
BATCH_WAIT_SECONDS = 0.02
