"""Charges of a test: made by a merchant of a `World`, offered and paid by the hub's words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.charges.model import Charge, ChargeKind, Debtor, DueDate, Immediate, Location
from bank_sim.domain.charges.orders import ChargeOrder
from bank_sim.domain.flows.transfer.model import Transfer
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import TransferOffered
from tests.support.bank import World

HOUR_SECONDS = 3_600
DEBTOR = Debtor(tax_id="39053344705", name="Caio Prado Lima")
DUE_DAY = date(2026, 12, 1)
"""A Tuesday, nine days after the clock of a `World`."""


def merchant(bank: BankApplication, account: Account, email: str = "loja@aurora.example") -> PixKey:
    """The key that the account's charges name."""
    return bank.register_key(account_number=account.number, kind=KeyKind.EMAIL, key=email).key


def cob(account: Account, key: PixKey, amount_centavos: int = 20_00, **changes: Any) -> ChargeOrder:
    order = ChargeOrder(
        account_number=account.number,
        kind=ChargeKind.IMMEDIATE,
        key=key,
        amount_centavos=amount_centavos,
        terms=Immediate(HOUR_SECONDS),
    )
    return replace(order, **changes)


def cobv(account: Account, key: PixKey, amount_centavos: int = 20_00, **changes: Any) -> ChargeOrder:
    order = ChargeOrder(
        account_number=account.number,
        kind=ChargeKind.DUE_DATE,
        key=key,
        amount_centavos=amount_centavos,
        terms=DueDate(DUE_DAY, valid_days_after=30),
        txid="v" * 30,
        debtor=DEBTOR,
    )
    return replace(order, **changes)


def of_charge(message: Any, charge: Charge) -> Any:
    """The hub's message, as of a payment of this charge."""
    return replace(message, initiation=Initiation.QRDN, txid=charge.txid)


def offer(world: World, account: Account, charge: Charge, amount_centavos: int | None = None) -> TransferOffered:
    """A payment of the charge, by a person at another bank."""
    asked = charge.amount_centavos if amount_centavos is None else amount_centavos
    offered: TransferOffered = of_charge(world.offer(account, asked), charge)
    return offered


def confirm(world: World, offered: TransferOffered) -> None:
    """The hub decides for the payment, and the bank hears it."""
    world.hear(replace(world.confirmed(offered), initiation=offered.initiation, txid=offered.txid))


def fail(world: World, offered: TransferOffered) -> None:
    """The hub decides against it."""
    world.hear(replace(world.failed(offered), initiation=offered.initiation, txid=offered.txid))


def now(world: World, charge: Charge) -> Charge:
    """As it stands."""
    found, _ = world.bank.charges.find(charge.tax_id, charge.txid, charge.kind)
    return found


def made(world: World, account: Account, key: PixKey, **changes: Any) -> tuple[Charge, Location]:
    return world.bank.charges.create(cob(account, key, **changes))


def pay(bank: BankApplication, payer: Account, charge: Charge, idempotency_key: str = "charge-1") -> Transfer:
    """A customer of a bank pays the charge of a merchant anywhere, by its dynamic code."""
    return bank.request_transfer(
        account_number=payer.number,
        payee_key=charge.key,
        amount_centavos=charge.amount_centavos,
        description="",
        idempotency_key=idempotency_key,
        payee_tax_id_masked="",
        initiation=Initiation.QRDN,
        txid=charge.txid,
    )
