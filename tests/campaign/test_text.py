"""Texts: how they are counted in segments and read through disguises."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaign.text import (
    bad_character,
    clean,
    is_blank,
    is_line,
    plain,
    segment,
    unmasked,
    visible,
)

# 3GPP TS 23.038, written out anew so that the product's own table is held against another.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    + "".join(map(chr, range(0x20, 0x5B))).replace("$", "¤").replace("@", "¡")
    + "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = "\f^{}\\[~]|€"
gsm_texts = st.text(st.sampled_from(BASIC + EXTENDED), max_size=700)
wide_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300).map("ğ".__add__)


def parts(widths: list[int], single: int, part: int) -> list[int]:
    """Lay characters out one by one; the filling of each segment."""
    if sum(widths) <= single:
        return [sum(widths)]
    filled = [0]
    for width in widths:
        if filled[-1] + width > part:
            filled.append(0)
        filled[-1] += width
    return filled


def utf16_units(text: str) -> int:
    """How many 16-bit units a text takes."""
    return len(text.encode("utf-16-be")) // 2


@pytest.mark.parametrize(
    ("units", "segments"), [(0, 1), (1, 1), (160, 1), (161, 2), (306, 2), (307, 3), (459, 3)]
)
def test_a_gsm_text_takes_160_alone_and_153_in_parts(units: int, segments: int) -> None:
    counted = segment("a" * units)
    assert (counted.encoding, counted.units, counted.count) == ("gsm7", units, segments)


def test_a_gsm_text_of_161_characters_takes_two_segments() -> None:
    assert segment("é" * 161).count == 2


@pytest.mark.parametrize(
    ("units", "segments"), [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4)]
)
def test_a_ucs2_text_takes_70_alone_and_67_in_parts(units: int, segments: int) -> None:
    counted = segment("ж" * units)
    assert (counted.encoding, counted.units, counted.count) == ("ucs2", units, segments)


def test_the_basic_alphabet_has_127_letters_of_one_septet_each() -> None:
    assert len(set(BASIC)) == len(BASIC) == 127
    assert all(segment(letter).encoding == "gsm7" for letter in BASIC)
    assert all(segment(letter).units == 1 for letter in BASIC)


@pytest.mark.parametrize("letter", EXTENDED)
def test_a_letter_of_the_extension_table_takes_two_septets(letter: str) -> None:
    assert segment(letter).units == 2
    assert segment(letter * 80).count == 1
    assert segment(letter * 81).count == 2


@pytest.mark.parametrize("letter", "çŁ`’“…–ђ中😀\x1b")
def test_one_letter_outside_the_alphabet_makes_the_whole_text_ucs2(letter: str) -> None:
    assert segment("plain " + letter).encoding == "ucs2"


def test_an_escape_pair_that_would_straddle_moves_to_the_next_segment() -> None:
    # 306 septets would fit two segments, were the pair at septets 153 and 154 cut in two.
    text = "a" * 152 + "€" + "a" * 152
    assert segment(text).units == 306
    assert segment(text).count == 3


def test_a_surrogate_pair_that_would_straddle_moves_to_the_next_segment() -> None:
    text = "ж" * 66 + "😀" + "ж" * 66
    assert segment(text).units == 134
    assert segment(text).count == 3


@given(gsm_texts)
@example("{" * 77)
@example("a" * 152 + "{" + "a" * 152)
def test_every_gsm_text_is_counted_as_laid_out_letter_by_letter(text: str) -> None:
    widths = [2 if letter in EXTENDED else 1 for letter in text]
    laid_out = parts(widths, 160, 153)
    counted = segment(text)
    assert (counted.encoding, counted.units, counted.count) == ("gsm7", sum(widths), len(laid_out))
    assert all(filling <= 153 for filling in laid_out) or len(laid_out) == 1


@given(wide_texts)
@example("ж" * 66 + "😀" + "ж" * 66)
def test_every_other_text_is_counted_in_utf16_units_with_no_pair_cut(text: str) -> None:
    widths = [utf16_units(letter) for letter in text]
    counted = segment(text)
    assert (counted.encoding, counted.units) == ("ucs2", utf16_units(text))
    assert counted.count == len(parts(widths, 70, 67))


@given(st.text(max_size=400), st.text(max_size=40))
def test_a_longer_text_never_takes_fewer_segments(text: str, more: str) -> None:
    assert segment(text + more).count >= segment(text).count >= 1


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("e\u0301" * 150, "é" * 150),
        ("\u2126", "Ω"),
        ("\u212b \u1112\u1161\u11ab", "Å 한"),
        ("Hi \u2068Ann\u2069, \u2067\u05d0\u2069 \u202aBo\u202c", "Hi Ann, \u05d0 Bo"),
        ("stay \u202emoc", "stay \u202emoc"),
        ("a\tb\u00a0c", "a\tb\u00a0c"),
        ("👩\u200d👧 \u200fשלום", "👩\u200d👧 \u200fשלום"),
        ("ж" * 5_000 + "e\u0301", "ж" * 5_000 + "é"),
    ],
)
def test_a_text_is_composed_and_loses_isolates_only(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\t\r\n",
        "\u00a0\u3000",
        "\u200b\u200d\ufeff",
        "\u2800",
        "\u3164",
        "\u115f",
        "\U000e0020",
    ],
)
def test_a_text_of_nothing_visible_is_blank(text: str) -> None:
    assert is_blank(text)
    assert not is_blank(text + "a") and not is_blank(text + "👋")


@pytest.mark.parametrize("letter", ["\x85", "\ufffe", "\n", "\t", "\u2028", "\u202e", "\x00"])
def test_a_name_is_one_line_of_valid_characters(letter: str) -> None:
    assert is_line("Spring 👩\u200d👧 été")
    assert not is_line(f"Spring{letter}sale")


# As they leave the cleaning: composed, and without isolates.


@pytest.mark.parametrize(
    "letter", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\u202e", "\u2066", "\ue000", "\ufffe"]
)
def test_a_control_or_an_override_is_named_by_its_code_point(letter: str) -> None:
    assert bad_character(f"ok {letter} ok") == f"U+{ord(letter):04X}"


def test_the_first_bad_character_is_named_and_a_lone_surrogate_is_one() -> None:
    assert bad_character("a\ud83d\x07") == "U+D83D"


@pytest.mark.parametrize(
    "text", ["", "tab\tand\r\nlines", "emoji 👩‍👩‍👧 😀", "שלום", "नमस्ते", "é€ç"]
)
def test_ordinary_writing_of_any_script_is_allowed(text: str) -> None:
    assert bad_character(text) is None


@given(st.text(max_size=100))
def test_a_text_without_bad_characters_can_be_sent_as_utf8(text: str) -> None:
    if bad_character(text) is None:
        assert (
            text.encode()
            and not any(unicodedata.category(c) == "Cc" and c not in "\t\n\r" for c in text)
            or text == ""
        )


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("CAFÉ", "cafe"),
        ("ＳＡＬＥ", "sale"),
        ("beer\n on \t sale ", "beer on sale"),
        ("fr\u200bee\u00ad", "free"),
        ("don’t – stop", "don't - stop"),
        ("Straße", "strasse"),
    ],
)
def test_a_text_is_folded_for_matching(text: str, folded: str) -> None:
    assert plain(text) == folded


@given(st.text(max_size=100))
def test_folding_a_folded_text_changes_nothing_but_what_folding_made(text: str) -> None:
    assert plain(plain(plain(text))) == plain(plain(text))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("acc0unt", "account"),
        ("v3r1fy n0w", "verify now"),
        ("$ex", "sex"),
        ("p o r n", "porn"),
        ("l-o-c-k-e-d", "locked"),
        ("ассоunt", "account"),
        ("аррӏе", "apple"),
        ("call 0117 496 0200 at 20:15 for $5", "call 0117 496 0200 at 20:15 for $5"),
        ("wow! now!", "wow! now!"),
        ("привет, друзья", "привет, друзья"),
    ],
)
def test_a_disguised_word_is_read_as_it_is_meant(text: str, meant: str) -> None:
    assert unmasked(text) == meant


def test_what_nobody_sees_is_left_out_and_the_rest_kept() -> None:
    assert visible("pay\u200bpal\ufe0f É") == "paypal É"
