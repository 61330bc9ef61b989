"""The demo people's data: valid, of every kind, and no key twice in the network."""

from __future__ import annotations

import pytest

from bank_sim.application.demo_people import cnpj_of, cpf_of, stories_of
from bank_sim.domain.account import AccountStatus, account_number
from pix.scheme.keys import KeyKind, check_key_owner, keys_per_account_max, normalize_key
from pix.scheme.people import check_person_name, check_tax_id

CODES = ("001", "002", "003", "077", "999")


def test_check_digits_are_those_of_the_scheme() -> None:
    assert cpf_of("529982247") == "52998224725"
    assert cnpj_of("12ABC34501DE") == "12ABC34501DE35"
    assert cnpj_of("112223330001") == "11222333000181"


@pytest.mark.parametrize("code", CODES)
def test_each_banks_people_are_valid(code: str) -> None:
    for story in stories_of(code):
        holder_kind, tax_id = check_tax_id(story.tax_id)
        assert check_person_name(story.name) == story.name
        assert account_number(story.serial) < account_number(100_001)
        assert len(story.keys) <= keys_per_account_max(holder_kind)
        for kind, key in story.keys:
            if kind is not KeyKind.EVP:
                normalized = normalize_key(kind, key)
                assert normalized.key == key
                check_key_owner(normalized, tax_id)
        assert story.status is not AccountStatus.CLOSED or story.deposit_centavos == 0


@pytest.mark.parametrize("code", CODES)
def test_each_bank_has_every_story_and_every_kind_of_key(code: str) -> None:
    stories = stories_of(code)
    assert [story.story for story in stories] == ["rich", "broke", "company", "blocked", "closed", "everyday"]
    assert {kind for story in stories for kind, _ in story.keys} == set(KeyKind)
    assert len({story.serial for story in stories}) == len(stories)


def test_no_key_and_no_person_is_in_two_banks() -> None:
    keys = [key for code in CODES for story in stories_of(code) for key in story.keys if key[0] is not KeyKind.EVP]
    people = [story.tax_id for code in CODES for story in stories_of(code)]
    assert len(set(keys)) == len(keys)
    assert len(set(people)) == len(people)


def test_a_company_has_an_alphanumeric_number_somewhere() -> None:
    assert any(not story.tax_id.isdigit() for code in ("001", "002", "003") for story in stories_of(code))
