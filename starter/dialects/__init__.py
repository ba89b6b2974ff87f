"""One file per vendor API: its words, limits, codes and answers, and nothing of them elsewhere.

A new dialect is a file here and a line in ``DIALECTS``.
"""

from starter.dialects import native, textingline
from starter.ways import Dialect

DIALECTS: tuple[Dialect, ...] = (textingline.DIALECT, native.DIALECT)
