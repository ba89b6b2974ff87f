"""Failures of a handoff to a carrier, named by what follows.

CarrierFailure
├── PermanentFailure    never sent to this number or with this text: it ends as failed
├── TemporaryFailure    certainly not sent: the message is retried in a later wave
│   └── NotStarted      our lease ended before the first byte; it says nothing about the carrier
└── DoubtfulHandoff     possibly sent: not sent again before this is cleared up
"""


class CarrierFailure(Exception):
    """A handoff did not end in a clear acceptance.

    ``code`` is a short stable word without personal data (``invalid_number``, ``timeout``).
    """

    # Its text may be logged (telemetry.exceptions); true of the others below that have it.
    loggable = True

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class PermanentFailure(CarrierFailure):
    """The carrier refused the message for good."""


class TemporaryFailure(CarrierFailure):
    """The message was certainly not taken; ``retry_after`` is the carrier's, in seconds."""

    def __init__(self, code: str, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.retry_after = retry_after


class NotStarted(TemporaryFailure):
    """The first byte was held back, because the message may belong to another worker by now."""

    def __init__(self) -> None:
        super().__init__("not_started")


class DoubtfulHandoff(CarrierFailure):
    """The request may have been taken, but no clear answer came back."""


class StoreUnavailable(Exception):
    """The database did not answer; the last transaction may have been committed."""

    loggable = True


class BrokenInvariant(Exception):
    """A fault of ours: what must always hold does not. Repeating what failed cannot mend it."""


class Interrupted(Exception):
    """The process ends before the work does; another one goes on with it."""

    loggable = True


class ServiceUnavailable(Exception):
    """Temporal or its workers did not answer in time; a retry with the same key is safe."""

    loggable = True


class NoVerdict(ServiceUnavailable):
    """No worker validated a campaign in time, and it was withdrawn."""

    def __init__(self) -> None:
        super().__init__(
            "no verdict in time, likely because no worker runs; nothing was sent, held or spent"
        )


class InstantOutOfRange(BrokenInvariant):
    """A plan would hold an instant before 1970 or after 2199; nothing was changed."""
