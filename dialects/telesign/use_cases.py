"""Telesign's use case codes (``ucid``), and what each says about the purpose of a request."""

from campaign.sending_windows import Purpose

_TRANSACTIONAL = "ATCK BACF BACS CHBK CLDR PWRT RESV RXPF SHIP THEF TRVF"
_MARKETING = "LEAD"
# Of these the account's setting decides.
_OPEN = "OTHR UNKN"
PURPOSES: dict[str, Purpose | None] = {
    **dict.fromkeys(_TRANSACTIONAL.split(), Purpose.TRANSACTIONAL),
    **dict.fromkeys(_MARKETING.split(), Purpose.MARKETING),
    **dict.fromkeys(_OPEN.split()),
}
