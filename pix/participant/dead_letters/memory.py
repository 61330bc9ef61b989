"""The dead letters in memory, for the simulation and the contract tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pix.participant.dead_letters.model import DeadLetter, DeadLetterHead, DeadLetterState
from pix.participant.dead_letters.records import head_of, letter_of
from pix.runtime.memory_table import MemoryTable
from pix.scheme.deliveries import Rejected


class MemoryDeadLetters:
    def __init__(self) -> None:
        self.table: MemoryTable[str, DeadLetter] = MemoryTable()

    def add(self, rejected: Sequence[Rejected], now_ms: int) -> None:
        for each in rejected:
            letter = letter_of(each, now_ms)
            known = self.table.get(letter.digest)
            if known is not None:
                letter = replace(letter, times=known.times + letter.times, first_seen_at_ms=known.first_seen_at_ms)
            self.table.put(letter.digest, letter)

    def find(self, digest: str) -> DeadLetter | None:
        return self.table.get(digest)

    def lock(self, digest: str) -> DeadLetter | None:
        return self.table.get(digest)

    def list(self, state: DeadLetterState | None, size: int) -> list[DeadLetterHead]:
        letters = [letter for letter in self.table.values() if state is None or letter.state is state]
        latest = sorted(letters, key=lambda letter: (-letter.last_seen_at_ms, letter.digest))
        return [head_of(letter) for letter in latest[:size]]

    def set_state(self, digest: str, state: DeadLetterState, note: str) -> None:
        letter = self.table.get(digest)
        if letter is not None:
            self.table.put(digest, replace(letter, state=state, note=note))

    def count(self) -> Mapping[DeadLetterState, int]:
        return Counter(letter.state for letter in self.table.values())
