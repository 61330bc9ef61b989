"""Tax ids and names of people and companies."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pix.scheme.errors import SchemeError
from pix.scheme.people import (
    HolderKind,
    check_person_name,
    check_tax_id,
    format_tax_id,
    mask_tax_id,
)


@pytest.mark.parametrize(
    ("text", "kind", "stored"),
    [
        ("52998224725", HolderKind.PERSON, "52998224725"),
        ("529.982.247-25", HolderKind.PERSON, "52998224725"),
        (" 529 982 247 25 ", HolderKind.PERSON, "52998224725"),
        ("529.982.247\N{EN DASH}25", HolderKind.PERSON, "52998224725"),
        ("390.533.447-05", HolderKind.PERSON, "39053344705"),
        ("16.727.230/0001-97", HolderKind.COMPANY, "16727230000197"),
        ("12ABC34501DE35", HolderKind.COMPANY, "12ABC34501DE35"),
        ("12.abc.345/01de-35", HolderKind.COMPANY, "12ABC34501DE35"),
    ],
)
def test_a_tax_id_tells_the_kind_of_holder(text: str, kind: HolderKind, stored: str) -> None:
    assert check_tax_id(text) == (kind, stored)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "52998224724",
        "5299822472",
        "529982247255",
        "11111111111",
        "00000000000",
        "99999999999",
        "5299822472A",
        "529=982=247-25",
        "+52998224725",
        "\uff15\uff12\uff19\uff19\uff18\uff12\uff12\uff14\uff17\uff12\uff15",
        "16727230000198",
        "00000000000000",
        "12ABC34501DE36",
        "12ABC34501DEA5",
        "12ABC34501DE3",
        "12ÁBC34501DE35",
        "12\u0131BC34501DE10",  # the dotless i, whose upper case is an ASCII I, with check digits for I
        "1" * 10_000,
        "." * 11,
    ],
)
def test_a_wrong_tax_id_is_refused(text: str) -> None:
    for function in (check_tax_id, format_tax_id, mask_tax_id):
        with pytest.raises(SchemeError) as caught:
            function(text)
        assert caught.value.field == "tax_id"


@given(st.text("0123456789", min_size=9, max_size=9), st.integers(0, 10), st.integers(1, 9))
def test_one_wrong_digit_of_a_cpf_is_noticed(first_nine: str, position: int, change: int) -> None:
    digits = first_nine + cpf_check_digits(first_nine)
    if len(set(digits)) == 1:
        return
    assert check_tax_id(digits) == (HolderKind.PERSON, digits)
    wrong = digits[:position] + str((int(digits[position]) + change) % 10) + digits[position + 1 :]
    # Remainders 0 and 1 share the check digit 0, so the rule itself cannot tell every pair apart.
    if cpf_check_digits(wrong[:9]) != wrong[9:]:
        with pytest.raises(SchemeError, match="check digits"):
            check_tax_id(wrong)


def cpf_check_digits(first_nine: str) -> str:
    """Compute the digits by the letter of the rule: a remainder below 2 gives 0, another gives 11 less it."""
    digits = [int(digit) for digit in first_nine]
    for _ in range(2):
        weighted = sum(digit * weight for weight, digit in enumerate(reversed(digits), start=2))
        digits.append(0 if weighted % 11 < 2 else 11 - weighted % 11)
    return f"{digits[-2]}{digits[-1]}"


def test_a_tax_id_is_shown_with_its_punctuation() -> None:
    assert format_tax_id("52998224725") == "529.982.247-25"
    assert format_tax_id("12ABC34501DE35") == "12.ABC.345/01DE-35"


def test_a_payer_never_sees_the_whole_tax_id() -> None:
    assert mask_tax_id("52998224725") == "***.982.247-**"
    assert mask_tax_id("12ABC34501DE35") == "**.ABC.345/01DE-**"
    assert mask_tax_id("16.727.230/0001-97") == "**.727.230/0001-**"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ana", "Ana"),
        ("  Ana   Maria\u00a0Souza \n", "Ana Maria Souza"),
        ("Joa\u0303o", "João"),
        ("D'Ávila & Filhos Ltda.", "D'Ávila & Filhos Ltda."),
        ("A" * 80, "A" * 80),
        ("Joa\u0303o" * 16, "João" * 16),
    ],
)
def test_a_name_is_one_tidy_line(text: str, name: str) -> None:
    assert check_person_name(text) == name


@pytest.mark.parametrize("text", ["", "   ", "A" * 81, "Ana\nMaria", "Ana\x00", "Ana\u202eairaM", "\ud800", "A\u2028B"])
def test_a_bad_name_is_refused(text: str) -> None:
    with pytest.raises(SchemeError) as caught:
        check_person_name(text)
    assert caught.value.field == "name"


@pytest.mark.parametrize("function", [check_tax_id, format_tax_id, mask_tax_id, check_person_name])
@given(text=st.one_of(st.text(), st.text("0123456789.-/ABC\u0131\u017fß²", max_size=20)))
def test_garbage_only_ever_is_refused(function: Callable[[str], object], text: str) -> None:
    try:
        function(text)
    except SchemeError as error:
        assert error.field in ("tax_id", "name")


@given(st.text(max_size=80))
def test_a_tidy_name_stays_as_it_is(text: str) -> None:
    try:
        name = check_person_name(text)
    except SchemeError:
        return
    assert check_person_name(name) == name
    assert 1 <= len(name) <= 80
