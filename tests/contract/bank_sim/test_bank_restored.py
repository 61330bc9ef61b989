"""A bank that was restored from an older backup books what the hub has decided since."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from bank_sim.adapters.memory.unit_of_work import BankStore, MemoryUnitsOfWork
from bank_sim.domain.account import Account
from bank_sim.domain.errors import HubRejected, HubUnavailable
from bank_sim.domain.flows.transfer.model import TransferStatus
from bank_sim.entrypoints.hub_records import outcomes_of, read_outcomes
from pix.scheme.messages import Side
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.web.client import new_http_client
from tests.support.bank import STRANGER, World
from tests.support.banks import AURORA

HUB_URL = "http://hub.example"


@pytest.fixture
def lost() -> World:
    """The bank as it was: it paid twice, of which one failed, and got money once."""
    return World(MemoryUnitsOfWork(BankStore()))


def document(world: World, end_to_end_id: str, direction: Direction) -> dict[str, object]:
    """As the hub's REST API shows a transfer of this bank."""
    row = world.bank.queries.find_transfer(end_to_end_id, direction)
    payee = row.payee or STRANGER
    return {
        "end_to_end_id": row.end_to_end_id,
        "status": "completed" if row.status is TransferStatus.CONFIRMED else "failed",
        "reason": None if row.reason is None else row.reason.value,
        "amount_centavos": row.amount_centavos,
        "payer": party(row.payer),
        "payee": party(payee),
        "key_kind": row.payee_key and row.payee_key.kind.value,
        "key": row.payee_key and row.payee_key.key,
        "initiation": row.initiation.value,
        "txid": row.txid,
        "description": row.description,
        "decided_at_ms": row.decided_at_ms,
    }


def party(side: object) -> dict[str, str]:
    names = ("ispb", "branch", "account_number", "name", "tax_id_masked")
    return {name: getattr(side, name) for name in names}


def live_on(world: World, account: Account) -> list[dict[str, object]]:
    """What happens after the backup, newest first, as the hub lists it."""
    paid, failed = world.pay(account, 90_00, "order-1"), world.pay(account, 5_00, "order-2")
    offer = world.offer(account, 40_00)
    world.hear(offer)
    world.hear(world.outcome_of(paid), world.outcome_of(failed, ReasonCode.AC03), world.confirmed(offer))
    ids = [(paid.end_to_end_id, Direction.OUTGOING), (failed.end_to_end_id, Direction.OUTGOING)]
    ids.append((offer.end_to_end_id, Direction.INCOMING))
    return [document(world, *place) for place in reversed(ids)]


def hub_that_lists(rows: list[dict[str, object]]) -> httpx.Client:
    """Two pages."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.params["bank"] == AURORA.ispb
        if "before" not in request.url.params:
            return httpx.Response(200, json={"transfers": rows[:1], "next": "more"})
        return httpx.Response(200, json={"transfers": rows[1:], "next": None})

    return new_http_client(transport=httpx.MockTransport(answer))


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with new_http_client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"no": "list"}))) as client:
        yield client


def test_balances_and_books_are_as_they_were_before_the_backup_was_restored(lost: World, world: World) -> None:
    before, after = lost.open_account(100_00), world.open_account(100_00)
    rows = live_on(lost, before)
    with hub_that_lists(rows) as client:
        outcomes = read_outcomes(client, HUB_URL, AURORA.ispb, 0)
    restored = world.bank.restore_transfers(outcomes)
    assert (len(restored.booked), restored.known, restored.refused) == (3, [], [])
    assert world.balance(after) == lost.balance(before) == 50_00
    books, lost_books = world.bank.queries.books(), lost.bank.queries.books()
    assert books.is_balanced
    assert (books.settlement_centavos, books.clearing_centavos) == (lost_books.settlement_centavos, 0)
    again = world.bank.restore_transfers(outcomes)
    assert (again.booked, len(again.known), world.balance(after)) == ([], 3, 50_00)


def test_what_an_account_cannot_bear_is_left_for_people_and_the_rest_is_booked(lost: World, world: World) -> None:
    rows = live_on(lost, lost.open_account(100_00))
    after = world.open_account(20_00)
    restored = world.bank.restore_transfers([each for row in reversed(rows) for each in outcomes_of(row, AURORA.ispb)])
    assert len(restored.booked) == 2
    (refused,) = restored.refused
    assert refused.startswith(f"{rows[2]['end_to_end_id']} outgoing: ")
    assert world.balance(after) == 60_00
    assert world.bank.queries.books().is_balanced


def test_an_account_that_the_backup_lacks_is_named(lost: World, world: World) -> None:
    rows = live_on(lost, lost.open_account(100_00))
    restored = world.bank.restore_transfers(outcomes_of(rows[0], AURORA.ispb))
    assert "the backup has no account" in restored.refused[0]


def test_a_payment_within_the_bank_has_two_sides(lost: World) -> None:
    row = live_on(lost, lost.open_account(100_00))[0]
    row["payer"] = row["payee"]
    assert [outcome.side for outcome in outcomes_of(row, AURORA.ispb)] == [Side.PAYEE, Side.PAYER]


def test_a_transfer_that_is_not_decided_is_nothing_to_book(lost: World) -> None:
    row = live_on(lost, lost.open_account(100_00))[0]
    assert outcomes_of({**row, "status": "pending", "decided_at_ms": None}, AURORA.ispb) == []


def test_an_answer_that_is_no_list_of_transfers_books_nothing(client: httpx.Client) -> None:
    with pytest.raises(HubUnavailable):
        read_outcomes(client, HUB_URL, AURORA.ispb, 0)


@pytest.mark.parametrize("status", [401, 403])
def test_a_hub_that_wants_its_operator_names_the_setting(status: int) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status))
    with new_http_client(transport=transport) as client, pytest.raises(HubRejected) as refused:
        read_outcomes(client, HUB_URL, AURORA.ispb, 0)
    assert refused.value.field == "HUB_OPERATOR_PASSWORD"
