"""The keys that sign payloads: one for all replicas, made at the first use, rotated by command."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from bank_sim.adapters.payloads.jose import JosePayloadSeal
from bank_sim.application.payable_codes.sign_payloads import SignPayloads
from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.payable_codes.model import KEYS_SERVED_MAX, SigningKey
from tests.support.clock import TurnedClock

REPLICAS = 4


class NumberedSeal(JosePayloadSeal):
    """Keys of no use, each with an id of its own."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._made = 0

    def make_key(self, made_at_ms: int) -> SigningKey:
        self._made += 1
        return SigningKey(f"{self._name} {self._made}", "private", "certificate", made_at_ms)


def replica(units: UnitsOfWork, name: str) -> SignPayloads:
    return SignPayloads(units, NumberedSeal(name), TurnedClock(), "http://bank.example/qr/jwks.json")


def test_replicas_that_need_the_first_key_at_once_agree_on_one(units: UnitsOfWork) -> None:
    together = Barrier(REPLICAS)

    def first_key(number: int) -> str:
        sign = replica(units, f"replica {number}")
        together.wait(10)
        return sign.newest_keys()[0].key_id

    with ThreadPoolExecutor(REPLICAS) as pool:
        ids = list(pool.map(first_key, range(REPLICAS)))
    assert len(set(ids)) == 1


def test_a_rotated_key_is_the_newest_for_every_replica_and_the_oldest_leave(units: UnitsOfWork) -> None:
    one, other = replica(units, "one"), replica(units, "other")
    made = [one.newest_keys()[0].key_id] + [sign.rotate().key_id for sign in (one, other, one)]
    expected = list(reversed(made))[:KEYS_SERVED_MAX]
    assert [key.key_id for key in one.newest_keys()] == expected
    assert [key.key_id for key in other.newest_keys()] == expected
