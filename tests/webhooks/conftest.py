"""The API fixture for the tests of this package."""

from tests.serving import api

__all__ = ["api"]
