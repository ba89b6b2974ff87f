"""How each API writes its webhook requests; importing this loads no HTTP framework."""

from collections.abc import Mapping

from dialects.fonedynamics import events as fonedynamics
from dialects.mobivate import events as mobivate
from dialects.native import events as native
from dialects.telesign import events as telesign
from dialects.textingline import events as textingline
from webhooks.rendering import ShowNews

RENDERERS: Mapping[str, ShowNews] = {
    "textingline": textingline.show_news,
    "telesign": telesign.show_news,
    "fonedynamics": fonedynamics.show_news,
    "mobivate": mobivate.show_news,
    "native": native.show_news,
}
