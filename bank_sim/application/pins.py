"""How PINs are kept: as operators' passwords are, at half the cost, because customers sign in more often."""

from __future__ import annotations

from typing import Final

from pix.runtime.passwords import HASH_BYTES, SALT_BYTES, hash_password, password_matches

SCRYPT_COST: Final = 2**13

UNKNOWN_ACCOUNTS_PIN_HASH: Final = f"{'00' * SALT_BYTES}:{'00' * HASH_BYTES}"
"""Checked for an account that does not exist, so that it takes as long as for one that does."""


def hash_pin(pin: str) -> str:
    return hash_password(pin, SCRYPT_COST)


def pin_matches(pin: str, pin_hash: str) -> bool:
    return password_matches(pin, pin_hash, SCRYPT_COST)
