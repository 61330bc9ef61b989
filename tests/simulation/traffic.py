"""What customers order in a run: payments, charges and returns."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any

from bank_sim.domain.charges.model import ChargeKind, Immediate
from bank_sim.domain.charges.orders import ChargeChange, ChargeOrder
from bank_sim.domain.flows.returns.requests import left_to_return
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from tests.simulation.banks import SimulatedBank
from tests.simulation.callbacks import try_to
from tests.simulation.invariants import contents_of_transfer, returns_of_payment
from tests.simulation.world import HOUR_MS, World

PAYING_MS = 60_000
CALM_PAYING_MS = 20_000
RETURNS_AT_ONCE = (1, 1, 1, 2, 3)
"""How many orders for one payment come at the same time."""
FORGETFUL_SHARE = 0.15
"""Of the orders, those in which the bank overlooks earlier returns, and so may ask for more than is left."""
SEEN_AGAIN_SHARE = 0.5
"""Of the orders, those for a payment that was returned in part before."""
RETURN_REASONS = (ReasonCode.MD06, ReasonCode.MD06, ReasonCode.MD06, ReasonCode.BE08, ReasonCode.FR01)
LOOK_FOR_PAYMENT_MS = 5_000
LOOK_FOR_PAYMENT_MS_MAX = 14 * HOUR_MS
"""As long as any participant stays away; the wait doubles from look to look."""
CHARGED_CENTAVOS_MAX = 5_000
CHARGE_EXPIRY_SECONDS = (20, 86_400, 86_400)
REMOVAL_CHANCE = 0.2


def plan_payment(world: World, number: int, from_ms: int, within_ms: int) -> None:
    """A customer pays a key, which may not exist."""
    bank = world.random.choice(world.banks)
    account_number = world.random.choice(bank.accounts)
    keys = [key for other in world.banks for key in other.keys]
    key = world.random.choice((*keys, *keys, PixKey(KeyKind.EMAIL, "nobody@nowhere.example")))
    order: dict[str, Any] = {
        "account_number": account_number,
        "payee_key": key,
        "amount_centavos": world.random.randrange(1, 40_000),
        "description": f"payment {number}",
        "idempotency_key": f"order-{number}",
        "payee_tax_id_masked": "",
    }
    world.timeline.at(from_ms + world.random.randrange(within_ms), partial(_pay, world, bank, order, world.random))


def _pay(world: World, bank: SimulatedBank, order: dict[str, Any], random: Random, attempts_left: int = 100) -> None:
    def request() -> None:
        try:
            transfer = bank.application.request_transfer(**order)
        except SchemeError:
            return
        world.accepted_orders[order["account_number"], order["idempotency_key"]] = transfer.end_to_end_id

    # A customer who got no answer asks again for the same.
    if not bank.instance.act(request) and attempts_left:
        again_ms = world.timeline.now_ms() + random.randrange(500, 30_000)
        world.timeline.at(again_ms, partial(_pay, world, bank, order, random, attempts_left - 1))


def plan_charge(world: World, number: int, from_ms: int, within_ms: int) -> None:
    """A merchant makes a charge, and two customers pay it; now and then the merchant removes it meanwhile."""
    random = world.charge_random
    bank = random.choice(world.banks)
    place = random.randrange(len(bank.accounts))
    order = ChargeOrder(
        account_number=bank.accounts[place],
        kind=ChargeKind.IMMEDIATE,
        key=bank.keys[place],
        amount_centavos=random.randrange(1, CHARGED_CENTAVOS_MAX),
        terms=Immediate(random.choice(CHARGE_EXPIRY_SECONDS)),
    )
    others = [
        (each, account_number)
        for each in world.banks
        for account_number in each.accounts
        if each is not bank or account_number != order.account_number
    ]
    payers = random.sample(others, 2)

    def ask() -> None:
        try:
            charge, _ = bank.charges.create(order)
        except SchemeError:
            return
        for payer, account_number in payers:
            payment: dict[str, Any] = {
                "account_number": account_number,
                "payee_key": order.key,
                "amount_centavos": order.amount_centavos,
                "description": "",
                "idempotency_key": f"charge-{number}",
                "payee_tax_id_masked": "",
                "initiation": Initiation.QRDN,
                "txid": charge.txid,
            }
            at_ms = world.timeline.now_ms() + random.choice((0, random.randrange(3_000), random.randrange(30_000)))
            world.timeline.at(at_ms, partial(_pay, world, payer, payment, random))
        if random.random() < REMOVAL_CHANCE:
            remove = partial(
                bank.charges.change, charge.tax_id, charge.txid, charge.kind, ChargeChange(is_removed=True)
            )
            world.timeline.at(world.timeline.now_ms() + random.randrange(5_000), partial(try_to, remove))

    world.timeline.at(from_ms + random.randrange(within_ms), ask)


def plan_return(world: World, number: int, from_ms: int, within_ms: int) -> None:
    """A payee gives money back, as soon as there is a payment that has come."""

    def begin(wait_ms: int = LOOK_FOR_PAYMENT_MS) -> None:
        found = _choose_received(world)
        if found is not None:
            is_forgetful = world.return_random.random() < FORGETFUL_SHARE
            for part in range(world.return_random.choice(RETURNS_AT_ONCE)):
                _order_return(world, *found, f"return-{number}-{part}", is_forgetful)
        elif wait_ms < LOOK_FOR_PAYMENT_MS_MAX:
            world.timeline.at(world.timeline.now_ms() + wait_ms, lambda: begin(2 * wait_ms))

    world.timeline.at(from_ms + world.return_random.randrange(within_ms), begin)


def _choose_received(world: World) -> tuple[SimulatedBank, Transfer] | None:
    received = [
        (bank, row)
        for bank in world.banks
        for row in bank.store.transfers.values()
        if row.direction is Direction.INCOMING and row.status is TransferStatus.CONFIRMED
    ]
    before = [each for each in received if each[1].end_to_end_id in world.originals]
    if before and world.return_random.random() < SEEN_AGAIN_SHARE:
        return world.return_random.choice(before)
    return world.return_random.choice(received) if received else None


def _order_return(
    world: World, bank: SimulatedBank, original: Transfer, idempotency_key: str, is_forgetful: bool
) -> None:
    end_to_end_id = original.end_to_end_id
    world.originals.setdefault(end_to_end_id, contents_of_transfer(world, end_to_end_id))
    whole = original.amount_centavos
    left = left_to_return(original, returns_of_payment(bank.store, end_to_end_id))
    order: dict[str, Any] = {
        "account_number": original.account_number,
        "original_end_to_end_id": end_to_end_id,
        "amount_centavos": world.return_random.choice(
            (whole, max(1, left), max(1, left), 1 + world.return_random.randrange(whole), max(1, whole // 3))
        ),
        "description": idempotency_key,
        "idempotency_key": idempotency_key,
        "reason": world.return_random.choice(RETURN_REASONS),
    }
    request_return = bank.request_forgetfully if is_forgetful else bank.application.returns.request

    def give_back(attempts_left: int = 100) -> None:
        def request() -> None:
            try:
                row = request_return(**order)
            except SchemeError:
                return
            world.accepted_returns[bank.identity.ispb, idempotency_key] = row.return_id

        if not bank.instance.act(request) and attempts_left:
            again_ms = world.timeline.now_ms() + world.return_random.randrange(500, 30_000)
            world.timeline.at(again_ms, lambda: give_back(attempts_left - 1))

    give_back()
