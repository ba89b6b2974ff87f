"""How a handoff to a carrier may fail, each named after what we do next.

CarrierFailure
├── PermanentFailure    this number or text will never go: the message ends as failed
├── TemporaryFailure    surely not sent: the message comes again in a retry wave
└── DoubtfulHandoff     perhaps sent: never sent again blindly
"""


class CarrierFailure(Exception):
    """A handoff did not end in a clear acceptance.

    ``code`` is a short stable word without personal data (``invalid_number``, ``timeout``).
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class PermanentFailure(CarrierFailure):
    """The carrier said no, and would say no again."""


class TemporaryFailure(CarrierFailure):
    """The message was surely not taken; ``retry_after`` is the carrier's wish in seconds."""

    def __init__(self, code: str, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.retry_after = retry_after


class DoubtfulHandoff(CarrierFailure):
    """The request may have been taken though no clear answer came back."""


class StoreUnavailable(Exception):
    """The database did not answer; whether the last transaction was committed is not known."""


class BrokenInvariant(Exception):
    """A fault of ours: what must always hold does not. Repeating what failed cannot mend it."""


class ServiceUnavailable(Exception):
    """Temporal or its workers gave no verdict in time; asking again with the same key is safe."""


class InstantOutOfRange(BrokenInvariant):
    """A plan would hold an instant before 1970 or after 2199; nothing was changed."""
