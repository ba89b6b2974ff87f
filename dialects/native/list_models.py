"""The requests and answers about mailing lists."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from campaign.text import is_line
from dialects.http.api_model import ApiModel, At, Next
from dialects.native.fields import RequestModel

NAME_LENGTH_MAX = 100


def _line(name: str) -> str:
    if not is_line(name):
        raise ValueError("must be one line of text")
    return name


class MailingListBody(RequestModel):
    """A mailing list to create."""

    name: Annotated[str, AfterValidator(_line)] = Field(
        min_length=1, max_length=NAME_LENGTH_MAX, examples=["Regulars"]
    )


class MailingList(ApiModel):
    """A mailing list and its number of members."""

    id: str
    name: str
    members: int = Field(validation_alias="size")
    created_at: At


class MailingListPage(ApiModel):
    """A page of mailing lists, by name."""

    mailing_lists: list[MailingList]
    next: Next


class Member(ApiModel):
    """A member of a mailing list."""

    to: str = Field(validation_alias="number")
    fields: Mapping[str, str]


class MemberPage(ApiModel):
    """A page of members, by number."""

    members: list[Member]
    next: Next


class MembersAdded(ApiModel):
    """What an import of members changed."""

    added: int
    updated: int
    members: int = Field(description="members of the list now")
    notes: tuple[str, ...] | None = Field(
        default=None, description="how a file was read, where that was not certain"
    )
