"""The keys that sign payloads, in memory."""

from __future__ import annotations

from bank_sim.domain.payable_codes.model import SigningKey
from pix.runtime.memory_table import MemoryTable


class MemorySigningKeys:
    def __init__(self, keys: MemoryTable[str, SigningKey]) -> None:
        self._keys = keys

    def add(self, key: SigningKey) -> None:
        self._keys.put(key.key_id, key)

    def lock(self) -> None:
        """One transaction at a time."""

    def newest(self, size: int) -> list[SigningKey]:
        return sorted(self._keys.values(), key=lambda key: (-key.made_at_ms, key.key_id))[:size]
