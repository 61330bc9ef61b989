"""How PINs are kept: salted and hashed with scrypt, never as they are."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Final

SCRYPT_COST: Final = 2**13
SCRYPT_BLOCK_SIZE: Final = 8
SCRYPT_PARALLELISM: Final = 1
SALT_BYTES: Final = 16

UNKNOWN_ACCOUNTS_PIN_HASH: Final = f"{'00' * SALT_BYTES}:{'00' * 32}"
"""Checked for an account that does not exist, so that it takes as long as for one that does."""


def hash_pin(pin: str) -> str:
    salt = os.urandom(SALT_BYTES)
    return f"{salt.hex()}:{_hash(pin, salt).hex()}"


def pin_matches(pin: str, pin_hash: str) -> bool:
    salt, _, expected = pin_hash.partition(":")
    return hmac.compare_digest(_hash(pin, bytes.fromhex(salt)), bytes.fromhex(expected))


def _hash(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=SCRYPT_COST, r=SCRYPT_BLOCK_SIZE, p=SCRYPT_PARALLELISM, dklen=32)
