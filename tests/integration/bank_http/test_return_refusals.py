"""Each refusal of a return, whichever way it was ordered: the customer has the money again, and reads why."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.reasons import ReasonCode
from tests.integration.bank_http.conftest import PIN, Visit
from tests.support.banks import ANAS_CPF, AURORA, BRUNOS_CPF, IPE
from tests.support.clock import TurnedClock
from tests.support.village import SETTLEMENT_FUNDS_CENTAVOS, Village, found_village

DAY_MS = 86_400_000
AMOUNT = 20_00


class Scene:
    """Ana of Aurora has paid Bruno of Ipê all that she had."""

    def __init__(self) -> None:
        self.clock = TurnedClock()
        self.village: Village = found_village(with_people=False, clock=self.clock)
        self.aurora, self.ipe = self.village.banks["001"], self.village.banks["002"]
        self.ana = self.open(self.aurora, "Ana Souza", ANAS_CPF, AMOUNT)
        self.bruno = self.open(self.ipe, "Bruno Lima", BRUNOS_CPF, 0)
        key = "bruno@example.com"
        self.ipe.register_key(account_number=self.bruno.number, kind=KeyKind.EMAIL, key=key)
        self.original = self.aurora.request_transfer(
            account_number=self.ana.number,
            payee_key=PixKey(KeyKind.EMAIL, key),
            amount_centavos=AMOUNT,
            description="",
            idempotency_key="p-1",
            payee_tax_id_masked="",
        ).end_to_end_id
        self.village.deliver()

    def open(self, bank: BankApplication, name: str, tax_id: str, deposit_centavos: int) -> Account:
        return bank.open_account(name=name, tax_id=tax_id, opening_deposit_centavos=deposit_centavos, pin=PIN)

    def balances(self) -> tuple[int, int]:
        return (
            self.aurora.queries.find_account(self.ana.number).balance_centavos,
            self.ipe.queries.find_account(self.bruno.number).balance_centavos,
        )

    def block(self) -> None:
        self.aurora.block_account(account_number=self.ana.number)

    def close(self) -> None:
        self.aurora.close_account(account_number=self.ana.number)

    def suspend(self) -> None:
        self.village.hub.suspend_bank(code=AURORA.code)

    def forget_returns(self) -> None:
        self.village.hub.join_network(
            ispb=AURORA.ispb,
            code=AURORA.code,
            name=AURORA.name,
            color=AURORA.color,
            url="",
            version="0",
            features=(),
        )

    def take_settlement_money(self) -> None:
        everything = SETTLEMENT_FUNDS_CENTAVOS + AMOUNT
        self.village.hub.fund_bank(code=IPE.code, amount_centavos=-everything, funding_id=str(uuid4()))

    def let_time_pass(self) -> None:
        self.clock.turn(91 * DAY_MS)


@pytest.fixture
def scene() -> Scene:
    return Scene()


Return = Callable[[Scene, Visit], None]


def by_use_case(scene: Scene, visit: Visit) -> None:
    scene.ipe.returns.request(
        account_number=scene.bruno.number,
        original_end_to_end_id=scene.original,
        amount_centavos=AMOUNT,
        description="",
        idempotency_key="r-1",
    )


def by_page(scene: Scene, visit: Visit) -> None:
    visitor = visit(scene.ipe, scene.bruno, scene.clock)
    visitor.open(f"/transfers/{scene.original}/return")
    visitor.send(f"/transfers/{scene.original}/return", amount="20,00", description="")
    visitor.send("/returns/confirm", order=visitor.hidden("order"))
    assert visitor.path.startswith("/returns/D"), visitor.text


def by_rest(scene: Scene, visit: Visit) -> None:
    body = {"original_end_to_end_id": scene.original, "amount_centavos": AMOUNT}
    client = visit(scene.ipe, clock=scene.clock).client
    path = f"/api/v1/accounts/{scene.bruno.number}/returns"
    assert client.post(path, json=body, headers={"Idempotency-Key": "r-1"}).status_code == 201


WAYS = pytest.mark.parametrize("give_back", [by_use_case, by_page, by_rest])


@WAYS
@pytest.mark.parametrize(
    ("reason", "spoil"),
    [
        (ReasonCode.AC06, Scene.block),
        (ReasonCode.AC07, Scene.close),
        (ReasonCode.DS27, Scene.suspend),
        (ReasonCode.AG12, Scene.forget_returns),
        (ReasonCode.AM04, Scene.take_settlement_money),
        (ReasonCode.DT05, Scene.let_time_pass),
    ],
)
def test_a_refused_return_fails_with_its_reason(
    scene: Scene, visit: Visit, give_back: Return, reason: ReasonCode, spoil: Callable[[Scene], None]
) -> None:
    spoil(scene)
    give_back(scene, visit)
    scene.village.deliver()
    (row,) = scene.ipe.returns.queries.list().returns
    assert (row.status, row.reason) == ("failed", reason)
    assert scene.balances() == (0, AMOUNT)
    assert scene.ipe.queries.books().is_balanced and scene.ipe.queries.books().clearing_centavos == 0
    text = visit(scene.ipe, scene.bruno, scene.clock).open(f"/returns/{row.return_id}?direction=outgoing").text
    assert reason.value in text and "Pix not returned" in text


@WAYS
def test_on_day_90_it_still_goes_back(scene: Scene, visit: Visit, give_back: Return) -> None:
    scene.clock.turn(90 * DAY_MS)
    give_back(scene, visit)
    scene.village.deliver()
    assert scene.balances() == (AMOUNT, 0)
