"""Descriptions, names of banks, colours."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pix.scheme.errors import SchemeError
from pix.scheme.people import check_person_name
from pix.scheme.texts import check_bank_name, check_color, check_description, check_stored_description


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("", ""),
        ("  ", ""),
        ("Almoço 🍝", "Almoço 🍝"),
        (" rent,  July\r\n", "rent, July"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("x" * 140, "x" * 140),
        ("🍝" * 140, "🍝" * 140),
    ],
)
def test_a_description_is_kept_as_a_tidy_line(text: str, description: str) -> None:
    assert check_description(text) == description


@pytest.mark.parametrize("text", ["x" * 141, "a\nb", "a\tb", "\x00", "a\x7fb", "\u202ex", "\udfff", "x" * 1_000_000])
def test_a_bad_description_is_refused(text: str) -> None:
    with pytest.raises(SchemeError) as caught:
        check_description(text)
    assert caught.value.field == "description"


INVISIBLE = {
    "zero width space": "\u200b",
    "word joiners": "\u2060\u2060",
    "Hangul filler": "\u3164",
    "Hangul choseong filler": "\u115f",
    "halfwidth Hangul filler": "\uffa0",
    "soft hyphen": "\u00ad",
    "blank Braille pattern": "\u2800",
    "blank Braille patterns and a space": "\u2800 \u2800",
    "variation selector": "\ufe0f",
    "tag letters": "\U000e0041\U000e0042",
    "combining grapheme joiner": "\u034f",
    "byte order mark": "\ufeff",
    "a mark without its letter": "\u0301",
    "null note head": "\U0001d159",
    "deprecated tag": "\U000e0001",
    "Mongolian vowel separator": "\u180e",
}


@pytest.mark.parametrize("check", [check_person_name, check_bank_name, check_description])
@pytest.mark.parametrize("name", INVISIBLE)
def test_an_invisible_text_is_refused(check: Callable[[str], str], name: str) -> None:
    with pytest.raises(SchemeError):
        check(INVISIBLE[name])


@pytest.mark.parametrize("hidden", [text for text in INVISIBLE.values() if text.strip("\u2800 \u0301\U0001d159")])
def test_nothing_invisible_hides_among_letters(hidden: str) -> None:
    with pytest.raises(SchemeError):
        check_person_name(f"Ana{hidden} Souza")


@pytest.mark.parametrize(
    "text",
    [
        "a\u200db",
        "1\u200d2",
        "\u200d👧",
        "👧\u200d",
        "ب\u200c",
        "a\ufe0f",
        "a\U000e0100",
        "👧\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "🏴\U000e0061\U000e007f",
        "a\u202eb",
        "a\u2066b",
        "a\rb",
    ],
)
def test_a_joiner_or_selector_where_nothing_needs_it_is_refused(text: str) -> None:
    with pytest.raises(SchemeError, match="invisible characters are not allowed"):
        check_description(text)


@pytest.mark.parametrize(
    "text",
    [
        "👩\u200d👧",
        "👩🏽\u200d⚕\ufe0f",
        "❤\ufe0f",
        "❤\ufe0f\u200d🔥",
        "1\ufe0f\u20e3",
        "🇧🇷",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "می\u200cخواهم",
        "क\u094d\u200dष",
        "ක\u0dca\u200dර",
        "葛\U000e0100城",
        "⠓⠑⠇⠇⠕\u2800⠓⠑",
        "株式会社",
        "Łukasz Żółć",
        "שלום",
        "\u0601١",
    ],
)
def test_scripts_and_emoji_keep_what_they_need(text: str) -> None:
    assert check_description(text) == text
    assert check_person_name(text) == text


@pytest.mark.parametrize("text", [" a", "a ", "a  b", "a\u0301", "a\u00a0b", "\ra", "x" * 141])
def test_what_is_sent_must_be_in_stored_form(text: str) -> None:
    with pytest.raises(SchemeError) as caught:
        check_stored_description(text)
    assert caught.value.field == "description"


@given(text=st.text())
def test_what_is_typed_is_stored_in_the_form_in_which_it_may_be_sent(text: str) -> None:
    try:
        stored = check_description(text)
    except SchemeError:
        return
    assert check_stored_description(stored) == stored


def test_a_bank_has_a_name_of_at_most_40_characters() -> None:
    assert check_bank_name(" Banco  Alfa ") == "Banco Alfa"
    assert check_bank_name("B" * 40) == "B" * 40
    for text in ("", " ", "B" * 41, "Banco\x1b[31m"):
        with pytest.raises(SchemeError) as caught:
            check_bank_name(text)
        assert caught.value.field == "bank_name"


def test_a_color_is_kept_in_lower_case() -> None:
    assert check_color("#0A7CFF") == "#0a7cff"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0a7cff",
        "#0a7cf",
        "#0a7cff0",
        "#0a7cfg",
        "red",
        "#0a7cff\n",
        "#fff;}",
        "#\u0660\u0660\u0660\u0660\u0660\u0660",
    ],
)
def test_another_color_is_refused(text: str) -> None:
    with pytest.raises(SchemeError) as caught:
        check_color(text)
    assert caught.value.field == "color"


@pytest.mark.parametrize("check", [check_description, check_bank_name, check_color])
@given(text=st.text())
def test_garbage_is_refused_and_a_checked_text_stays_as_it_is(check: Callable[[str], str], text: str) -> None:
    try:
        checked = check(text)
    except SchemeError:
        return
    assert check(checked) == checked
    # What passes can be stored and shown.
    checked.encode()
    assert "\x00" not in checked and "\n" not in checked
