"""Sex, hate, and offers of alcohol, firearms and tobacco."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.refusals import SHOWN_MAX, RefusalCode
from campaign.rules.shaft import check, classify
from tests.campaign.making import evidence, result


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Watch free porn tonight", "sex"),
        ("White power march on Sunday", "hate"),
        ("2 for 1 on all whisky at the Copper Still", "alcohol"),
        ("Handguns from $249 at Main St Pawn", "firearms"),
        ("All vapes half price", "tobacco"),
    ],
)
def test_each_class_is_named(text: str, found: str) -> None:
    assert classify(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "FREE PORN TONIGHT",
        "free p0rn tonight",
        "free p-o-r-n tonight",
        "free p o r n tonight",
        "free po\u200brn tonight",
        "free pórn tonight",
        "free ｐｏｒｎ tonight",
        "free роrn tonight",
        "free\nporn\ntonight",
    ],
)
def test_no_disguise_hides_a_word(text: str) -> None:
    assert classify(text) == "sex"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I owe you a beer, Tom", None),
        ("Any two craft beers for £8, Tom", "alcohol"),
        ("The museum shows a rifle of 1812", None),
        ("Every rifle is on sale until Sunday", "firearms"),
        ("Grandad's old cigar case was found", None),
        ("Cigars, boxes of 25, 15% off", "tobacco"),
    ],
)
def test_a_thing_that_may_be_spoken_of_may_not_be_offered(text: str, found: str | None) -> None:
    assert classify(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "Root beer and ginger beer, 2 for $6",
        "Wine-red dresses 20% off",
        "Hot glue guns $9.99 this week",
        "Nerf guns, rifles and pistols 3 for 2 at Toybox",
        "Flu shots are free on Monday",
        "Quit smoking with free nicotine patches",
        "Same-sex weddings: free tasting menu",
        "Save the date: wine society dinner, 4 May",
        "Space for rent in the Sydney CBD, $900 a week",
        "Our dispensary has your prescription, £9.90",
        "Full hookups at every campsite, $45 a night",
        "Sussex, Essex, Scunthorpe and Penistone deliveries are free",
    ],
)
def test_what_only_looks_like_a_class_is_clean(text: str) -> None:
    assert classify(text) is None


def test_an_innocent_phrase_shields_nothing_but_itself() -> None:
    assert classify("Ginger beer and vodka, 2 for £6") == "alcohol"
    assert classify("Glue guns and shotguns, half price") == "firearms"


def test_groups_of_people_may_be_named_but_nothing_may_be_done_to_them() -> None:
    assert classify("Refugee week: refugees share their recipes") is None
    assert classify("Deport all refugees, march with us") == "hate"
    assert classify("Refugees are vermin, says our pamphlet") == "hate"


def test_the_refusal_names_class_and_place_and_never_the_text() -> None:
    found = evidence({"Your order has shipped": 0, "Free porn for Ann": 3})
    (refusal,) = check(found)
    assert result([refusal]) == [(RefusalCode.CONTENT_NOT_COMPLIANT, "recipients[3].text")]
    assert refusal.details == {"rule": "shaft", "class": "sex"}
    assert "porn" not in refusal.message
    assert "Ann" not in repr(refusal)


def test_a_readable_number_of_faults_is_told() -> None:
    found = evidence({f"Free porn, number {index}": index for index in range(100)})
    assert len(list(check(found))) == SHOWN_MAX


@given(st.text(max_size=300))
def test_any_text_at_all_can_be_judged(text: str) -> None:
    assert classify(text) in {None, "sex", "hate", "alcohol", "firearms", "tobacco"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("No smoking or cigarettes inside. Buy tickets today", None),
        ("No smoking and nicotine use at the event. Free entry, order now", None),
        ("No smoking or edibles on site please, free entry", None),
        ("No smoking & vaping sale", "tobacco"),
        ("massageж happy ending", None),
    ],
)
def test_what_forbids_smoking_is_cut_out_as_far_as_it_goes(text: str, found: str | None) -> None:
    assert classify(text) == found
