"""The dead letters in memory, for the simulation and the contract tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pix.participant.dead_letters import DeadLetter, DeadLetterHead, DeadLetterState, head_of
from pix.runtime.memory_table import MemoryTable


class MemoryDeadLetters:
    """See `pix.participant.dead_letters.DeadLetterRepository`."""

    def __init__(self) -> None:
        self.table: MemoryTable[str, DeadLetter] = MemoryTable()

    def add(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            known = self.table.get(letter.digest)
            if known is not None:
                letter = replace(  # noqa: PLW2901 - the letter as it stands with what is known of it
                    letter, times=known.times + letter.times, first_seen_at_ms=known.first_seen_at_ms
                )
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
