"""What the hub has decided of this bank's transfers, read from the hub's REST API for its operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx

from bank_sim.domain.errors import HubRejected, HubUnavailable
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import Party, Side, TransferConfirmed, TransferFailed
from pix.scheme.reasons import ReasonCode

PAGE_SIZE: Final = 200
SECONDS_MAX: Final = 10.0
CONFIRMED: Final = frozenset({"confirmed", "completed"})
FAILED: Final = "failed"

Outcome = TransferConfirmed | TransferFailed


def read_outcomes(client: httpx.Client, hub_url: str, ispb: str, received_from_ms: int) -> list[Outcome]:
    """The outcomes of every transfer that the hub received since, for each of its sides that is this bank's.

    Credits come first, then payments, each oldest first: no payment is then refused that a credit has paid for. Raises
    HubUnavailable, also for an answer that is no list of transfers; HubRejected for want of the operator's password.
    """
    try:
        rows = list(_rows(client, f"{hub_url.rstrip('/')}/api/v1/transfers", ispb, received_from_ms))
        outcomes = [outcome for row in reversed(rows) for outcome in outcomes_of(row, ispb)]
    except httpx.HTTPStatusError as error:
        if error.response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            rule = "the hub shows its transfers to its operator alone; this must be the hub's operator's password"
            raise HubRejected("HUB_OPERATOR_PASSWORD", rule) from None
        raise HubUnavailable from error
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise HubUnavailable from error
    return sorted(outcomes, key=lambda outcome: outcome.side is Side.PAYER)


def _rows(client: httpx.Client, url: str, ispb: str, received_from_ms: int) -> Iterator[Mapping[str, Any]]:
    narrow: dict[str, str | int] = {"bank": ispb, "received_from_ms": received_from_ms, "size": PAGE_SIZE}
    while True:
        page = client.get(url, params=narrow).raise_for_status().json()
        yield from page["transfers"]
        if not page["next"]:
            return
        narrow["before"] = page["next"]


def outcomes_of(row: Mapping[str, Any], ispb: str) -> list[Outcome]:
    """The messages with which the hub told this bank of its decision; none before it, nor for money that never came."""
    is_confirmed = row["status"] in CONFIRMED
    payer = Party(**row["payer"])
    payee = None if row["payee"] is None else Party(**row["payee"])
    key = None if row["key"] is None else PixKey(KeyKind(row["key_kind"]), row["key"])
    # A hub of an older version has neither.
    initiation, txid = Initiation(row.get("initiation", Initiation.DICT)), str(row.get("txid", ""))
    amount_centavos, description, at_ms = int(row["amount_centavos"]), str(row["description"]), row["decided_at_ms"]
    found: list[Outcome] = []
    if is_confirmed and payee is not None:
        found += [
            TransferConfirmed(
                row["end_to_end_id"],
                side,
                amount_centavos,
                payer,
                payee,
                key,
                description,
                at_ms,
                initiation,
                txid,
            )
            for side, party in ((Side.PAYEE, payee), (Side.PAYER, payer))
            if party.ispb == ispb
        ]
    elif row["status"] == FAILED and payer.ispb == ispb:
        reason = ReasonCode(row["reason"])
        found.append(
            TransferFailed(
                row["end_to_end_id"],
                Side.PAYER,
                reason,
                amount_centavos,
                payer,
                payee,
                key,
                description,
                at_ms,
                initiation,
                txid,
            )
        )
    return found
