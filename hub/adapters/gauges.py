"""What the hub's database alone knows, for Prometheus: read when it asks, from small indexes, within a time limit."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Engine, text

from hub.domain.flows import FLOWS
from pix.participant.dead_letters.model import DeadLetterState
from pix.participant.dead_letters.postgres import PostgresDeadLetters
from pix.postgres.engine import transaction
from pix.runtime.cached_reading import CachedReading
from pix.telemetry.metrics import DEAD_LETTERS, STATEMENT_TIMEOUT, Metrics, Samples

FAMILIES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    **DEAD_LETTERS,
    **{
        f"codepix_hub_open_{flow.name}s": (
            f"{flow.name.capitalize()}s with owed messages, by their status and the {flow.offered_to}'s bank.",
            ("status", f"{flow.offered_to}_ispb"),
        )
        for flow in FLOWS
    },
    **{
        f"codepix_hub_oldest_open_{flow.name}_seconds": (
            f"Age of the oldest {flow.name} with owed messages.",
            ("status", f"{flow.offered_to}_ispb"),
        )
        for flow in FLOWS
    },
    "codepix_hub_settlement_balance_centavos": ("Balance of a bank's settlement account.", ("ispb",)),
    "codepix_hub_settlement_reserved_centavos": ("Reserved balance of a bank's settlement account.", ("ispb",)),
    "codepix_hub_bank": ("Always 1; maps an ISPB to the bank's code and name.", ("ispb", "code", "name")),
}

# By the partial index of what is to be resent, so a long history costs nothing.
_OPEN: Final = {
    flow.name: text(
        f"SELECT status, coalesce({flow.offered_to}_ispb, ''), count(*), "  # noqa: S608 - constants
        f"min(coalesce(received_real_at_ms, received_at_ms)) FROM {flow.name}s "
        "WHERE resend_at_ms IS NOT NULL GROUP BY 1, 2"
    )
    for flow in FLOWS
}
_SETTLEMENT: Final = text("SELECT ispb, balance_centavos, reserved_centavos FROM settlement_accounts")
_BANKS: Final = text("SELECT ispb, code, name FROM banks")


def watch_database(engine: Engine, metrics: Metrics) -> None:
    metrics.gauges(FAMILIES, CachedReading("the hub's gauges", lambda: read_gauges(engine)).value)


def read_gauges(engine: Engine) -> Mapping[str, Samples]:
    """By family. Raises DatabaseUnavailable."""
    now_ms = time.time_ns() // 1_000_000
    with transaction(engine) as connection:
        connection.execute(STATEMENT_TIMEOUT)
        letters = PostgresDeadLetters(connection).count()
        opened = {flow: connection.execute(query).all() for flow, query in _OPEN.items()}
        settlement = connection.execute(_SETTLEMENT).all()
        banks = connection.execute(_BANKS).all()
    return {
        "codepix_dead_letters": {(state.value,): float(letters.get(state, 0)) for state in DeadLetterState},
        **{
            f"codepix_hub_open_{flow}s": {(status, ispb): float(count) for status, ispb, count, _ in rows}
            for flow, rows in opened.items()
        },
        **{
            f"codepix_hub_oldest_open_{flow}_seconds": {
                (status, ispb): max(0.0, (now_ms - oldest_ms) / 1000) for status, ispb, _, oldest_ms in rows
            }
            for flow, rows in opened.items()
        },
        "codepix_hub_settlement_balance_centavos": {(ispb,): float(balance) for ispb, balance, _ in settlement},
        "codepix_hub_settlement_reserved_centavos": {(ispb,): float(reserved) for ispb, _, reserved in settlement},
        "codepix_hub_bank": dict.fromkeys(banks, 1.0),
    }
