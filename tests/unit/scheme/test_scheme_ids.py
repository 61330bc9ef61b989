"""Bank codes, ISPBs, end-to-end ids and return ids."""

from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pix.scheme.errors import SchemeError
from pix.scheme.ids import (
    END_TO_END_ID_AGE_MAX,
    EndToEndId,
    check_bank_code,
    check_end_to_end_id,
    check_ispb,
    is_return_id,
    ispb_of_code,
    make_end_to_end_id,
    make_return_id,
    parse_end_to_end_id,
    parse_return_id,
    random_suffix,
)

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
ID = "E00000001202607011200AbCdEfGhIj0"

ispbs = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=8, max_size=8)
suffixes = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=11, max_size=11)
minutes = st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(second=0, microsecond=0))


@pytest.mark.parametrize(("code", "ispb"), [("001", "00000001"), ("260", "00000260"), ("999", "00000999")])
def test_a_bank_without_an_ispb_gets_its_padded_code(code: str, ispb: str) -> None:
    assert ispb_of_code(code) == ispb
    assert check_ispb(ispb) == ispb
    assert check_bank_code(code) == code


@pytest.mark.parametrize("code", ["", "1", "01", "0001", "abc", " 01", "001\n", "\u0660\u0660\u0661", "1.0"])
def test_a_bank_code_is_three_digits(code: str) -> None:
    for check in (check_bank_code, ispb_of_code):
        with pytest.raises(SchemeError) as caught:
            check(code)
        assert caught.value.field == "bank_code"


@pytest.mark.parametrize(
    "ispb",
    [
        "1234567",
        "123456789",
        "1234567a",
        "1234567\n",
        "12345 78",
        "\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668",
        "",
    ],
)
def test_an_ispb_is_eight_digits_or_capitals(ispb: str) -> None:
    with pytest.raises(SchemeError) as caught:
        check_ispb(ispb)
    assert caught.value.field == "ispb"


def test_an_ispb_may_have_letters() -> None:
    assert check_ispb("12ABC345") == "12ABC345"


def test_an_end_to_end_id_names_bank_minute_and_suffix() -> None:
    assert make_end_to_end_id("00000001", NOON, "AbCdEfGhIj0") == ID
    assert len(ID) == 32
    assert parse_end_to_end_id(ID) == EndToEndId("00000001", NOON, "AbCdEfGhIj0")
    assert str(parse_end_to_end_id(ID)) == ID


def test_the_parts_of_a_return_id_come_back() -> None:
    text = "D" + ID[1:]
    assert is_return_id(text) and not is_return_id(ID)
    assert str(parse_return_id(text)) == text and parse_return_id(text).ispb == "00000001"


@pytest.mark.parametrize("text", ["", ID, "D" + ID[1:] + "0", "D00000001202613011413AbCdEfGhIj0"])
def test_what_is_no_return_id_is_refused(text: str) -> None:
    with pytest.raises(SchemeError) as caught:
        parse_return_id(text)
    assert caught.value.field == "return_id"


def test_a_return_id_is_the_same_with_another_letter() -> None:
    assert make_return_id("00000001", NOON, "AbCdEfGhIj0") == "D" + ID[1:]
    with pytest.raises(SchemeError):
        parse_end_to_end_id("D" + ID[1:])


def test_the_time_in_an_id_is_utc_wherever_the_bank_is() -> None:
    late_in_brasilia = datetime(2026, 6, 30, 22, 30, 59, tzinfo=timezone(timedelta(hours=-3)))
    assert make_end_to_end_id("00000001", late_in_brasilia, "A" * 11)[9:21] == "202607010130"


@pytest.mark.parametrize(
    ("ispb", "at", "suffix", "field"),
    [
        ("1", NOON, "A" * 11, "ispb"),
        ("00000001", NOON.replace(tzinfo=None), "A" * 11, "at"),
        ("00000001", NOON, "A" * 10, "suffix"),
        ("00000001", NOON, "A" * 10 + "-", "suffix"),
        ("00000001", NOON, "A" * 10 + "é", "suffix"),
    ],
)
def test_a_bad_part_makes_no_id(ispb: str, at: datetime, suffix: str, field: str) -> None:
    with pytest.raises(SchemeError) as caught:
        make_end_to_end_id(ispb, at, suffix)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "text",
    [
        "",
        ID[:-1],
        ID + "0",
        ID + "\n",
        ID.lower(),
        "X" + ID[1:],
        ID[:-1] + "-",
        ID[:9] + "202613011200" + ID[21:],
        ID[:9] + "202602301200" + ID[21:],
        ID[:9] + "202607012400" + ID[21:],
        ID[:9] + "202607011260" + ID[21:],
        ID[:9] + "000007011200" + ID[21:],
        ID[:9] + "\u0662\u0660\u0662\u0666\u0660\u0667\u0660\u0661\u0661\u0662\u0660\u0660" + ID[21:],
    ],
)
def test_a_malformed_id_is_refused(text: str) -> None:
    with pytest.raises(SchemeError) as caught:
        check_end_to_end_id(text, "00000001", NOON)
    assert caught.value.field == "end_to_end_id"


def test_an_id_of_another_bank_is_refused() -> None:
    check_end_to_end_id(ID, "00000001", NOON)
    with pytest.raises(SchemeError, match="not the sender's"):
        check_end_to_end_id(ID, "00000002", NOON)


@pytest.mark.parametrize("direction", [1, -1])
def test_an_id_is_good_for_twelve_hours_each_way(direction: int) -> None:
    assert timedelta(hours=12) == END_TO_END_ID_AGE_MAX
    check_end_to_end_id(ID, "00000001", NOON + direction * timedelta(hours=12))
    with pytest.raises(SchemeError, match="12 hours"):
        check_end_to_end_id(ID, "00000001", NOON + direction * timedelta(hours=12, seconds=1))


@given(ispbs, minutes, suffixes)
def test_the_parts_come_back(ispb: str, minute: datetime, suffix: str) -> None:
    text = make_end_to_end_id(ispb, minute, suffix)
    assert len(text) == 32
    assert parse_end_to_end_id(text) == EndToEndId(ispb, minute, suffix)


@given(st.one_of(st.text(), st.text(min_size=32, max_size=32), st.from_regex(r"\AE\w{31}\Z")))
def test_garbage_is_an_id_or_refused(text: str) -> None:
    try:
        parsed = parse_end_to_end_id(text)
    except SchemeError:
        return
    assert str(parsed) == text


def test_suffixes_do_not_repeat_and_use_the_whole_alphabet() -> None:
    many = [random_suffix() for _ in range(5_000)]
    assert len(set(many)) == 5_000
    assert all(len(suffix) == 11 for suffix in many)
    for position in range(11):
        assert len({suffix[position] for suffix in many}) == 62


def test_a_seeded_simulation_repeats_its_suffixes() -> None:
    assert random_suffix(Random(7)) == random_suffix(Random(7)) != random_suffix(Random(8))
