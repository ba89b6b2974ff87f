"""A campaign cannot be moved to a start at which it has expired."""

from campaign.instants import DAY, HOUR
from campaign.refusals import RefusalCode
from campaign.settings import Settings
from service.changes import Change, faults_of

NOW = 20_000 * DAY


def test_a_start_at_the_expiry_or_later_is_refused_with_its_place() -> None:
    settings, ends = Settings(), NOW + DAY
    assert faults_of(Change(start=ends - HOUR), NOW, settings, ends) == []
    assert faults_of(Change(start=ends), NOW, settings) == []
    (fault,) = faults_of(Change(start=ends), NOW, settings, ends)
    assert (fault.code, fault.place) == (RefusalCode.SCHEDULE_INVALID, "scheduleDateTime")
