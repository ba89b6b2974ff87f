"""How each API writes its webhook requests; importing this loads no HTTP framework."""

from collections.abc import Mapping

from dialects.fonedynamics import events as fonedynamics
from dialects.mobivate import events as mobivate
from dialects.native import events as native
from dialects.telesign import events as telesign
from dialects.textingline import events as textingline
from webhooks.rendering import EventRenderer

RENDERERS: Mapping[str, EventRenderer] = {
    "textingline": textingline.render_event,
    "telesign": telesign.render_event,
    "fonedynamics": fonedynamics.render_event,
    "mobivate": mobivate.render_event,
    "native": native.render_event,
}
