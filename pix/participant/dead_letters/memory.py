"""The dead letters in memory, for the simulation and the contract tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pix.participant.dead_letters.model import (
    EVERY_LETTER,
    DeadLetter,
    DeadLetterChoices,
    DeadLetterFilter,
    DeadLetterHead,
    DeadLetterState,
)
from pix.participant.dead_letters.records import head_of, letter_of, record_of
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

    def list(
        self, state: DeadLetterState | None, size: int, narrow: DeadLetterFilter = EVERY_LETTER
    ) -> list[DeadLetterHead]:
        latest = sorted(self._found(state, narrow), key=lambda letter: (-letter.last_seen_at_ms, letter.digest))
        return [head_of(letter) for letter in latest[:size]]

    def replayable(self, narrow: DeadLetterFilter, size: int) -> Sequence[str]:
        whole = [letter for letter in self._found(DeadLetterState.DEAD, narrow) if letter.is_whole]
        longest_ago = sorted(whole, key=lambda letter: (letter.last_seen_at_ms, letter.digest))
        return [letter.digest for letter in longest_ago[:size]]

    def count_dead(self, narrow: DeadLetterFilter) -> tuple[int, int]:
        dead = self._found(DeadLetterState.DEAD, narrow)
        return len(dead), sum(letter.is_whole for letter in dead)

    def choices(self, state: DeadLetterState | None, size: int, among: int) -> DeadLetterChoices:
        found = self._found(state, EVERY_LETTER)
        letters = sorted(found, key=lambda letter: (-letter.last_seen_at_ms, letter.digest))[:among]
        return DeadLetterChoices(
            _most(Counter(letter.sender for letter in letters if letter.sender), size),
            _most(Counter(letter.reason for letter in letters if letter.reason), size),
            _most(Counter(record_of(letter).topic for letter in letters), size),
        )

    def _found(self, state: DeadLetterState | None, narrow: DeadLetterFilter) -> Sequence[DeadLetter]:
        return [
            letter
            for letter in self.table.values()
            if state in (None, letter.state)
            and narrow.sender in ("", letter.sender)
            and narrow.topic in ("", record_of(letter).topic)
            and narrow.reason.lower() in letter.reason.lower()
        ]

    def set_state(self, digest: str, state: DeadLetterState, note: str) -> None:
        letter = self.table.get(digest)
        if letter is not None:
            self.table.put(digest, replace(letter, state=state, note=note))

    def count(self) -> Mapping[DeadLetterState, int]:
        return Counter(letter.state for letter in self.table.values())


def _most(counted: Counter[str], size: int) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:size])
