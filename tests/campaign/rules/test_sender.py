"""Whose a sender is."""

from campaign.refusals import SHOWN_MAX, RefusalCode
from campaign.rules.sender import check
from tests.campaign.making import SENDER, evidence, result


def test_the_accounts_own_senders_are_fine() -> None:
    found = evidence(senders={SENDER: 0, "GODWIT": 4}, owned=[SENDER, "GODWIT", "72345"])
    assert list(check(found)) == []


def test_a_sender_of_somebody_else_is_refused_where_it_is_first_used() -> None:
    found = evidence(senders={SENDER: 0, "+18005550000": 7})
    assert result(check(found)) == [(RefusalCode.SENDER_NOT_OWNED, "recipients[7].sender")]


def test_a_name_in_other_letters_is_another_sender() -> None:
    found = evidence(senders={"Godwit": 0}, owned=["GODWIT"])
    assert result(check(found)) == [(RefusalCode.SENDER_NOT_OWNED, "recipients[0].sender")]


def test_the_sender_itself_is_not_repeated() -> None:
    (refusal,) = check(evidence(senders={"+18005550000": 0}))
    assert "18005550000" not in repr(refusal)


def test_a_readable_number_of_faults_is_told() -> None:
    found = evidence(senders={f"+1800555{index:04d}": index for index in range(100)}, owned=[])
    assert len(list(check(found))) == SHOWN_MAX
