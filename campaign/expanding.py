"""Expanding: replace the mailing lists of a draft by their members when it is admitted.

See docs/decisions/0018-mailing-lists.md for why then, and for members who leave afterwards.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from functools import partial
from typing import Any

from campaign.model import NO_FIELDS, Draft, DraftRecipient
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused

_PLACE = re.compile(r"recipients\[([0-9]+)\]")


@dataclass(frozen=True, slots=True)
class Member:
    """One number on a mailing list, with the values of its ``{{NAME}}`` tags."""

    number: str
    fields: Mapping[str, str] = field(default_factory=lambda: NO_FIELDS)


def lists_of(draft: Draft) -> list[str]:
    """The ids of the mailing lists in a draft, without repeats."""
    named = (recipient.mailing_list for recipient in draft.recipients)
    return list(dict.fromkeys(name for name in named if name is not None))


def check_lists(draft: Draft, sizes: Mapping[str, int]) -> int:
    """Check the lists of a draft, and its number of recipients, before members are read.

    ``sizes`` has the lists of the draft's account only. Returns the number of recipients with the
    members of the lists. Raises Refused.
    """
    faults: list[Refusal] = []
    count = 0
    for entry, recipient in enumerate(draft.recipients):
        size = 1 if recipient.mailing_list is None else sizes.get(recipient.mailing_list)
        place = f"recipients[{entry}].mailingList"
        if size is None:
            faults.append(Refusal(RefusalCode.LIST_UNKNOWN, "there is no such mailing list", place))
        elif size == 0:
            faults.append(Refusal(RefusalCode.LIST_EMPTY, "the list has no members", place))
        elif recipient.mailing_list is not None and recipient.key is not None:
            what = "must not be given for a mailing list"
            key_place = f"recipients[{entry}].idempotencyKey"
            faults.append(Refusal(RefusalCode.FIELD_INVALID, what, key_place))
        count += size or 0
    most = draft.policy.listed_max
    if count > most:
        what = f"at most {most} recipients are allowed, with list members there are {count}"
        faults.append(Refusal(RefusalCode.TOO_MANY_RECIPIENTS, what, "recipients"))
    if faults:
        raise Refused(*faults[:SHOWN_MAX])
    return count


def expand(draft: Draft, members: Mapping[str, Sequence[Member]]) -> Draft:
    """Replace each list by its members, which take over the values of the list's entry.

    A member's own fields override those of the entry. Raises Refused if a list has become empty
    since ``check_lists``.
    """
    recipients: list[DraftRecipient] = []
    for entry, recipient in enumerate(draft.recipients):
        if recipient.mailing_list is None:
            recipients.append(replace(recipient, entry=entry))
            continue
        found = members.get(recipient.mailing_list, ())
        if not found:
            place = f"recipients[{entry}].mailingList"
            raise Refused(Refusal(RefusalCode.LIST_EMPTY, "the list has no members", place))
        recipients += of_members(replace(recipient, entry=entry), found)
    return replace(draft, recipients=recipients)


def of_members(recipient: DraftRecipient, members: Iterable[Member]) -> list[DraftRecipient]:
    """The members of a list as recipients, with all else of the list's entry."""
    same: dict[str, Any] = {
        each.name: getattr(recipient, each.name) for each in dataclass_fields(recipient)
    }
    del same["to"], same["fields"]
    make: Callable[..., DraftRecipient] = partial(DraftRecipient, **same)
    return [
        make(to=one.number, fields=merged_fields(recipient.fields, one.fields)) for one in members
    ]


def at_entries(refusals: Iterable[Refusal], draft: Draft) -> list[Refusal]:
    """Make the places of refusals point at entries of the request instead of messages.

    The place of a member of a list has its position there, and ``details`` has its number,
    ``member``: the answer goes to the owner of the list, and is recorded nowhere.
    """
    if not draft.recipients or draft.recipients[0].entry is None:
        return list(refusals)
    return [_at_entry(refusal, draft.recipients) for refusal in refusals]


def _at_entry(refusal: Refusal, recipients: Sequence[DraftRecipient]) -> Refusal:
    match = _PLACE.match(refusal.place)
    position = int(match[1]) if match else len(recipients)
    if match is None or position >= len(recipients):
        return refusal
    recipient, rest = recipients[position], refusal.place[match.end() :]
    place = f"recipients[{recipient.entry}]"
    if recipient.mailing_list is None:
        return replace(refusal, place=place + rest)
    first = position
    while first and recipients[first - 1].entry == recipient.entry:
        first -= 1
    message, count = refusal.message, refusal.details.get("members", 1)
    if count > 1:
        message += f" ({count} members of the list, this one first)"
    details = {**refusal.details, "member": recipient.to}
    return replace(
        refusal,
        message=message,
        place=f"{place}.members[{position - first}]{rest}",
        details=details,
    )


def merged_fields(known: Mapping[str, str], given: Mapping[str, str]) -> Mapping[str, str]:
    """All fields of both; a given one replaces the known one of that name, whatever its case."""
    if not known:
        return given
    own = {name.casefold() for name in given}
    kept = {name: value for name, value in known.items() if name.casefold() not in own}
    return {**kept, **given}
