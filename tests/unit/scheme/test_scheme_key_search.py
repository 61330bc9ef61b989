"""A key is found by what people type of it."""

from __future__ import annotations

import pytest

from pix.scheme.key_search import key_beginnings


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("390.271.865-02", "39027186502"),
        ("39027186502", "39027186502"),
        ("529.982", "52998224725"),
        (" 529 982 ", "52998224725"),
        ("12.ABC.345/01DE-35", "12ABC34501DE35"),
        ("12.abc.345", "12ABC34501DE35"),
        ("(71) 98765-0301", "+5571987650301"),
        ("+55 (71) 98765-0301", "+5571987650301"),
        ("55 71 98765", "+5571987650301"),
        ("(71) 98765", "+5571987650301"),
        ("71987650301", "+5571987650301"),
        ("+1 415 555", "+14155550123"),
        ("Katia@Mare", "katia@mare.example"),
        ("16DADA76-BE05-46f", "16dada76-be05-46f0-9c1e-000000000000"),
        ("16dada76", "16dada76-be05-46f0-9c1e-000000000000"),
    ],
)
def test_it_is_found_as_it_is_shown_and_as_it_is_stored(typed: str, stored: str) -> None:
    assert any(stored.startswith(beginning) for beginning in key_beginnings(typed))


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("(11) 98765", "11987654321"), ("529.982", "katia@mare.example"), ("katia", "+5571987650301")],
)
def test_what_it_cannot_be_is_not_found(typed: str, stored: str) -> None:
    assert not any(stored.startswith(beginning) for beginning in key_beginnings(typed))


def test_nothing_typed_looks_for_nothing() -> None:
    assert key_beginnings("  ") == ()


def test_no_beginning_begins_with_another() -> None:
    for typed in ("5", "55", "5511", "a", "A1", "+55"):
        found = key_beginnings(typed)
        assert found and not any(a != b and a.startswith(b) for a in found for b in found)
