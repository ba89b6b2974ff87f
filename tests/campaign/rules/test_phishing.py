"""Where links lead, and what a text asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.refusals import SHOWN_MAX, RefusalCode
from campaign.rules.phishing import check, classify
from tests.campaign.making import evidence, result


@pytest.mark.parametrize("link", ["bit.ly/x", "https://BIT.LY/x", "www.tinyurl.com/y", "t.co/1."])
def test_a_public_shortener_hides_where_a_link_leads(link: str) -> None:
    assert classify(f"Our new menu: {link}") == "short_link"


@pytest.mark.parametrize("link", ["http://203.0.113.7/a", "https://203.0.113.7:8443"])
def test_a_link_to_a_bare_address_is_refused(link: str) -> None:
    assert classify(f"See {link}") == "address_link"


def test_a_version_number_is_no_link_to_an_address() -> None:
    assert classify("Update 10.0.12.7 is out") is None


def test_a_link_that_begins_with_another_host_as_its_user_is_disguised() -> None:
    assert classify("Go to https://paypal.com@evil.example/x") == "disguised_link"


@pytest.mark.parametrize(
    "host",
    [
        "paypal-help.com",
        "my.paypal-help.co.uk",
        "paypa1.com",
        "paypaI.com",
        "раураl.com",
        "xn--pypal-4ve.com",
        "paypal.com.evil.example",
        "paypalsecurelogin.com",
        "arnazon.com",
        "arnazon.co.uk",
        "vvellsfargo.com",
        "royal-mail-fee.com",
        "apple.com.id-check.ru",
        "verify-chase.com",
        "gov-rebate.com",
        "paypal.tk",
    ],
)
def test_a_host_that_imitates_a_brand_is_a_look_alike(host: str) -> None:
    assert classify(f"Details: {host}/a") == "look_alike"


@pytest.mark.parametrize(
    "host",
    [
        "paypal.com",
        "www.paypal.com",
        "business.paypal.me",
        "amazon.com.au",
        "amazon.es",
        "google.co.in",
        "delivery.dpd.co.uk",
        "service.gov.uk",
        "irs.gov",
        "pineapple.com",
        "purchase.org",
        "apple-hill-orchard.com",
        "chaseandsons.co.uk",
        "groups.example",
        "halifax-bakery.co.uk",
    ],
)
def test_a_brands_own_domain_and_names_that_only_contain_one_are_fine(host: str) -> None:
    assert classify(f"Details: {host}/a") is None


@pytest.mark.parametrize(
    "text",
    [
        "Reply with your PIN to stop this payment",
        "Send us your card number and CVV",
        "Hi Mum, my phone broke, this is my new number",
        "Buy three gift cards and text me the codes",
        "You have been selected for $1,000, claim today",
        "Part-time job, $300 a day, add me on WhatsApp",
    ],
)
def test_some_requests_need_no_link_to_be_a_fraud(text: str) -> None:
    assert classify(text) == "credential_lure"


@pytest.mark.parametrize(
    "text",
    [
        "Your account has been suspended",
        "Verify your account within 24 hours",
        "We noticed unusual activity on your card",
    ],
)
def test_a_threat_counts_only_beside_a_link(text: str) -> None:
    assert classify(text) is None
    assert classify(f"{text}: northpine-shop.example/x") == "credential_lure"


def test_a_threat_beside_a_brands_own_link_is_the_brands_own_notice() -> None:
    assert classify("Your account has been locked: netflix.com/unlock") is None


def test_who_poses_as_a_brand_may_not_ask_for_anything_at_another_host() -> None:
    assert classify("Netflix: please renew at filmclub.example") == "credential_lure"
    assert classify("Netflix night at the club: filmclub.example") is None


@pytest.mark.parametrize(
    "text",
    [
        "Your acc0unt needs a look",
        "Your v e r i f i c a t i o n is due",
        "Your ассоunt needs a look",
        "PaypaI has news for you",
    ],
)
def test_words_that_nobody_disguises_honestly_give_a_text_away(text: str) -> None:
    assert classify(text) == "disguised_words"


@pytest.mark.parametrize("dot", ["[.]", "(dot)", " [dot] "])
def test_a_written_out_dot_makes_a_link_all_the_same(dot: str) -> None:
    assert classify(f"Login: paypal-help{dot}com/x") == "look_alike"


def test_an_invisible_letter_in_a_host_hides_nothing() -> None:
    assert classify("Login: pay\u200bpal-help.com/x") == "look_alike"


@pytest.mark.parametrize(
    "text",
    [
        "Your verification code is 482913. Never share it with anyone.",
        "We will never ask for your password or PIN.",
        "Give the PIN 4471 to your driver",
        "Verify your booking at lakesidecottages.example by Friday",
        "Your refund of £18.99 was sent to your card",
        "Your gym membership is on hold until August: fitloft.example",
        "Don't reply with your card number, call us",
    ],
)
def test_warnings_codes_and_ordinary_business_are_fine(text: str) -> None:
    assert classify(text) is None


def test_the_refusal_names_what_was_found_and_never_the_text() -> None:
    (refusal,) = check(evidence({"Hello": 0, "Ann, see paypal-help.com/x": 5}))
    assert result([refusal]) == [(RefusalCode.CONTENT_NOT_COMPLIANT, "recipients[5].text")]
    assert refusal.details == {"rule": "phishing", "class": "look_alike"}
    assert "paypal" not in repr(refusal)
    assert "Ann" not in repr(refusal)


def test_a_readable_number_of_faults_is_told() -> None:
    found = evidence({f"bit.ly/{index}": index for index in range(100)})
    assert len(list(check(found))) == SHOWN_MAX


@given(st.text(max_size=300) | st.text(st.sampled_from("ab.-/:@1 хn"), max_size=120))
def test_any_text_at_all_can_be_judged(text: str) -> None:
    assert classify(text) is None or classify(text)


@pytest.mark.parametrize(
    "text", ["HRの求人 contact us on WhatsApp", "爸爸dad我手机坏了, this is my new number"]
)
def test_a_word_does_not_end_before_a_letter_of_another_script(text: str) -> None:
    assert classify(text) is None
