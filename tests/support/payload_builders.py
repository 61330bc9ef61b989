"""Payloads of charges for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

from bank_sim.adapters.payloads.jose import JosePayloadSeal
from bank_sim.domain.charges.model import ChargeKind, ChargeStatus, Debtor, Detail
from bank_sim.domain.charges.payload import AmountShown, ChargePayload, PayeeShown
from bank_sim.domain.payable_codes.model import SigningKey
from pix.scheme.keys import KeyKind, PixKey

CREATED_MS = 1_790_000_000_123
TXID = "fc9a4366ff3d4964b5dbc6c91a8722d3"


def immediate(**changes: Any) -> ChargePayload:
    payload = ChargePayload(
        kind=ChargeKind.IMMEDIATE,
        txid=TXID,
        revision=3,
        status=ChargeStatus.ACTIVE,
        key=PixKey(KeyKind.EMAIL, "loja@example.com"),
        amount=AmountShown(12_345, 12_345),
        created_at_ms=CREATED_MS,
        shown_at_ms=CREATED_MS + 60_000,
        expiry_seconds=3_600,
        debtor=Debtor("52998224725", "Ana Souza"),
        payer_request="Número do cartão fidelidade",
        details=(Detail("Quantidade", "2"), Detail("Pedido", "Açaí & pão")),
    )
    return replace(payload, **changes)


def with_due_date(**changes: Any) -> ChargePayload:
    payload = ChargePayload(
        kind=ChargeKind.DUE_DATE,
        txid=TXID,
        revision=0,
        status=ChargeStatus.ACTIVE,
        key=PixKey(KeyKind.EMAIL, "loja@example.com"),
        amount=AmountShown(
            original_centavos=10_000,
            final_centavos=10_450,
            fine_centavos=500,
            interest_centavos=100,
            rebate_centavos=50,
            discount_centavos=100,
        ),
        created_at_ms=CREATED_MS,
        shown_at_ms=CREATED_MS,
        due_day=date(2026, 12, 31),
        valid_days_after=30,
        debtor=Debtor("12ABC34501DE35", "Padaria Central Ltda"),
        payee=PayeeShown("Escola Azul", "12ABC34501DE35"),
    )
    return replace(payload, **changes)


def signing_key(number: int = 1) -> SigningKey:
    """A key pair; making one takes long, so the tests of a process share it."""
    return _signing_key(number)


@cache
def _signing_key(number: int) -> SigningKey:
    return JosePayloadSeal().make_key(CREATED_MS + number)
