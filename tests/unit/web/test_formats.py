"""Money, times and keys as people read them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pix.scheme.days import day_of
from pix.scheme.keys import KeyKind
from pix.scheme.money import AMOUNT_CENTAVOS_MAX, parse_brl
from pix.web import formats
from pix.web.languages import Language

# 2026-01-31 18:32:07.250 UTC is 15:32:07 in Brasília.
AT_MS = 1_769_884_327_250


def test_amounts_are_the_same_in_both_languages() -> None:
    assert formats.brl(123_456) == "R$\N{NO-BREAK SPACE}1.234,56"
    assert formats.brl(-100) == "\N{MINUS SIGN}R$\N{NO-BREAK SPACE}1,00"
    assert formats.brl_signed(100) == "+R$\N{NO-BREAK SPACE}1,00"
    assert formats.brl_signed(0) == "R$\N{NO-BREAK SPACE}0,00"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("The `next` of a page", "The <code>next</code> of a page"),
        ("`a` and `<b>`", "<code>a</code> and <code>&lt;b&gt;</code>"),
        ("a < b", "a &lt; b"),
        ("one ` alone", "one  alone"),
    ],
)
def test_what_stands_between_backticks_is_code(text: str, html: str) -> None:
    assert formats.code_spans(text) == html


@given(st.integers(0, AMOUNT_CENTAVOS_MAX))
def test_a_plain_amount_is_read_back(amount_centavos: int) -> None:
    assert parse_brl(formats.brl_plain(amount_centavos)) == amount_centavos


def test_times_are_those_of_brasilia() -> None:
    assert formats.clock_time(AT_MS) == "15:32:07"
    assert formats.minute_time(AT_MS) == "15:32"
    assert formats.iso_time(AT_MS) == "2026-01-31T15:32:07.250-03:00"
    assert day_of(AT_MS) == date(2026, 1, 31)
    # Just before midnight there it is the next day in UTC.
    assert day_of(AT_MS + 8 * 3_600_000) == date(2026, 1, 31)
    assert formats.localtime(AT_MS, Language.PORTUGUESE) == "31/01 às 15:32"
    assert formats.localtime(AT_MS, Language.ENGLISH) == "Jan 31, 15:32"
    assert formats.localtime_full(AT_MS, Language.PORTUGUESE) == "31 de janeiro de 2026 às 15:32:07"


INT64 = st.integers(-(2**63), 2**63 - 1)


@pytest.mark.parametrize("at_ms", [2**62, -(2**63), 2**63 - 1])
def test_a_number_that_is_no_time_is_shown_as_it_is(at_ms: int) -> None:
    assert formats.clock_time(at_ms) == formats.iso_time(at_ms) == f"{at_ms} ms"
    assert formats.localtime_full(at_ms, Language.PORTUGUESE) == f"{at_ms} ms"


@given(INT64 | st.sampled_from([-1, 0, 253_402_300_799_999, 253_402_300_800_000, -62_135_596_800_000]), INT64)
def test_every_integer_can_be_shown(at_ms: int, other_ms: int) -> None:
    for language in Language:
        assert formats.localtime(at_ms, language)
        assert formats.localtime_full(at_ms, language)
        assert formats.day_heading(day_of(at_ms), day_of(other_ms), language)
    for show in (formats.clock_time, formats.minute_time, formats.iso_time, formats.brl, formats.brl_signed):
        assert show(at_ms)
    assert formats.brl_plain(at_ms) and formats.seconds_between(at_ms, other_ms, Language.ENGLISH)


@given(st.integers(0, 250_000_000_000_000))
def test_a_time_keeps_its_milliseconds(at_ms: int) -> None:
    assert formats.iso_time(at_ms)[-10:-6] == f".{at_ms % 1_000:03d}"


@given(st.text())
def test_every_text_can_be_shown(text: str) -> None:
    formats.tax_id(text), formats.initials(text), formats.first_name(text)
    for kind in KeyKind:
        formats.pix_key(text, kind)


def test_days_are_called_by_their_names() -> None:
    today = date(2026, 1, 31)
    assert formats.day_heading(today, today, Language.PORTUGUESE) == "Hoje"
    assert formats.day_heading(date(2026, 1, 30), today, Language.ENGLISH) == "Yesterday"
    assert formats.day_heading(date(2026, 1, 27), today, Language.PORTUGUESE) == "Terça-feira, 27 de janeiro"
    assert "2025" in formats.day_heading(date(2025, 12, 31), today, Language.ENGLISH)


@pytest.mark.parametrize(
    ("kind", "key", "shown"),
    [
        ("CPF", "52998224725", "529.982.247-25"),
        ("CNPJ", "12ABC34501DE35", "12.ABC.345/01DE-35"),
        ("PHONE", "+5511987654321", "+55 (11) 98765-4321"),
        ("PHONE", "+551133334444", "+55 (11) 3333-4444"),
        ("PHONE", "+14155552671", "+14155552671"),
        ("EMAIL", "a@b.example", "a@b.example"),
    ],
)
def test_keys_have_their_punctuation(kind: str, key: str, shown: str) -> None:
    assert formats.pix_key(key, kind) == shown


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Banco Aurora", "A"),
        ("Ana Beatriz Souza", "AS"),
        ("José da Silva", "JS"),
        ("Padaria Pão Dourado Ltda", "PL"),
        ("Banco do Brasil", "B"),
        ("Banco", "B"),
        ("ávila", "Á"),
        ("", "?"),
        ("*** ---", "?"),
    ],
)
def test_initials_tell_names_apart(name: str, letters: str) -> None:
    assert formats.initials(name) == letters


def test_durations_and_tax_ids() -> None:
    assert formats.seconds_between(1_000, 1_840, Language.PORTUGUESE) == "0,8 s"
    assert formats.seconds_between(1_000, 1_840, Language.ENGLISH) == "0.8 s"
    assert formats.seconds_between(2_000, 1_000, Language.PORTUGUESE) == "0,0 s"
    assert formats.decimal(12.345, Language.PORTUGUESE, digits=2) == "12,35"
    assert formats.tax_id("***.982.247-**") == "***.982.247-**"
