"""Descriptions, names of banks, colours."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pix.scheme.errors import SchemeError
from pix.scheme.texts import check_bank_name, check_color, check_description


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
