"""Settlement money: what each movement does to the two accounts."""

from __future__ import annotations

from hub.domain.settlement import AccountChange, Movement, MovementKind, SettlementAccount, apply_movement, changes_of
from tests.support.hub_builders import AURORA, IPE


def accounts() -> dict[str, SettlementAccount]:
    return {AURORA: SettlementAccount(AURORA, 1_000, 300), IPE: SettlementAccount(IPE, 50, 0)}


def after(kind: MovementKind, payee: str = IPE) -> dict[str, tuple[int, int]]:
    moved = accounts()
    apply_movement(moved, Movement(kind, AURORA, payee, 300))
    return {ispb: (account.balance_centavos, account.reserved_centavos) for ispb, account in moved.items()}


def test_a_reserve_promises_and_moves_nothing() -> None:
    assert after(MovementKind.RESERVE) == {AURORA: (1_000, 600), IPE: (50, 0)}


def test_a_release_takes_the_promise_back() -> None:
    assert after(MovementKind.RELEASE) == {AURORA: (1_000, 0), IPE: (50, 0)}


def test_a_settlement_keeps_the_promise() -> None:
    assert after(MovementKind.SETTLE) == {AURORA: (700, 0), IPE: (350, 0)}


def test_a_settlement_within_one_bank_only_takes_the_promise_back() -> None:
    assert after(MovementKind.SETTLE, payee=AURORA) == {AURORA: (1_000, 0), IPE: (50, 0)}


def test_free_is_what_is_not_promised() -> None:
    assert accounts()[AURORA].available_centavos == 700


def test_what_has_become_of_the_accounts_leaves_out_those_that_are_as_they_were() -> None:
    moved = accounts()
    apply_movement(moved, Movement(MovementKind.RESERVE, AURORA, IPE, 50))
    assert changes_of(accounts(), moved) == [AccountChange(AURORA, 0, 50)]
    apply_movement(moved, Movement(MovementKind.SETTLE, AURORA, IPE, 50))
    assert changes_of(accounts(), moved) == [AccountChange(AURORA, -50, 0), AccountChange(IPE, 50, 0)]
    assert changes_of(accounts(), accounts()) == []
