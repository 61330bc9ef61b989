"""How passwords are kept: salted and hashed with scrypt, which needs memory and time, and never as they are."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Final

SCRYPT_COST: Final = 2**14
SCRYPT_BLOCK_SIZE: Final = 8
SCRYPT_PARALLELISM: Final = 1
"""16 MB and some 40 ms for each guess."""
SALT_BYTES: Final = 16
HASH_BYTES: Final = 32
PASSWORD_LENGTH_MIN: Final = 12


def hash_password(password: str, cost: int = SCRYPT_COST) -> str:
    """`salt:hash` in hex, with a new salt."""
    salt = os.urandom(SALT_BYTES)
    return f"{salt.hex()}:{_hash(password, salt, cost).hex()}"


def is_password_hash(text: str) -> bool:
    salt, _, digest = text.partition(":")
    try:
        return len(bytes.fromhex(salt)) == SALT_BYTES and len(bytes.fromhex(digest)) == HASH_BYTES
    except ValueError:
        return False


def password_matches(password: str, password_hash: str, cost: int = SCRYPT_COST) -> bool:
    salt, _, expected = password_hash.partition(":")
    return hmac.compare_digest(_hash(password, bytes.fromhex(salt), cost), bytes.fromhex(expected))


def _hash(password: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=cost,
        r=SCRYPT_BLOCK_SIZE,
        p=SCRYPT_PARALLELISM,
        dklen=HASH_BYTES,
    )
