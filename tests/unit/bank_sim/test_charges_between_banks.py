"""A charge of a merchant at one bank, and customers of another bank who pay it: the whole way over the hub."""

from __future__ import annotations

import pytest

from bank_sim.domain.account import Account
from bank_sim.domain.charges.model import Charge, ChargeStatus
from bank_sim.domain.flows.returns.model import ReturnStatus
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from tests.support.banks import AURORA, BANKS, CPFS, IPE
from tests.support.charges import cob, merchant, pay
from tests.support.village import Village


@pytest.fixture
def village() -> Village:
    return Village(BANKS, seed=1)


def customer(village: Village, code: str, number: int) -> Account:
    return village.banks[code].open_account(
        name=f"Cliente {number}", tax_id=CPFS[number], opening_deposit_centavos=100_00, pin="1234"
    )


def charged(village: Village, shop: Account) -> Charge:
    aurora = village.banks[AURORA.code]
    charge, _ = aurora.charges.create(cob(shop, merchant(aurora, shop)))
    return charge


def now(village: Village, charge: Charge) -> Charge:
    return village.banks[AURORA.code].charges.find(charge.tax_id, charge.txid, charge.kind)[0]


def outgoing(village: Village, transfer: Transfer) -> Transfer:
    return village.banks[IPE.code].queries.find_transfer(transfer.end_to_end_id, Direction.OUTGOING)


def test_of_two_payers_one_pays_and_the_other_gets_the_money_back(village: Village) -> None:
    shop, first, second = (
        customer(village, code, number) for number, code in enumerate((AURORA.code, IPE.code, IPE.code))
    )
    charge = charged(village, shop)
    ipe = village.banks[IPE.code]
    paid, late = pay(ipe, first, charge), pay(ipe, second, charge)
    village.deliver()
    assert outgoing(village, paid).status is TransferStatus.CONFIRMED
    refused = outgoing(village, late)
    assert (refused.status, refused.reason) == (TransferStatus.FAILED, ReasonCode.BE17)
    assert (now(village, charge).status, now(village, charge).paid_by) == (ChargeStatus.COMPLETED, paid.end_to_end_id)
    balances = [village.banks[code].queries.find_account(each.number).balance_centavos for code, each in (
        (AURORA.code, shop), (IPE.code, first), (IPE.code, second)
    )]  # fmt: skip
    assert balances == [120_00, 80_00, 100_00]


def test_a_returned_charge_stays_concluded_and_shows_what_went_back(village: Village) -> None:
    shop, payer = customer(village, AURORA.code, 0), customer(village, IPE.code, 1)
    charge = charged(village, shop)
    pay(village.banks[IPE.code], payer, charge)
    village.deliver()
    aurora = village.banks[AURORA.code]
    (received,) = aurora.charges.payments([charge])[charge.charge_id]
    for number, amount_centavos in enumerate((5_00, 15_00)):
        aurora.returns.request(
            account_number=shop.number,
            original_end_to_end_id=received.transfer.end_to_end_id,
            amount_centavos=amount_centavos,
            description="",
            idempotency_key=f"back-{number}",
        )
        village.deliver()
    assert now(village, charge).status is ChargeStatus.COMPLETED
    (received,) = aurora.charges.payments([charge])[charge.charge_id]
    assert [(row.amount_centavos, row.status) for row in received.returns] == [
        (5_00, ReturnStatus.CONFIRMED),
        (15_00, ReturnStatus.CONFIRMED),
    ]
