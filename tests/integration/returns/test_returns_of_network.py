"""Returns through the real hub and real banks in one process: between every pair of banks, and each refusal."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from uuid import UUID

import pytest

from bank_sim.domain.account import Account
from bank_sim.domain.errors import BankError
from hub.application.returns import find_return, returns_of_transfer
from hub.domain.flows.returns.model import ReturnStatus
from pix.scheme.features import FEATURES, Feature
from pix.scheme.ids import make_return_id, parse_end_to_end_id
from pix.scheme.keys import KeyKind
from pix.scheme.messages.returns import ReturnRequested
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.wire.protobuf_v1.codec import encode_record
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.topics import HUB_TOPIC
from tests.support.banks import BANKS
from tests.support.clock import NOON_MS, TurnedClock
from tests.support.village import SETTLEMENT_FUNDS_CENTAVOS, Village

CODES = [bank.code for bank in BANKS]
ISPBS = {bank.code: bank.ispb for bank in BANKS}
DEPOSIT = 100_00
AMOUNT = 60_00
CPFS = {"001": "52998224725", "002": "11144477735", "003": "39053344705"}
DAY_MS = 86_400_000


class Town:
    """Three banks with a payer and a payee each."""

    def __init__(self) -> None:
        self.clock = TurnedClock(NOON_MS)
        self.village = Village(BANKS, self.clock)
        self.payers: dict[str, Account] = {}
        self.payees: dict[str, Account] = {}
        self.orders = 0
        for code, bank in self.village.banks.items():
            self.payers[code] = bank.open_account(
                name="Ana", tax_id=CPFS[code], opening_deposit_centavos=DEPOSIT, pin="1234"
            )
            self.payees[code] = bank.open_account(
                name="Bia", tax_id="86288366757", opening_deposit_centavos=0, pin="1234"
            )
            bank.register_key(
                account_number=self.payees[code].number, kind=KeyKind.EMAIL, key=f"bia@banco{code}.example"
            )

    def pay(self, payer: str, payee: str, amount: int = AMOUNT) -> str:
        """The end-to-end id of a transfer that both banks have booked."""
        self.orders += 1
        bank = self.village.banks[payer]
        found = bank.find_payee(key=f"bia@banco{payee}.example")
        transfer = bank.request_transfer(
            account_number=self.payers[payer].number,
            payee_key=found.key,
            amount_centavos=amount,
            description="",
            idempotency_key=f"pay-{self.orders}",
            payee_tax_id_masked=found.tax_id_masked,
            payee_name=found.name,
            payee_bank_name=found.bank_name,
        )
        self.village.deliver()
        return transfer.end_to_end_id

    def order_return(self, payee: str, end_to_end_id: str, amount: int) -> str:
        """The id of a return that the payee's bank has taken."""
        self.orders += 1
        return (
            self.village.banks[payee]
            .returns.request(
                account_number=self.payees[payee].number,
                original_end_to_end_id=end_to_end_id,
                amount_centavos=amount,
                description="troco",
                idempotency_key=f"return-{self.orders}",
            )
            .return_id
        )

    def give_back(self, payee: str, end_to_end_id: str, amount: int) -> tuple[ReturnStatus, ReasonCode | None]:
        """How a return ends at the hub."""
        return_id = self.order_return(payee, end_to_end_id, amount)
        self.village.deliver()
        return self.outcome(return_id)

    def outcome(self, return_id: str) -> tuple[ReturnStatus, ReasonCode | None]:
        row, _ = self.village.hub.queries.read(lambda unit: find_return(unit, return_id))
        assert row.closed_at_ms is not None, "both banks have booked"
        return row.status, row.reason

    def demand(self, payee: str, **changes: object) -> ReasonCode | None:
        """What becomes of a request that no honest bank would make."""
        fields = {"amount_centavos": 1, "reason": ReasonCode.MD06, "description": "", **changes}
        self.orders += 1
        return_id = make_return_id(
            ISPBS[payee], parse_end_to_end_id(self.pay("001", "001", 1)).minute, f"{self.orders:011d}"
        )
        message = ReturnRequested(return_id=return_id, requested_at_ms=NOON_MS, **fields)  # type: ignore[arg-type]
        key = signing_key(f"the secret of the bank {payee}")
        self.village.publish([encode_record(message, HUB_TOPIC, ISPBS[payee], key)])
        self.village.deliver()
        return self.village.hub.queries.read(lambda unit: find_return(unit, return_id))[0].reason

    def balance(self, code: str, account: Account) -> int:
        return self.village.banks[code].queries.find_account(account.number).balance_centavos

    def check_books(self) -> None:
        """Every bank's books hold, agree with the hub's, and nothing is reserved."""
        accounts = self.village.hub.queries.settlement_accounts()
        assert sum(each.balance_centavos for each in accounts.values()) == len(CODES) * SETTLEMENT_FUNDS_CENTAVOS
        for code, bank in self.village.banks.items():
            books = bank.queries.books()
            assert books.is_balanced and books.clearing_centavos == 0
            assert books.settlement_centavos == accounts[ISPBS[code]].balance_centavos
            assert accounts[ISPBS[code]].reserved_centavos == 0


@pytest.fixture
def town() -> Town:
    return Town()


DONE = (ReturnStatus.COMPLETED, None)


@pytest.mark.parametrize(("payer", "payee"), list(product(CODES, CODES)))
def test_a_whole_return_and_three_parts_between_every_pair(town: Town, payer: str, payee: str) -> None:
    whole = town.pay(payer, payee, 10_00)
    assert town.give_back(payee, whole, 10_00) == DONE
    parts = town.pay(payer, payee)
    for amount in (1, 20_00, 5_50):
        assert town.give_back(payee, parts, amount) == DONE
    assert town.balance(payee, town.payees[payee]) == AMOUNT - 25_51
    assert town.balance(payer, town.payers[payer]) == DEPOSIT - AMOUNT + 25_51
    returns = town.village.hub.queries.read(lambda unit: returns_of_transfer(unit, parts))
    assert sorted(row.amount_centavos for row in returns) == [1, 5_50, 20_00]
    transfer, _ = town.village.hub.queries.find_transfer(parts)
    assert transfer.status == "completed"
    received = town.village.banks[payer].returns.queries.of_transfer(parts, Direction.OUTGOING)
    assert received.returned_centavos == 25_51
    town.check_books()


def block(town: Town) -> None:
    town.village.banks["001"].block_account(account_number=town.payers["001"].number)


def suspend(town: Town) -> None:
    town.village.hub.suspend_bank("001")


def let_91_days_pass(town: Town) -> None:
    town.clock.turn(91 * DAY_MS)


def take_the_funds(town: Town) -> None:
    account = town.village.hub.queries.settlement_accounts()[ISPBS["002"]]
    town.village.hub.fund_bank(code="002", amount_centavos=1 - account.balance_centavos, funding_id=str(UUID(int=1)))


def forget_the_feature(town: Town) -> None:
    bank = next(bank for bank in town.village.hub.queries.list_banks() if bank.code == "001")
    town.village.hub.join_network(
        ispb=bank.ispb,
        code=bank.code,
        name=bank.name,
        color=bank.color,
        url="",
        version="",
        features=FEATURES - {Feature.RETURNS},
    )


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (block, ReasonCode.AC06),
        (suspend, ReasonCode.DS27),
        (let_91_days_pass, ReasonCode.DT05),
        (take_the_funds, ReasonCode.AM04),
        (forget_the_feature, ReasonCode.AG12),
    ],
)
def test_a_refused_return_gives_the_payee_the_money_back(
    town: Town, trouble: Callable[[Town], None], reason: ReasonCode
) -> None:
    paid = town.pay("001", "002")
    trouble(town)
    assert town.give_back("002", paid, 10_00) == (ReturnStatus.FAILED, reason)
    assert town.balance("002", town.payees["002"]) == AMOUNT
    books = town.village.banks["002"].queries.books()
    assert books.clearing_centavos == 0 and not books.unbalanced_transfers


def test_day_90_succeeds(town: Town) -> None:
    paid = town.pay("001", "002")
    town.clock.turn(90 * DAY_MS)
    assert town.give_back("002", paid, 10_00) == DONE


def test_a_bank_that_asks_for_more_than_it_may_is_refused_by_the_hub(town: Town) -> None:
    paid = town.pay("001", "002")
    mine = {"original_end_to_end_id": paid}
    assert town.demand("002", **mine, amount_centavos=AMOUNT + 1) is ReasonCode.AM09
    assert town.demand("002", **mine, reason=ReasonCode.AC03) is ReasonCode.AG12
    assert town.demand("003", **mine) is ReasonCode.FF08
    assert town.demand("001", **mine) is ReasonCode.FF08
    assert town.demand("002", original_end_to_end_id="D" + paid[1:]) is ReasonCode.AG13
    assert town.balance("001", town.payers["001"]) <= DEPOSIT - AMOUNT, "nothing came back"


def test_a_lost_return_is_sent_again_until_it_is_done(town: Town) -> None:
    paid = town.pay("001", "002")
    town.village.stop_hearing("001")
    return_id = town.order_return("002", paid, 10_00)
    town.village.deliver()
    assert town.balance("002", town.payees["002"]) == AMOUNT - 10_00
    town.village.hear_again("001")
    for _ in range(4):
        town.clock.turn(2_000)
        town.village.resend()
        town.village.deliver()
    assert town.outcome(return_id) == DONE
    town.check_books()


def test_a_bank_refuses_at_once_what_it_knows_to_be_too_much(town: Town) -> None:
    paid = town.pay("001", "002")
    with pytest.raises(BankError):
        town.order_return("002", paid, AMOUNT + 1)
