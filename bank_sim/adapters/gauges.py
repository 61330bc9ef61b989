"""What the bank's database alone knows, for Prometheus: read when it asks, from small indexes, within a time limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Engine, text

from bank_sim.adapters.postgres.flows import TABLES
from bank_sim.adapters.postgres.webhooks import PostgresNotices
from pix.participant.dead_letters.model import DeadLetterState
from pix.participant.dead_letters.postgres import PostgresDeadLetters
from pix.postgres.engine import transaction
from pix.runtime.cached_reading import CachedReading
from pix.runtime.clock import SchemeClock
from pix.telemetry.metrics import DEAD_LETTERS, STATEMENT_TIMEOUT, Metrics, Samples

WAITING_WEBHOOKS: Final = "codepix_bank_waiting_webhooks"
FAMILIES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    **DEAD_LETTERS,
    **{
        f"codepix_bank_undecided_{flow}s": (
            f"Pending outgoing {flow}s, and accepted incoming {flow}s without an outcome.",
            ("direction",),
        )
        for flow in TABLES
    },
    **{
        f"codepix_bank_oldest_undecided_{flow}_seconds": (f"Age of the oldest undecided {flow}.", ("direction",))
        for flow in TABLES
    },
    WAITING_WEBHOOKS: ("What webhooks owe: Pix and returns that no receiver has taken yet.", ()),
}

# By the partial index of the undecided, so a long history costs nothing.
_UNDECIDED: Final = {
    flow: text(
        f"SELECT direction, count(*), min(requested_at_ms) FROM {table.name} "  # noqa: S608 - names are constants
        "WHERE status IN ('pending', 'accepted') GROUP BY direction"
    )
    for flow, table in TABLES.items()
}


def watch_database(engine: Engine, metrics: Metrics, scheme_clock: SchemeClock) -> None:
    metrics.gauges(
        FAMILIES, CachedReading("the bank's gauges", lambda: read_gauges(engine, scheme_clock.now_ms())).value
    )


def read_gauges(engine: Engine, now_ms: int) -> Mapping[str, Samples]:
    """By family. Raises DatabaseUnavailable."""
    with transaction(engine) as connection:
        connection.execute(STATEMENT_TIMEOUT)
        letters = PostgresDeadLetters(connection).count()
        waiting = PostgresNotices(connection).count_waiting("")
        undecided = {flow: connection.execute(statement).all() for flow, statement in _UNDECIDED.items()}
    return {
        WAITING_WEBHOOKS: {(): float(waiting)},
        "codepix_dead_letters": {(state.value,): float(letters.get(state, 0)) for state in DeadLetterState},
        **{
            f"codepix_bank_undecided_{flow}s": {(direction,): float(count) for direction, count, _ in rows}
            for flow, rows in undecided.items()
        },
        **{
            f"codepix_bank_oldest_undecided_{flow}_seconds": {
                (direction,): max(0.0, (now_ms - oldest_ms) / 1000) for direction, _, oldest_ms in rows
            }
            for flow, rows in undecided.items()
        },
    }
