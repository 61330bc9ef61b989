"""PINs are kept as hashes that cost a thief memory for each guess."""

from __future__ import annotations

from bank_sim.application.pins import SCRYPT_COST, hash_pin, pin_matches
from pix.runtime.passwords import SCRYPT_BLOCK_SIZE

BYTES_OF_A_GUESS_MIN = 8 << 20


def test_a_pin_is_salted_and_hashed() -> None:
    one, other = hash_pin("4321"), hash_pin("4321")
    assert one != other and "4321" not in one
    assert pin_matches("4321", one) and pin_matches("4321", other)
    assert not pin_matches("4322", one)


def test_a_guess_costs_memory() -> None:
    # As it is imported: the run's own PINs are cheap.
    assert 128 * SCRYPT_COST * SCRYPT_BLOCK_SIZE >= BYTES_OF_A_GUESS_MIN
