"""`codepix audit` sees what was done to the books behind everybody's back, and says where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy

from lab.drive.customers import Population
from lab.network.network import Network
from lab.network.parts.ports import free_port
from lab.read.rest import BankRest
from lab.read.snapshot import NetworkReader
from tests.e2e.conftest import ask_codepix, ask_codepix_json, run_codepix
from tests.e2e.test_transfer import await_completed, pay


@contextmanager
def tampered(network: Network, database: str, do: str, undo: str, **values: object) -> Iterator[None]:
    """Changes a participant's database, behind its back, and puts it right again."""
    engine = sqlalchemy.create_engine(network.postgres.url(database))
    try:
        with engine.begin() as connection:
            assert connection.execute(sqlalchemy.text(do), values).rowcount == 1
        yield
        with engine.begin() as connection:
            assert connection.execute(sqlalchemy.text(undo), values).rowcount == 1
    finally:
        engine.dispose()


def test_a_sound_network_passes(quiet_network: Network) -> None:
    finished = run_codepix("audit", "--hub", quiet_network.hub_url)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "BROKEN" not in finished.stdout
    code, document = ask_codepix_json("audit", "--hub", quiet_network.hub_url)
    assert code == 0
    assert document["ok"] is True
    numbers = document["invariants"]["money_is_conserved"]["numbers"]
    assert numbers["difference_centavos"] == 0
    assert numbers["put_in_centavos"] > 0


def test_money_from_nothing_is_found(quiet_network: Network, population: Population) -> None:
    account = population.friends("002")[0].account_number
    add = "UPDATE accounts SET balance_centavos = balance_centavos + 1 WHERE number = :number"
    take = "UPDATE accounts SET balance_centavos = balance_centavos - 1 WHERE number = :number"
    with tampered(quiet_network, "bank_002", add, take, number=account):
        finished = ask_codepix("audit", "--hub", quiet_network.hub_url, "--wait", "5")
    assert finished.returncode == 1
    assert finished.stdout.count("BROKEN") == 2
    assert f"books_balance: 002: balance of account {account} is not its postings" in finished.stdout


@pytest.mark.parametrize(
    ("do", "undo", "invariant"),
    [
        (
            "UPDATE transfers SET amount_centavos = amount_centavos + 1 WHERE end_to_end_id = :id",
            "UPDATE transfers SET amount_centavos = amount_centavos - 1 WHERE end_to_end_id = :id",
            "outcomes_agree",
        ),
        (
            "UPDATE transfers SET status = 'failed', reason = 'AB03' WHERE end_to_end_id = :id",
            "UPDATE transfers SET status = 'completed', reason = NULL WHERE end_to_end_id = :id",
            "outcomes_agree",
        ),
        (
            "UPDATE settlement_accounts SET balance_centavos = balance_centavos + 5 WHERE ispb = substr(:id, 2, 8)",
            "UPDATE settlement_accounts SET balance_centavos = balance_centavos - 5 WHERE ispb = substr(:id, 2, 8)",
            "settlement_agrees",
        ),
    ],
)
def test_what_was_changed_at_the_hub_is_found(
    do: str,
    undo: str,
    invariant: str,
    quiet_network: Network,
    banks: dict[str, BankRest],
    population: Population,
    reader: NetworkReader,
    request: pytest.FixtureRequest,
) -> None:
    end_to_end_id = pay(banks, population, "001", "002", 55_55, f"audit-{hash(do)}")
    await_completed(reader, end_to_end_id)
    with tampered(quiet_network, "hub", do, undo, id=end_to_end_id):
        code, document = ask_codepix_json("audit", "--hub", quiet_network.hub_url, "--wait", "5")
    assert code == 1
    finding = document["invariants"][invariant]
    assert finding["ok"] is False
    named = end_to_end_id if invariant == "outcomes_agree" else "001"
    assert any(named in offender for offender in finding["offenders"])


def test_who_cannot_be_reached_is_named(quiet_network: Network) -> None:
    nowhere = ask_codepix("audit", "--hub", f"http://127.0.0.1:{free_port()}", "--wait", "0")
    assert nowhere.returncode == 2
    assert "The hub at" in nowhere.stderr
    bank = quiet_network.bank("003").service
    bank.stop()
    try:
        finished = ask_codepix("audit", "--hub", quiet_network.hub_url, "--wait", "0")
    finally:
        bank.start()
    assert finished.returncode == 2
    assert "Bank 003" in finished.stderr
