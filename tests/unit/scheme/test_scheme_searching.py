"""Accents and case make no difference to a search."""

from __future__ import annotations

import pytest

from pix.scheme.searching import fold


@pytest.mark.parametrize("typed", ["Kátia", "katia", "KÁTIA", "Ka\N{COMBINING ACUTE ACCENT}tia"])
def test_a_name_is_the_same_with_and_without_accents(typed: str) -> None:
    assert fold(typed) == "katia"


def test_every_letter_of_portuguese_is_folded() -> None:
    assert fold("ÁÀÂÃÇÉÊÍÓÔÕÚÜáàâãçéêíóôõúü") == "aaaaceeiooouuaaaaceeiooouu"
