"""What Mobivate's callbacks say: payloads and codes, from plain records."""

from dataclasses import replace

import pytest

from campaign.inbound import InboundMessage
from campaign.states import MessageStatus
from dialects.mobivate.events import (
    show_incoming,
    show_logged,
    show_receipt,
    status_of,
)
from store.campaigns.message_log import LoggedMessage
from tests.campaign.making import NOW, message_view

MESSAGE = message_view(
    to="+447900000001",
    text="Hello",
    segments=2,
    reference="aaa",
    country="GB",
    line_type="mobile",
    network="O2",
)


def test_a_receipt_has_the_members_of_the_page() -> None:
    assert show_receipt(MESSAGE, "campaign-1", NOW + 1) == {
        "deliveryMessageId": "msg_1",
        "batchId": "campaign-1",
        "clientReference": "aaa",
        "created": "2024-10-04T00:00:00.001+00:00",
        "status": "DELIVERED",
        "statusCode": 1,
        "parts": 2,
        "hlr": "O2",
    }


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (MessageStatus.QUEUED, None, (8, "INTERIM_QUEUED")),
        (MessageStatus.SENDING, None, (8, "INTERIM_QUEUED")),
        (MessageStatus.RETRYABLE, None, (10, "RETRY")),
        (MessageStatus.SENT, "fields_missing", (2, "ACCEPTED")),
        (MessageStatus.DELIVERED, None, (1, "DELIVERED")),
        (MessageStatus.UNDELIVERED, None, (5, "UNDELIVERABLE")),
        (MessageStatus.UNKNOWN, None, (6, "UNKNOWN")),
        (MessageStatus.FAILED, "invalid_number", (11, "FAILED_NACK")),
        (MessageStatus.FAILED, "blocked", (19, "FAILED_RECIPIENT_BLACKLISTED")),
        (MessageStatus.SKIPPED, "opted_out", (19, "FAILED_RECIPIENT_BLACKLISTED")),
        (MessageStatus.SKIPPED, "left_list", (4, "DELETED")),
        (MessageStatus.CANCELLED, "campaign_cancelled", (4, "DELETED")),
    ],
)
def test_every_state_has_a_code_of_the_vendors_list(
    status: MessageStatus, reason: str | None, expected: tuple[int, str]
) -> None:
    assert status_of(replace(MESSAGE, status=status, reason=reason)) == expected


def test_no_state_is_forgotten() -> None:
    assert all(status_of(replace(MESSAGE, status=status)) for status in MessageStatus)


def test_only_what_was_handed_over_has_a_cost_in_the_log() -> None:
    logged = LoggedMessage(MESSAGE, "campaign-1", NOW)
    assert show_logged(logged)["cost"] == 2
    assert show_logged(logged)["modified"] == "2024-10-04T00:00:02+0000"
    failed = replace(MESSAGE, status=MessageStatus.FAILED)
    assert show_logged(LoggedMessage(failed, "campaign-1", NOW))["cost"] == 0


@pytest.mark.parametrize(
    ("answered", "shown"),
    [(("msg_1", "campaign-1"), ("msg_1", "campaign-1")), ((None, None), (None, None))],
)
def test_an_incoming_text_has_the_members_of_the_page(
    answered: tuple[str | None, str | None], shown: tuple[str | None, str | None]
) -> None:
    inbound = InboundMessage(
        "rpl_1",
        "acc_1",
        "+447911123457",
        "+447700900123",
        "Yes",
        NOW,
        *answered,
        media_urls=("https://media.example/1.jpg",),
    )
    assert show_incoming(inbound) == {
        "id": "rpl_1",
        "originator": "447911123457",
        "recipient": "447700900123",
        "body": "Yes\nhttps://media.example/1.jpg",
        "created": "2024-10-04T00:00:00.000+00:00",
        "inReplyTo": shown[0],
        "logicalMessageId": shown[1],
        "ownerUserId": "acc_1",
    }
