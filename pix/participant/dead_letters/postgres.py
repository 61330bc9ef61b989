"""The dead letters on PostgreSQL; each participant's migrations create the table `dead_letters` for it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pix.participant.dead_letters.model import (
    EVERY_LETTER,
    DeadLetter,
    DeadLetterChoices,
    DeadLetterFilter,
    DeadLetterHead,
    DeadLetterState,
)
from pix.participant.dead_letters.records import letter_of, letter_with, record_of
from pix.postgres.engine import is_storable
from pix.postgres.unit_of_work import PostgresRepository
from pix.scheme.deliveries import Rejected
from pix.wire.record import Flaw, Record

_COLUMNS: Final = (
    'digest, topic, partition, "offset", record_key, value, headers, sender, reason, '
    "first_seen_at_ms, last_seen_at_ms, times, state, note, value_bytes, value_sha256, flaw"
)
_ADD: Final = (
    f"INSERT INTO dead_letters ({_COLUMNS}) "  # noqa: S608 - names are constants of this module
    "VALUES (:digest, :topic, :partition, :offset, :record_key, :value, CAST(:headers AS jsonb), :sender, :reason, "
    ":first_seen_at_ms, :last_seen_at_ms, :times, 'dead', '', :value_bytes, :value_sha256, :flaw) "
    "ON CONFLICT (digest) DO UPDATE SET times = dead_letters.times + excluded.times, state = 'dead', note = '', "
    "reason = excluded.reason, last_seen_at_ms = excluded.last_seen_at_ms, "
    'partition = excluded.partition, "offset" = excluded."offset"'
)
_NARROWED: Final = (
    "(CAST(:state AS text) IS NULL OR state = :state) AND :sender IN ('', sender) AND :topic IN ('', topic) "
    "AND position(lower(CAST(:reason AS text)) IN lower(reason)) > 0"
)
_LIST: Final = (
    # The length of a value stands beside the value: PostgreSQL does not read the bytes for it.
    'SELECT digest, topic, partition, "offset", sender, reason, coalesce(value_bytes, octet_length(value)), '  # noqa: S608 - constants
    "first_seen_at_ms, last_seen_at_ms, times, state, note FROM dead_letters "
    f"WHERE {_NARROWED} ORDER BY last_seen_at_ms DESC, digest LIMIT :size"
)
_REPLAYABLE: Final = (
    f"SELECT digest FROM dead_letters WHERE {_NARROWED} AND flaw IS NULL "  # noqa: S608 - constants of this module
    "ORDER BY last_seen_at_ms, digest LIMIT :size"
)
_COUNT_DEAD: Final = f"SELECT count(*), count(*) FILTER (WHERE flaw IS NULL) FROM dead_letters WHERE {_NARROWED}"  # noqa: S608 - constants

# One pass for the three of them.
_CHOICES: Final = f"""
    WITH newest AS MATERIALIZED (
        SELECT sender, reason, topic FROM dead_letters WHERE {_NARROWED}
        ORDER BY last_seen_at_ms DESC, digest LIMIT :among
    ), counted AS (
        SELECT name, value, count(*) AS letters,
            row_number() OVER (PARTITION BY name ORDER BY count(*) DESC, value COLLATE "C") AS place
        FROM newest, LATERAL (VALUES ('sender', sender), ('reason', reason), ('topic', topic)) AS v(name, value)
        WHERE value <> '' GROUP BY name, value
    )
    SELECT name, value, letters FROM counted WHERE place <= :size ORDER BY name, place
"""  # noqa: S608 - constants of this module


def _head_of(row: Sequence[Any]) -> DeadLetterHead:
    *facts, state, note = row
    fields = [*facts, DeadLetterState(state), note]
    return DeadLetterHead(*fields)


def _letter_from(row: Sequence[Any]) -> DeadLetter:
    digest, topic, partition, offset, key, value, headers, sender, reason, first_ms, last_ms, times, state, note = row[
        :14
    ]
    value_bytes, value_sha256, flaw = row[14:]
    record = Record(
        topic=topic,
        key=bytes(key),
        value=bytes(value),
        headers={name: base64.b64decode(content) for name, content in headers.items()},
        partition=partition,
        offset=offset,
        flaw=None if flaw is None else Flaw(flaw, digest, value_bytes, value_sha256),
    )
    letter = letter_with(record, sender, reason, first_ms, last_ms)
    return replace(letter, digest=digest, times=times, state=DeadLetterState(state), note=note)


def _narrowed(state: DeadLetterState | None, narrow: DeadLetterFilter) -> dict[str, str | None]:
    return {
        "state": None if state is None else state.value,
        "sender": _storable(narrow.sender),
        "reason": _storable(narrow.reason),
        "topic": _storable(narrow.topic),
    }


def _storable(text_from_outside: str) -> str:
    """The text without what PostgreSQL's text and JSON cannot have: NUL, and halves of surrogate pairs."""
    return text_from_outside.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


class PostgresDeadLetters(PostgresRepository):
    def add(self, rejected: Sequence[Rejected], now_ms: int) -> None:
        # In the order of their digests, so that two replicas never wait for each other.
        letters = [letter_of(each, now_ms) for each in rejected]
        for letter in sorted(letters, key=lambda letter: letter.digest):
            record = record_of(letter)
            headers = {_storable(name): base64.b64encode(value).decode() for name, value in record.headers.items()}
            self._execute(
                _ADD,
                digest=letter.digest,
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                record_key=record.key,
                value=record.value,
                headers=json.dumps(headers),
                sender=_storable(letter.sender),
                reason=_storable(letter.reason),
                first_seen_at_ms=letter.first_seen_at_ms,
                last_seen_at_ms=letter.last_seen_at_ms,
                times=letter.times,
                value_bytes=letter.value_bytes,
                value_sha256=letter.value_sha256,
                flaw=None if record.flaw is None else _storable(record.flaw.reason),
            )

    def find(self, digest: str) -> DeadLetter | None:
        return self._one(digest, "")

    def lock(self, digest: str) -> DeadLetter | None:
        return self._one(digest, " FOR UPDATE")

    def _one(self, digest: str, locking: str) -> DeadLetter | None:
        if not is_storable(digest):
            return None
        found = self._execute(f"SELECT {_COLUMNS} FROM dead_letters WHERE digest = :digest{locking}", digest=digest)  # noqa: S608 - constants
        row = found.one_or_none()
        return None if row is None else _letter_from(row)

    def list(
        self, state: DeadLetterState | None, size: int, narrow: DeadLetterFilter = EVERY_LETTER
    ) -> list[DeadLetterHead]:
        rows = self._execute(_LIST, size=size, **_narrowed(state, narrow))
        return [_head_of(row) for row in rows]

    def replayable(self, narrow: DeadLetterFilter, size: int) -> Sequence[str]:
        rows = self._execute(_REPLAYABLE, size=size, **_narrowed(DeadLetterState.DEAD, narrow))
        return [digest for (digest,) in rows]

    def count_dead(self, narrow: DeadLetterFilter) -> tuple[int, int]:
        dead, whole = self._execute(_COUNT_DEAD, **_narrowed(DeadLetterState.DEAD, narrow)).one()
        return dead, whole

    def choices(self, state: DeadLetterState | None, size: int, among: int) -> DeadLetterChoices:
        rows = self._execute(_CHOICES, size=size, among=among, **_narrowed(state, EVERY_LETTER)).all()
        senders, reasons, topics = (
            tuple((value, letters) for name, value, letters in rows if name == column)
            for column in ("sender", "reason", "topic")
        )
        return DeadLetterChoices(senders, reasons, topics)

    def set_state(self, digest: str, state: DeadLetterState, note: str) -> None:
        self._execute(
            "UPDATE dead_letters SET state = :state, note = :note WHERE digest = :digest",
            digest=digest,
            state=state.value,
            note=note,
        )

    def count(self) -> Mapping[DeadLetterState, int]:
        rows = self._execute(
            "SELECT state, sum(letters)::bigint FROM dead_letter_tallies GROUP BY state HAVING sum(letters) <> 0"
        )
        return {DeadLetterState(state): count for state, count in rows}
