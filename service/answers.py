"""Answers to inbound texts: campaigns of one message, from the number that was written to."""

from campaign.events import NATIVE
from campaign.inbound import InboundMessage
from campaign.model import Draft, DraftRecipient, Policy
from campaign.sending_windows import Purpose
from service.campaigns import Admission, CampaignService

# A text is sent as it was typed: {{ }} is no field.
POLICY = Policy(literal=True)
NAME = "Answer"


async def send_answer(
    service: CampaignService, message: InboundMessage, text: str, key: str, sandbox: bool
) -> Admission:
    """Answer the writer of an inbound text at once, from the number that it was sent to.

    ``key`` is the idempotency key of the answer: a second run sends nothing more. ``sandbox`` is
    that of the API key that answers. The answer is admitted, paid for and reported as any campaign,
    and skipped if the writer has opted out. Raises as
    :meth:`service.campaigns.CampaignService.admit` does.
    """
    recipient = DraftRecipient(to=message.writer, text=text, sender=message.number)
    return await service.admit(
        Draft(
            account_id=message.account_id,
            dialect=NATIVE,
            recipients=[recipient],
            policy=POLICY,
            name=NAME,
            sender=message.number,
            key=key,
            sandbox=sandbox,
            purpose=Purpose.TRANSACTIONAL,
            is_answer=True,
        )
    )
