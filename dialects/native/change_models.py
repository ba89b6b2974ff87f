"""The answer to a change that is only tried."""

from typing import Literal, Self

from pydantic import Field

from campaign.sending_windows import EXPIRED
from dialects.http.api_model import ApiModel, At
from dialects.native.campaign_models import CreditAmount, Refusal
from dialects.native.dry_run_models import SkippedCount
from service.plan_previews import ChangePreview


class ChangeDryRun(ApiModel):
    """What would follow from a change of a campaign, or why it is refused."""

    dry_run: Literal[True] = True
    admitted: bool = Field(description="false if the change would be refused")
    refusals: list[Refusal] = Field(
        description="a refused change changes nothing: the rest is that of the campaign as it is"
    )
    planned_end: At | None = Field(
        description="when the last message would leave, if the campaign is paused: were it resumed "
        "now; null if none would"
    )
    to_send: int = Field(description="messages that have not left and would leave")
    skipped: list[SkippedCount] = Field(description="those that would not leave")
    edited: int = Field(description="messages that would get the new text")
    under_way: int = Field(
        description="messages that are being sent: each keeps its text unless its carrier puts it "
        "off"
    )
    credits: CreditAmount = Field(
        description="what the new text costs more, or with a minus sign less; given also if "
        "credits do not suffice for it"
    )

    @classmethod
    def of_preview(cls, preview: ChangePreview) -> Self:
        """The answer about a change."""
        prospect, edit = preview.prospect, preview.edit
        expired = prospect.expired
        return cls(
            admitted=not preview.refusals,
            refusals=[Refusal.of(refusal) for refusal in preview.refusals],
            planned_end=prospect.end,  # type: ignore[arg-type]  # see At
            to_send=prospect.waiting - expired,
            skipped=[SkippedCount(reason=EXPIRED, count=expired)] if expired else [],
            edited=0 if edit is None else edit.messages,
            under_way=0 if edit is None else edit.under_way,
            credits=CreditAmount.of(preview.price_difference),
        )
