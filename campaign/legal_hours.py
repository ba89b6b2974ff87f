"""The hours in which marketing texts may be sent, by country of the number.

Countries that are not listed have the hours of 47 CFR 64.1200(c)(1). An entry is never wider than
those, even where the country's own rule is. Public holidays are not known here. Local laws change:
an account's window can only narrow these hours. Sources read on 2026-11-28:

- Default, US: 47 CFR 64.1200(c)(1), 8:00 to 21:00 at the called party's location.
- FR: two networks take commercial texts from 8:30 to 20:00, Monday to Saturday
  (github.com/element-hq/element-web/issues/7672); Brevo's API reference,
  developers.brevo.com/reference/sendtransacsms, names 8:00 to 22:00, not on Sundays.
- IN: crm.smsgatewayhub.com, "Important DLT Update" of October 2025, 10:00 to 21:00.
- KZ: help.getvero.com/vero-2/articles/sms-quiet-hours-compliance, 9:00 to 22:00.
- TW: a carrier's guidelines (docs/carriers.md), not from 12:30 to 13:30 and from 21:00 to 9:00.
- Not stricter than the default: AE 7:00 to 21:00 (as TW), BR 8:00 to 21:00 (as KZ).
"""

from collections.abc import Mapping

ALL_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Span = tuple[str, str]

DEFAULT: tuple[tuple[Span, ...], tuple[str, ...]] = ((("08:00", "21:00"),), ALL_DAYS)
BY_COUNTRY: Mapping[str, tuple[tuple[Span, ...], tuple[str, ...]]] = {
    "FR": ((("08:30", "20:00"),), ALL_DAYS[:6]),
    "IN": ((("10:00", "21:00"),), ALL_DAYS),
    "KZ": ((("09:00", "21:00"),), ALL_DAYS),
    "TW": ((("09:00", "12:30"), ("13:30", "21:00")), ALL_DAYS),
}
