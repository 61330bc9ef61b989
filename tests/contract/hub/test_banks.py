"""Banks, their secrets and their processes, on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.application.ports import UnitsOfWork
from hub.domain.bank import BankSecret
from hub.domain.errors import BankAlreadyAdded
from hub.domain.liveness import BankInstance
from pix.scheme.features import Feature
from tests.support.hub_builders import AURORA, BANKS, IPE, NOW_MS


def test_a_code_and_an_ispb_are_given_once(with_banks: UnitsOfWork) -> None:
    for bank in (replace(BANKS[AURORA], code="009"), replace(BANKS[AURORA], ispb="00000009")):
        with pytest.raises(BankAlreadyAdded), with_banks() as unit:
            unit.banks.add(bank)
    with with_banks() as unit:
        assert unit.banks.all() == BANKS


def test_a_bank_comes_back_as_it_was_updated(with_banks: UnitsOfWork) -> None:
    joined = replace(
        BANKS[IPE],
        name="Ipê!",
        color="#000000",
        url="http://x",
        version="2",
        active=False,
        joined_at_ms=NOW_MS,
        features=frozenset({Feature.MANU}),
        payload_host="ipe.example:8002",
    )
    with with_banks() as unit:
        unit.banks.update(joined)
        unit.commit()
    with with_banks() as unit:
        assert unit.banks.all() == {**BANKS, IPE: replace(joined, active=True)}, "whether it is active it does not say"
        unit.banks.set_active(IPE, active=False)
        assert unit.banks.all() == {**BANKS, IPE: joined}
        unit.banks.set_active(IPE, active=True)
        assert unit.banks.all()[IPE].active


def secret(number: int, ispb: str = AURORA, added_at_ms: int | None = None) -> BankSecret:
    return BankSecret(ispb, bytes([number]) * 32, bytes([number + 100]) * 32, added_at_ms or NOW_MS + number)


def test_secrets_are_newest_first_and_the_old_ones_are_retired(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        for number in (2, 1, 3):
            unit.banks.add_secret(secret(number))
        unit.banks.add_secret(secret(7, IPE))
        assert unit.banks.secrets() == {AURORA: [secret(3), secret(2), secret(1)], IPE: [secret(7, IPE)]}
        unit.banks.retire_secrets(AURORA, keep=2)
        unit.commit()
    with with_banks() as unit:
        assert unit.banks.secrets() == {AURORA: [secret(3), secret(2)], IPE: [secret(7, IPE)]}


def test_a_secret_that_is_there_becomes_the_newest(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        unit.banks.add_secret(secret(1))
        unit.banks.add_secret(secret(2))
        unit.banks.add_secret(secret(1, added_at_ms=NOW_MS + 50))
        assert unit.banks.secrets() == {AURORA: [secret(1, added_at_ms=NOW_MS + 50), secret(2)]}


def test_a_banks_process_is_known_by_its_last_word(with_banks: UnitsOfWork) -> None:
    first = BankInstance(AURORA, "a", "1", 7, NOW_MS)
    later = BankInstance(AURORA, "a", "2", None, NOW_MS + 5, NOW_MS + 5)
    with with_banks() as unit:
        for instance in (
            first,
            later,
            first,
            BankInstance(AURORA, "b", "1", 0, NOW_MS),
            BankInstance(IPE, "a", "1", 0, 9),
        ):
            unit.heartbeats.put(instance)
        unit.commit()
    with with_banks() as unit:
        assert sorted(unit.heartbeats.all(), key=lambda each: (each.ispb, each.instance)) == [
            later,
            BankInstance(AURORA, "b", "1", 0, NOW_MS),
            BankInstance(IPE, "a", "1", 0, 9),
        ]
        unit.heartbeats.forget(NOW_MS, NOW_MS + 1_000)
        assert len(unit.heartbeats.all()) == 2


def test_a_process_is_seen_again_after_the_clock_has_gone_back(with_banks: UnitsOfWork) -> None:
    an_hour_ahead = BankInstance(AURORA, "a", "1", 0, NOW_MS + 3_600_000)
    now = BankInstance(AURORA, "a", "2", 0, NOW_MS)
    gone = BankInstance(AURORA, "b", "1", 0, NOW_MS + 3_600_000)
    with with_banks() as unit:
        unit.heartbeats.put(an_hour_ahead)
        unit.heartbeats.put(now)
        unit.heartbeats.put(gone)
        unit.heartbeats.forget(NOW_MS - 1_000, NOW_MS + 1_000)
        assert unit.heartbeats.all() == [now]
