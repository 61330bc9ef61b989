"""Ids that a seed repeats: for a sandbox whose tests compare what one run made with what the next one makes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from random import Random
from typing import Final
from uuid import UUID

SEED_LENGTH_MAX: Final = 40
_BITS_OF_BLOCK: Final = 256


class CountedRandom(Random):
    """Randomness that depends on a seed, a name and a count alone.

    A count is taken for each draw. Where the count outlives the process, a restart goes on as if there had been none.
    """

    def __new__(cls, *_: object) -> CountedRandom:
        return super().__new__(cls)

    def __init__(self, seed: str, name: str, count: Callable[[], int]) -> None:
        super().__init__(0)
        self._prefix = f"{seed}/{name}"
        self._count = count

    def getrandbits(self, k: int) -> int:
        """`k` bits, of any number."""
        count = self._count()
        blocks = -(-k // _BITS_OF_BLOCK)
        digest = b"".join(_digest(self._prefix, str(count), str(block)) for block in range(blocks))
        return int.from_bytes(digest, "big") >> (blocks * _BITS_OF_BLOCK - k)

    def random(self) -> float:
        """0 to below 1, in steps of 2**-53."""
        return self.getrandbits(53) * 2.0**-53


def seeded_uuid(seed: str, *parts: str) -> str:
    """The UUID, in the form of version 4, that belongs to these parts."""
    return str(UUID(bytes=_digest(seed, *parts)[:16], version=4))


def _digest(*parts: str) -> bytes:
    # Each part with its length, so that no two lists of parts give the same text.
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).digest()
