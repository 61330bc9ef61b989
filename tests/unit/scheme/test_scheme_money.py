"""Amounts: what may be transferred, what people read, and what they may type."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pix.scheme.errors import SchemeError
from pix.scheme.money import AMOUNT_CENTAVOS_MAX, check_amount, format_brl, parse_brl


@pytest.mark.parametrize("amount_centavos", [1, 100, AMOUNT_CENTAVOS_MAX])
def test_an_amount_within_the_limits_passes(amount_centavos: int) -> None:
    assert check_amount(amount_centavos) == amount_centavos


@pytest.mark.parametrize("amount", [0, -1, AMOUNT_CENTAVOS_MAX + 1, True, False, 1.0, float("nan"), "1", None])
def test_any_other_amount_is_refused_under_the_name_of_its_field(amount: object) -> None:
    with pytest.raises(SchemeError) as caught:
        check_amount(cast(int, amount), "balance_centavos")
    assert caught.value.field == "balance_centavos"


def test_the_field_is_the_amount_in_centavos_unless_named() -> None:
    with pytest.raises(SchemeError) as caught:
        check_amount(0)
    assert caught.value.field == "amount_centavos"


def test_the_largest_amount_is_a_billion_reais_less_a_centavo() -> None:
    assert format_brl(AMOUNT_CENTAVOS_MAX) == "R$ 999.999.999,99"


@pytest.mark.parametrize(
    ("amount_centavos", "text"),
    [
        (0, "R$ 0,00"),
        (5, "R$ 0,05"),
        (100, "R$ 1,00"),
        (123456, "R$ 1.234,56"),
        (100_000_000, "R$ 1.000.000,00"),
        (-5, "-R$ 0,05"),
        (-100, "-R$ 1,00"),
        (-123456, "-R$ 1.234,56"),
    ],
)
def test_money_is_written_as_in_brazil(amount_centavos: int, text: str) -> None:
    assert format_brl(amount_centavos) == text


@pytest.mark.parametrize(
    ("text", "amount_centavos"),
    [
        ("1.234,56", 123456),
        ("R$ 1.234,56", 123456),
        ("r$1.234,56", 123456),
        ("R$\u00a01.234,56", 123456),
        ("  1234,5 ", 123450),
        ("1234,56", 123456),
        ("1234", 123400),
        ("12.50", 1250),
        ("12.5", 1250),
        ("1.234", 123400),
        ("1.234.567", 123456700),
        ("0,01", 1),
        ("0.01", 1),
        ("0", 0),
        ("007", 700),
        ("999.999.999,99", AMOUNT_CENTAVOS_MAX),
    ],
)
def test_an_amount_is_read_as_it_is_typed(text: str, amount_centavos: int) -> None:
    assert parse_brl(text) == amount_centavos


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "R$",
        "-1",
        "-R$ 1,00",
        "R$ -1,00",
        "\N{MINUS SIGN}1",
        "+1",
        "1,234",
        "1,234.56",
        "1.23,4",
        "1.2345",
        "12.345.6",
        "0.123",
        "1234.567",
        "12.34.56",
        "1,",
        ",5",
        "1.",
        ".5",
        "1,2,3",
        "1e3",
        "0x10",
        "1_000",
        "1 234",
        "\u0661\u0662",
        "\uff11\uff12",
        "abc",
        "R$ R$ 1",
        "NaN",
        "1.000.000.000,00",
        "1000000000",
        "9" * 41,
        "9" * 10_000,
    ],
)
def test_what_could_be_misread_is_refused(text: str) -> None:
    with pytest.raises(SchemeError) as caught:
        parse_brl(text)
    assert caught.value.field == "amount"


@given(st.integers(0, AMOUNT_CENTAVOS_MAX))
def test_what_is_written_is_read_back(amount_centavos: int) -> None:
    assert parse_brl(format_brl(amount_centavos)) == amount_centavos
    assert parse_brl(f"{amount_centavos // 100}.{amount_centavos % 100:02d}") == amount_centavos


@given(st.one_of(st.text(), st.text("0123456789.,R$- "), st.from_regex(r"[R$ ]*[0-9.,]+", fullmatch=True)))
def test_garbage_is_read_as_money_or_refused(text: str) -> None:
    try:
        amount_centavos = parse_brl(text)
    except SchemeError:
        return
    assert 0 <= amount_centavos <= AMOUNT_CENTAVOS_MAX
    # Never another digit than was typed, whatever the punctuation.
    typed = "".join(character for character in text if character in "0123456789").lstrip("0")
    assert str(amount_centavos).rstrip("0") == typed.rstrip("0")
