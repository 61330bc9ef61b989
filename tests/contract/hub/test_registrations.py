"""Keys that are registered at the same time: one transaction for many, and replicas that race for the same key."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from hub.application.keys import RegisterKey
from hub.application.ports import UnitsOfWork
from hub.domain.directory import KeyEntry
from hub.domain.errors import KeyLimitReached, KeyTaken
from hub.domain.look_ups import LOOK_UPS_OF_A_BANK
from pix.runtime.limits import Limiter
from pix.scheme.keys import KeyKind, PixKey
from tests.support.clock import TurnedClock
from tests.unit.hub.builders import ANA, BIA, CAIO, NOW_MS, key_entry

RACES = 20


def email(number: int) -> PixKey:
    """One key of many."""
    return PixKey(KeyKind.EMAIL, f"key{number}@example.com")


def registrar(units: UnitsOfWork) -> RegisterKey:
    """The use case of one replica."""
    return RegisterKey(units, TurnedClock(NOW_MS), Limiter(LOOK_UPS_OF_A_BANK, lambda: NOW_MS))


def test_each_of_many_has_an_outcome_of_its_own(with_banks: UnitsOfWork) -> None:
    register_key = registrar(with_banks)
    taken = register_key(key_entry(email(0), ANA))
    bias = [key_entry(email(number), BIA) for number in range(1, 7)]
    again = replace(taken, registered_at_ms=NOW_MS + 1)
    stolen = key_entry(email(0), BIA)
    twice = [key_entry(PixKey(KeyKind.EVP, name), CAIO, request_id="r") for name in ("first", "second")]
    outcomes = register_key.register([*bias, again, stolen, *twice])
    assert [outcomes[entry] for entry in bias[:5]] == bias[:5]
    assert isinstance(outcomes[bias[5]], KeyLimitReached), "five of them, and the sixth of the same batch is too many"
    assert outcomes[again] == taken
    assert isinstance(outcomes[stolen], KeyTaken)
    assert outcomes[twice[0]] == outcomes[twice[1]] == twice[0], "one request makes one random key"
    with with_banks() as unit:
        assert set(unit.keys.find_many({entry.key for entry in (taken, *bias, *twice)}).values()) == {
            taken, *bias[:5], twice[0],
        }  # fmt: skip


@pytest.mark.parametrize("units", ["postgres"], indirect=True)
def test_replicas_that_race_for_a_key_agree_on_one_owner(with_banks: UnitsOfWork) -> None:
    replicas = [registrar(with_banks) for _ in range(2)]
    for race in range(RACES):
        keys = [email(10 * race + number) for number in range(4)]
        # In opposite orders: whoever took locks in the order of the question would stand in the other's way for ever.
        asked = [[key_entry(key, ANA) for key in keys], [key_entry(key, BIA) for key in reversed(keys)]]
        asked = [[replace(entry, account_number=f"{race}") for entry in entries] for entries in asked]
        start = threading.Barrier(2)

        def register(replica: int, entries: list[KeyEntry], start: threading.Barrier = start) -> list[object]:
            start.wait()
            outcomes = replicas[replica].register(entries)
            return [outcomes[entry] for entry in sorted(entries, key=lambda entry: entry.key.key)]

        with ThreadPoolExecutor(2) as threads:
            ours, theirs = threads.map(register, range(2), asked)
        for one, other in zip(ours, theirs, strict=True):
            assert isinstance(one, KeyTaken) != isinstance(other, KeyTaken), "one of them, and not both"
