"""Keys and their history, on every store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hub.application.ports import KeyFilter, UnitsOfWork
from hub.domain.directory import KeyChange, KeyEvent
from pix.scheme.keys import KeyKind, PixKey
from tests.support.hub_builders import AURORA, BIA, BIAS_KEY, CAIO, CAIOS_KEY, IPE, MARE, NOW_MS, key_entry


def test_a_key_is_added_once_found_and_removed_by_its_bank(with_banks: UnitsOfWork) -> None:
    entry = key_entry(BIAS_KEY, BIA)
    with with_banks() as unit:
        assert unit.keys.find_many([]) == {}
        assert unit.keys.add([entry])
        assert not unit.keys.add([key_entry(BIAS_KEY, CAIO)])
        assert unit.keys.find_many([BIAS_KEY, CAIOS_KEY]) == {BIAS_KEY: entry}
        assert not unit.keys.remove(BIAS_KEY, AURORA, NOW_MS)
        assert unit.keys.remove(BIAS_KEY, IPE, NOW_MS)
        assert not unit.keys.remove(BIAS_KEY, IPE, NOW_MS)
        assert unit.keys.find_many([BIAS_KEY]) == {}


def test_a_key_is_removed_from_the_account_that_is_named_alone(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        assert unit.keys.add([key_entry(BIAS_KEY, BIA)])
        for account in ((BIA.branch, CAIO.account_number), ("0002", BIA.account_number)):
            assert not unit.keys.remove(BIAS_KEY, IPE, NOW_MS, account)
        assert not unit.keys.remove(BIAS_KEY, AURORA, NOW_MS, (BIA.branch, BIA.account_number))
        assert unit.keys.remove(BIAS_KEY, IPE, NOW_MS, (BIA.branch, BIA.account_number))
        assert unit.keys.find_many([BIAS_KEY]) == {}


def test_the_kind_is_a_part_of_the_key(with_banks: UnitsOfWork) -> None:
    as_cpf, as_phone = PixKey(KeyKind.CPF, "11987654321"), PixKey(KeyKind.PHONE, "11987654321")
    with with_banks() as unit:
        assert unit.keys.add([key_entry(as_cpf, BIA)])
        assert unit.keys.find_many([as_phone]) == {}
        assert unit.keys.add([key_entry(as_phone, CAIO)])
        assert unit.keys.find_many([as_cpf])[as_cpf].ispb == IPE


def test_many_keys_are_added_at_once_but_for_those_that_exist(with_banks: UnitsOfWork) -> None:
    texts = ["comma,brace}", 'quote"s', "back\\slash", "NULL", "ação", "tab\tline\n", "'); DROP TABLE pix_keys; --"]
    entries = [replace(key_entry(PixKey(KeyKind.EMAIL, text), BIA), holder_name=text) for text in texts]
    with with_banks() as unit:
        assert unit.keys.add([]) == 0
        assert unit.keys.add(entries[:2]) == 2
        assert unit.keys.add(entries) == len(entries) - 2
        assert unit.keys.find_many({entry.key for entry in entries}) == {entry.key: entry for entry in entries}
        assert [len(unit.keys.history(entry.key)) for entry in entries] == [1] * len(entries)


def test_a_request_makes_one_random_key(with_banks: UnitsOfWork) -> None:
    first, second = PixKey(KeyKind.EVP, "first"), PixKey(KeyKind.EVP, "second")
    with with_banks() as unit:
        assert unit.keys.find_by_requests({(IPE, "r"), (IPE, "")}) == {}
        assert unit.keys.find_by_requests([]) == {}
        assert unit.keys.add([key_entry(first, BIA, request_id="r")])
        assert not unit.keys.add([key_entry(second, BIA, request_id="r")])
        assert unit.keys.add([key_entry(second, CAIO, request_id="r")]), "another bank's ids are its own"
        assert unit.keys.add([key_entry(BIAS_KEY, BIA)])
        assert unit.keys.add([key_entry(CAIOS_KEY, CAIO)])
        found = unit.keys.find_by_requests({(IPE, "r"), (IPE, "other"), (IPE, "")})
        assert {request: entry.key for request, entry in found.items()} == {(IPE, "r"): first}


def test_keys_of_an_account_are_counted(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        unit.keys.add([key_entry(BIAS_KEY, BIA)])
        unit.keys.add([key_entry(CAIOS_KEY, replace(BIA, account_number="other"))])
        one, none = (IPE, BIA.branch, BIA.account_number), (AURORA, BIA.branch, BIA.account_number)
        assert unit.keys.lock_accounts({one, none}) == {one: 1, none: 0}
        assert dict(unit.keys.count_by_kind()) == {(IPE, KeyKind.EMAIL): 2}


def test_keys_are_listed_in_the_order_of_registration(with_banks: UnitsOfWork) -> None:
    keys = [PixKey(KeyKind.EMAIL, f"{letter}@example.com") for letter in "cabd"]
    other = PixKey(KeyKind.EMAIL, "other@example.com")
    with with_banks() as unit:
        for number, key in enumerate(keys):
            unit.keys.add([key_entry(key, BIA, NOW_MS + number // 2)])
        unit.keys.add([key_entry(other, replace(BIA, account_number="9"), NOW_MS + 9)])
        unit.keys.add([key_entry(CAIOS_KEY, CAIO)])
        unit.commit()
    with with_banks() as unit:
        listed = unit.keys.list_of_bank(IPE, "", "", None, 10)
        assert [entry.key for entry in listed] == [keys[1], keys[0], keys[2], keys[3], other]
        assert [entry.key for entry in unit.keys.list_of_bank(IPE, "0001", "9", None, 10)] == [other]
        after = (listed[1].registered_at_ms, listed[1].key.key)
        assert unit.keys.list_of_bank(IPE, "", "", after, 2) == listed[2:4]
        assert unit.keys.list_of_bank(MARE, "", "", None, 10) == []
        assert unit.keys.list_of_bank(IPE, "\x00", "\x00", None, 10) == []


def test_a_key_has_a_history_that_outlives_it(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        assert unit.keys.add([key_entry(BIAS_KEY, BIA, NOW_MS)])
        assert not unit.keys.add([key_entry(BIAS_KEY, CAIO, NOW_MS + 1)])
        assert not unit.keys.remove(BIAS_KEY, AURORA, NOW_MS + 2)
        assert unit.keys.remove(BIAS_KEY, IPE, NOW_MS + 3)
        assert unit.keys.add([key_entry(BIAS_KEY, CAIO, NOW_MS + 4)])
        unit.commit()
    with with_banks() as unit:
        assert unit.keys.history(BIAS_KEY) == [
            KeyEvent(BIAS_KEY, IPE, KeyChange.REGISTERED, NOW_MS),
            KeyEvent(BIAS_KEY, IPE, KeyChange.REMOVED, NOW_MS + 3),
            KeyEvent(BIAS_KEY, AURORA, KeyChange.REGISTERED, NOW_MS + 4),
        ]
        assert unit.keys.history(CAIOS_KEY) == []
        assert unit.keys.history(PixKey(KeyKind.EMAIL, "\x00")) == []


def test_keys_are_searched_by_their_beginning_bank_and_kind(with_banks: UnitsOfWork) -> None:
    keys = [
        PixKey(KeyKind.EMAIL, name) for name in ("ana@x.com", "anabel@x.com", "anã@x.com", "b_a@x.com", "bia@x.com")
    ]
    phone = PixKey(KeyKind.PHONE, "ana")
    with with_banks() as unit:
        for key in keys:
            unit.keys.add([key_entry(key, BIA if key.key < "b" else CAIO)])
        unit.keys.add([key_entry(phone, BIA)])
        unit.commit()

    def search(**narrow: Any) -> list[str]:
        with with_banks() as unit:
            return [entry.key.key for entry in unit.keys.search(KeyFilter(**narrow)).rows]

    assert search() == ["ana", "ana@x.com", "anabel@x.com", "anã@x.com", "b_a@x.com", "bia@x.com"]
    assert search(beginnings=("ana",)) == ["ana", "ana@x.com", "anabel@x.com"]
    assert search(beginnings=("an", "bia"), after=("anabel@x.com", "EMAIL")) == ["anã@x.com", "bia@x.com"]
    assert search(beginnings=("b_",)) == ["b_a@x.com"], "nothing in a key is a wildcard"
    assert search(kind=KeyKind.PHONE) == ["ana"]
    assert search(ispb=AURORA) == ["b_a@x.com", "bia@x.com"]
    assert search(after=("anabel@x.com", "EMAIL"), size=2) == ["anã@x.com", "b_a@x.com"]
    assert search(beginnings=("\x00",)) == []
    with with_banks() as unit:
        cut = unit.keys.search(KeyFilter(ispb=AURORA, examined_max=5))
        assert [entry.key.key for entry in cut.rows] == ["b_a@x.com"]
        assert cut.cut_at == ("b_a@x.com", "EMAIL"), "there may be more behind what was looked at"
        assert unit.keys.search(KeyFilter(ispb=AURORA, examined_max=5, size=1)).cut_at is None
        assert unit.keys.search(KeyFilter(ispb=AURORA)).cut_at is None
