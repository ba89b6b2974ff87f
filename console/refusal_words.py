"""Why a campaign is refused, in sentences with what to do."""

from campaign.refusals import RefusalCode

REFUSALS = {
    RefusalCode.CREDITS_INSUFFICIENT: "There are not enough credits. Ask for more, or send to "
    "fewer people.",
    RefusalCode.SENDER_NOT_OWNED: "This sender is not yours. Choose another one.",
    RefusalCode.QUOTA_REACHED: "The limit of messages for today is reached. Send tomorrow.",
    RefusalCode.CONTENT_MISSING: "The text is empty. Write one.",
    RefusalCode.CONTENT_TOO_LONG: "The text is too long. Shorten it.",
    RefusalCode.LINKS_UNAVAILABLE: "Links cannot be shortened here. Send them as they are.",
    RefusalCode.TOO_FEW_RECIPIENTS: "There is nobody to send to.",
    RefusalCode.LIST_UNKNOWN: "The mailing list is gone. Choose another one.",
    RefusalCode.LIST_EMPTY: "Nobody is on the mailing list. Add people to it, or choose another.",
    RefusalCode.MEDIA_INVALID: "The address of the picture is no address of the web. Correct it.",
    RefusalCode.MEDIA_UNSAFE: "The picture must be at a public address that begins with https.",
    RefusalCode.MEDIA_UNREACHABLE: "The picture cannot be loaded from its address. Check it.",
    RefusalCode.MEDIA_TOO_LARGE: "The picture is too large. Make it smaller.",
    RefusalCode.MEDIA_TYPE: "Phones cannot show a file of this kind. Use JPEG, PNG or GIF.",
}
# What a member of the request is on the pages.
PLACES = {
    "expiresAt": "The time after which nothing leaves",
    "scheduleDateTime": "The start",
    "spreadHours": "The spread",
    "window": "The hours",
    "mediaUrl": "The picture",
    "sender": "The sender",
    "name": "The name",
    "text": "The text",
    "canary": "The first few",
}


def of_place(place: str, message: str) -> str:
    """A fault as a sentence about what the pages call the place; as it is elsewhere."""
    known = PLACES.get(place.partition(".")[0])
    return f"{known} {message}." if known else f"{place}: {message}" if place else message
