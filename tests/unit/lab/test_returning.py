"""The lab repeats the order of a return until its bank has the money of the original, or never gets it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest

from lab.drive.returns import ReturnDriver, ReturnOrder, read_return_outcomes
from lab.read.rest import BankRest, HubRest, Json, Unreachable

ORDER = ReturnOrder("001", "100001-7", "the original", 5_00, "the key")
AWAY: tuple[int, Json] = (503, {})
UNKNOWN = (404, {"type": "urn:codepix:problem:transfer-not-found"})
NOT_CONFIRMED = (422, {"type": "urn:codepix:problem:scheme-rule", "field": "original_end_to_end_id"})
OVER_THE_REST = (422, {"type": "urn:codepix:problem:scheme-rule", "field": "amount_centavos"})
TAKEN = (201, {"return_id": "the return"})


class Bank(BankRest):
    """Gives these answers, one after the other."""

    def __init__(self, answers: Sequence[tuple[int, Json]]) -> None:
        super().__init__("A bank", "http://bank.example", None)
        self._answers = list(answers)
        self.keys: list[str] = []

    def _request(self, method: str, path: str, **arguments: Any) -> tuple[int, bytes]:
        self.keys.append(arguments["headers"]["Idempotency-Key"])
        status, document = self._answers.pop(0)
        return status, json.dumps(document).encode()


class Hub(HubRest):
    """Has one transfer and one return in these states."""

    def __init__(self, transfer: str = "pending", returned: Json | None = None) -> None:
        self._transfer = transfer
        self._returned = returned

    def transfer(self, end_to_end_id: str) -> Json:
        return {"status": self._transfer}

    def returns(self, cursor: str, next_cursor: str, **narrow: Any) -> Iterator[Json]:
        return iter([] if self._returned is None else [self._returned])


def driver(bank: BankRest, hub: HubRest, retry_seconds_max: float = 60.0) -> ReturnDriver:
    return ReturnDriver({"001": bank}, hub, retry_seconds_max)


def test_an_order_is_repeated_with_its_key_until_the_money_has_arrived() -> None:
    bank = Bank([AWAY, UNKNOWN, NOT_CONFIRMED, TAKEN])
    with closing(driver(bank, Hub())) as returning:
        sent = returning.start([ORDER])[0].result()
    assert (sent.return_id, sent.refused, sent.retries) == ("the return", None, 1)
    assert bank.keys == ["the key"] * 4


@pytest.mark.parametrize(("answer", "refusal"), [(UNKNOWN, "transfer-not-found"), (OVER_THE_REST, "amount_centavos")])
def test_what_can_never_be_returned_is_not_waited_for(answer: tuple[int, Json], refusal: str) -> None:
    with closing(driver(Bank([answer]), Hub("failed"))) as returning:
        assert returning.start([ORDER])[0].result().refusal == refusal


def test_a_bank_that_stays_away_is_an_error() -> None:
    with closing(driver(Bank([AWAY]), Hub(), 0.0)) as returning, pytest.raises(Unreachable, match="A bank"):
        returning.send_all([ORDER])


@pytest.mark.parametrize(
    ("status", "reason", "outcome", "returned_centavos", "unexpected"),
    [
        ("completed", None, "completed", 5_00, []),
        ("failed", "AC07", "AC07", 0, ["the return: AC07 instead of completed"]),
        ("pending", None, "pending", 0, ["the return: pending instead of completed"]),
    ],
)
def test_outcomes_are_the_hubs(
    status: str, reason: str | None, outcome: str, returned_centavos: int, unexpected: list[str]
) -> None:
    row = {
        "return_id": "the return", "status": status, "reason": reason, "amount_centavos": 5_00, "resends": 0,
        "duplicates": 2,
    }  # fmt: skip
    hub = Hub(returned=row)
    with closing(driver(Bank([TAKEN]), hub)) as returning:
        sent = returning.send_all([ORDER])
        assert returning.are_final(sent) is (status != "pending")
    found = read_return_outcomes(hub, sent)
    assert (found.by_outcome, found.returned_centavos, found.duplicates) == ({outcome: 1}, returned_centavos, 2)
    assert found.unexpected == unexpected
    assert read_return_outcomes(hub, sent, {outcome}).unexpected == []
