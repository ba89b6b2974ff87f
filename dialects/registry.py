"""Every API that Godwit speaks; the only list of them besides ``renderers.py``.

A new dialect is a folder here, a line in ``DIALECTS`` and, if it has webhooks, one in
``RENDERERS``.
"""

from dialects.dialect import Dialect
from dialects.fonedynamics import routes as fonedynamics
from dialects.mobivate import routes as mobivate
from dialects.native import routes as native
from dialects.telesign import routes as telesign
from dialects.textingline import routes as textingline

DIALECTS: tuple[Dialect, ...] = (
    textingline.DIALECT,
    telesign.DIALECT,
    fonedynamics.DIALECT,
    mobivate.DIALECT,
    native.DIALECT,
)
