"""A payment from one bank to another, through processes that know each other by gRPC and Kafka alone."""

from __future__ import annotations

from lab.drive.customers import Population
from lab.network.network import Network
from lab.network.parts.process import wait_until
from lab.network.services import Service
from lab.read.rest import BankRest, Json
from lab.read.snapshot import NetworkReader

COMPLETED_SECONDS_MAX = 30.0
VISIBLE_SECONDS_MAX = 10.0


def pay(banks: dict[str, BankRest], population: Population, payer: str, payee: str, amount: int, name: str) -> str:
    """Lets the rich one of a bank pay somebody of another; the end-to-end id."""
    customer, friend = population.rich(payer), population.friends(payee)[0]
    key = friend.keys[0]
    row = banks[payer].pay(customer.account_number, key.kind, key.key, amount, f"Lunch {name}", name)
    assert row["status"] == "pending"
    return str(row["end_to_end_id"])


def await_completed(reader: NetworkReader, end_to_end_id: str) -> Json:
    def completed() -> Json | None:
        rows = [row for row in reader.hub.transfers() if row["end_to_end_id"] == end_to_end_id]
        return rows[0] if rows and rows[0]["status"] == "completed" else None

    found = wait_until(completed, COMPLETED_SECONDS_MAX, f"{end_to_end_id} to complete")
    assert found is not None
    return found


def test_both_statements_and_the_hub_agree(
    quiet_network: Network, banks: dict[str, BankRest], population: Population, reader: NetworkReader
) -> None:
    payer, payee = population.rich("001"), population.friends("002")[0]
    end_to_end_id = pay(banks, population, "001", "002", 12_34, "e2e-agree")
    row = await_completed(reader, end_to_end_id)
    assert (row["amount_centavos"], row["payee"]["name"]) == (12_34, payee.name)
    steps = [step["message"] for step in reader.hub.transfer(end_to_end_id)["history"]]
    assert steps[:2] == ["TransferRequested", "TransferAccepted"]
    assert len(steps) == 4
    sent = banks["001"].get(f"/accounts/{payer.account_number}/statement")["lines"][0]
    received = banks["002"].get(f"/accounts/{payee.account_number}/statement")["lines"][0]
    assert (sent["end_to_end_id"], sent["amount_centavos"]) == (end_to_end_id, -12_34)
    assert (received["end_to_end_id"], received["amount_centavos"]) == (end_to_end_id, 12_34)


def test_the_payers_bank_dies_right_after_it_took_the_order(
    quiet_network: Network, banks: dict[str, BankRest], population: Population, reader: NetworkReader
) -> None:
    service = service_called(quiet_network, "bank-003")
    end_to_end_id = pay(banks, population, "003", "001", 10_01, "e2e-payer-killed")
    service.kill()
    service.start()
    await_completed(reader, end_to_end_id)
    # The customer asks again, for the answer was lost: it is the same transfer.
    assert pay_again(banks, population) == end_to_end_id
    assert reader.audit(COMPLETED_SECONDS_MAX).is_ok


def pay_again(banks: dict[str, BankRest], population: Population) -> str:
    customer, key = population.rich("003"), population.friends("001")[0].keys[0]
    row = banks["003"].pay(
        customer.account_number, key.kind, key.key, 10_01, "Lunch e2e-payer-killed", "e2e-payer-killed"
    )
    return str(row["end_to_end_id"])


def test_a_frozen_bank_goes_on_after_its_thaw(
    quiet_network: Network, banks: dict[str, BankRest], population: Population, reader: NetworkReader
) -> None:
    service = service_called(quiet_network, "bank-002")
    service.freeze()
    try:
        end_to_end_id = pay(banks, population, "001", "002", 77_00, "e2e-frozen")
        wait_until(
            lambda: any(row["end_to_end_id"] == end_to_end_id for row in reader.hub.transfers(status="pending")),
            VISIBLE_SECONDS_MAX,
            "the hub to know the transfer",
        )
    finally:
        service.thaw()
    await_completed(reader, end_to_end_id)


def service_called(network: Network, name: str) -> Service:
    return next(service for service in network.services if service.name == name)
