"""One file per vendor API: its words, limits, codes and answers, and nothing of them elsewhere.

A new dialect is a file here and a line in ``DIALECTS``.
"""

from starter.dialects import fonedynamics, mobivate, native, telesign, textingline
from starter.ways import Dialect

DIALECTS: tuple[Dialect, ...] = (
    textingline.DIALECT,
    telesign.DIALECT,
    fonedynamics.DIALECT,
    mobivate.DIALECT,
    native.DIALECT,
)
