"""What the bank's database alone knows, for Prometheus: read when it asks, from small indexes, within a time limit."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Engine, text

from pix.participant.dead_letters.model import DeadLetterState
from pix.participant.dead_letters.postgres import PostgresDeadLetters
from pix.postgres.engine import transaction
from pix.runtime.cached_reading import CachedReading
from pix.telemetry.metrics import DEAD_LETTERS, STATEMENT_TIMEOUT, Metrics, Samples

FAMILIES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    **DEAD_LETTERS,
    "codepix_bank_undecided_transfers": (
        "Pending outgoing transfers, and accepted incoming transfers without an outcome.",
        ("direction",),
    ),
    "codepix_bank_oldest_undecided_transfer_seconds": ("Age of the oldest undecided transfer.", ("direction",)),
}

# By the partial index of the undecided, so a long history costs nothing.
_UNDECIDED: Final = text(
    "SELECT direction, count(*), min(requested_at_ms) FROM transfers "
    "WHERE status IN ('pending', 'accepted') GROUP BY direction"
)


def watch_database(engine: Engine, metrics: Metrics) -> None:
    metrics.gauges(FAMILIES, CachedReading("the bank's gauges", lambda: read_gauges(engine)).value)


def read_gauges(engine: Engine) -> Mapping[str, Samples]:
    """By family. Raises DatabaseUnavailable."""
    now_ms = time.time_ns() // 1_000_000
    with transaction(engine) as connection:
        connection.execute(STATEMENT_TIMEOUT)
        letters = PostgresDeadLetters(connection).count()
        undecided = connection.execute(_UNDECIDED).all()
    return {
        "codepix_dead_letters": {(state.value,): float(letters.get(state, 0)) for state in DeadLetterState},
        "codepix_bank_undecided_transfers": {(direction,): float(count) for direction, count, _ in undecided},
        "codepix_bank_oldest_undecided_transfer_seconds": {
            (direction,): max(0.0, (now_ms - oldest_ms) / 1000) for direction, _, oldest_ms in undecided
        },
    }
