"""The bank's questions: the hub in memory, and the hub's own gRPC services over a socket, answer alike."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import pytest

from bank_sim.adapters.hub_client import GrpcHub
from bank_sim.adapters.memory.hub import MemoryHub
from bank_sim.application.ports import Hub, SettlementFunding
from bank_sim.domain.account import Payee
from bank_sim.domain.errors import (
    HubCredentialsRejected,
    HubRejected,
    HubUnavailable,
    KeyLimitReached,
    KeyNotFound,
    KeyTaken,
)
from hub.adapters.memory.unit_of_work import HubStore
from hub.adapters.memory.unit_of_work import MemoryUnitsOfWork as HubUnitsOfWork
from hub.application.use_cases import HubApplication
from hub.domain.directory import KeyEntry
from hub.entrypoints.grpc.server import add_services
from pix.runtime.health import Health
from pix.scheme.errors import SchemeError
from pix.scheme.features import FEATURES
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.people import HolderKind
from pix.scheme.retransmission import RetransmissionPolicy
from tests.support.bank import SECRET
from tests.support.bank_builders import ANA
from tests.support.banks import AURORA, IPE
from tests.support.clock import NOON_MS, TurnedClock
from tests.support.participants import compose_hub

TAKEN = PixKey(KeyKind.EMAIL, "zelia@ipe.example")
ZELIA = replace(ANA, holder_name="Zélia Moreira", tax_id="11144477735")
FUNDING = SettlementFunding(f"opening-{AURORA.ispb}", 1_000_00, NOON_MS)


class GrpcServer:
    """The hub's services on a port of this machine."""

    def __init__(self) -> None:
        self.store = HubStore()
        self.application: HubApplication = compose_hub(
            HubUnitsOfWork(self.store), TurnedClock(), Health(), RetransmissionPolicy(), None
        )
        for bank, funds in ((AURORA, FUNDING.amount_centavos), (IPE, 0)):
            self.application.add_bank(
                code=bank.code,
                name=bank.name,
                color=bank.color,
                secret=SECRET,
                settlement_funds_centavos=funds,
            )
        self.server = grpc.server(ThreadPoolExecutor(4))
        add_services(self.server, self.application)
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()


@pytest.fixture(scope="module")
def address_of_nobody() -> str:
    """Where nothing listens."""
    return "127.0.0.1:1"


def memory_hub() -> MemoryHub:
    hub = MemoryHub(AURORA, TurnedClock())
    hub.payees[TAKEN] = Payee(
        TAKEN, ZELIA.holder_name, ZELIA.tax_id_masked, HolderKind.PERSON, IPE.ispb, IPE.code, IPE.name
    )
    hub.fundings.append(FUNDING)
    return hub


@pytest.fixture(params=["memory", "grpc"])
def hub(request: pytest.FixtureRequest) -> Iterator[Hub]:
    if request.param == "memory":
        yield memory_hub()
        return
    server = GrpcServer()
    ipe = GrpcHub(f"127.0.0.1:{server.port}", IPE.ispb, SECRET)
    ipe.register_key(ZELIA, TAKEN.kind, TAKEN.key, "")
    client = GrpcHub(f"127.0.0.1:{server.port}", AURORA.ispb, SECRET)
    yield client
    for each in (ipe, client):
        each.close()
    server.server.stop(None).wait()


def test_a_registered_key_is_found_listed_and_removed(hub: Hub) -> None:
    entry = hub.register_key(ANA, KeyKind.EMAIL, "ana@aurora.example", "")
    assert (entry.account_number, entry.key.key) == (ANA.number, "ana@aurora.example")
    assert hub.register_key(ANA, KeyKind.EMAIL, "ana@aurora.example", "") == entry
    payee = hub.find_key(entry.key)
    assert payee == Payee(
        entry.key, "Ana Souza", "***.982.247-**", HolderKind.PERSON, AURORA.ispb, AURORA.code, AURORA.name
    )
    assert list(hub.list_keys()) == [entry]
    hub.remove_key(entry.key)
    assert list(hub.list_keys()) == []
    with pytest.raises(KeyNotFound):
        hub.find_key(entry.key)
    with pytest.raises(KeyNotFound):
        hub.remove_key(entry.key)


def test_a_key_is_removed_from_the_account_that_is_named_alone(hub: Hub) -> None:
    entry = hub.register_key(ANA, KeyKind.EMAIL, "ana@aurora.example", "")
    with pytest.raises(KeyNotFound):
        hub.remove_key(entry.key, "100009-9")
    assert list(hub.list_keys()) == [entry]
    hub.remove_key(entry.key, ANA.number)
    assert list(hub.list_keys()) == []


def test_an_answer_that_breaks_a_rule_is_not_shown() -> None:
    """Rows of a hub that checked less: they stand in its stores, and its services tell them."""
    server = GrpcServer()
    client = GrpcHub(f"127.0.0.1:{server.port}", AURORA.ispb, SECRET)
    hidden = PixKey(KeyKind.EMAIL, "hidden@ipe.example")
    with HubUnitsOfWork(server.store)() as unit:
        unit.keys.add(
            [KeyEntry(hidden, IPE.ispb, "0001", "000777-1", "\u3164", HolderKind.PERSON, "***.111.222-**", NOON_MS)]
        )
        unit.banks.update(replace(unit.banks.all()[IPE.ispb], color="red;}", joined_at_ms=2**62))
        unit.commit()
    try:
        with pytest.raises(HubRejected) as refusal:
            client.find_key(hidden)
        assert refusal.value.rule == "The hub's answer violates a rule of the scheme."
        assert [bank.code for bank in client.list_participants()] == [AURORA.code], "the others are shown"
    finally:
        client.close()
        server.server.stop(None).wait()


def test_a_random_key_is_made_once_per_request(hub: Hub) -> None:
    request_id = "0b6a7f4e-3a2f-4b7e-9d33-1f2a3b4c5d6e"
    first = hub.register_key(ANA, KeyKind.EVP, "", request_id)
    assert hub.register_key(ANA, KeyKind.EVP, "", request_id) == first
    other = hub.register_key(ANA, KeyKind.EVP, "", "1b6a7f4e-3a2f-4b7e-9d33-1f2a3b4c5d6e")
    assert other.key != first.key
    assert first.key.kind is KeyKind.EVP


def test_a_key_of_another_bank_is_taken_and_its_bank_is_told(hub: Hub) -> None:
    with pytest.raises(KeyTaken) as refusal:
        hub.register_key(ANA, TAKEN.kind, TAKEN.key, "")
    assert refusal.value.bank_name == "Banco Ipê"
    assert hub.find_key(TAKEN).bank_name == "Banco Ipê"
    with pytest.raises(KeyNotFound):
        hub.remove_key(TAKEN)


def test_a_person_has_five_keys(hub: Hub) -> None:
    for number in range(5):
        hub.register_key(ANA, KeyKind.EMAIL, f"ana{number}@aurora.example", "")
    with pytest.raises(KeyLimitReached):
        hub.register_key(ANA, KeyKind.EMAIL, "ana6@aurora.example", "")


def test_a_key_against_a_rule_names_the_field(hub: Hub) -> None:
    with pytest.raises(SchemeError) as refusal:
        hub.register_key(ANA, KeyKind.CPF, "11144477735", "")
    assert refusal.value.field == "key"
    assert "account holder's own" in refusal.value.rule


def test_the_settlement_account_tells_its_fundings(hub: Hub) -> None:
    account = hub.settlement_account()
    assert account.balance_centavos == FUNDING.amount_centavos
    assert account.reserved_centavos == 0
    assert account.fundings == (FUNDING,)


def test_a_bank_that_joins_is_listed_as_it_announced_itself(hub: Hub) -> None:
    renamed = replace(AURORA, name="Aurora S.A.", color="#112233")
    hub.join_network(renamed, "http://127.0.0.1:8001", "1.2.3", FEATURES, "127.0.0.1:8001")
    hub.join_network(renamed, "http://127.0.0.1:8001", "1.2.4", FEATURES, "127.0.0.1:8009")
    listed = {bank.ispb: bank for bank in hub.list_participants()}
    assert listed[AURORA.ispb].name == "Aurora S.A."
    assert listed[AURORA.ispb].color == "#112233"
    assert listed[AURORA.ispb].url == "http://127.0.0.1:8001"
    assert listed[AURORA.ispb].payload_host == "127.0.0.1:8009"


def test_a_bank_may_say_that_it_is_there_and_that_it_goes(hub: Hub) -> None:
    for lag in (0, 7, None):
        hub.send_heartbeat("an instance", "1.2", lag)
    hub.leave_network("an instance")
    hub.leave_network("another that was never heard of")


def test_unknown_transfers_are_not_completed(hub: Hub) -> None:
    assert hub.find_progress(["E0000000120261122120012345678901"]) == {}


# What only a socket can do


def test_a_hub_that_is_not_there_is_unavailable(address_of_nobody: str) -> None:
    client = GrpcHub(address_of_nobody, AURORA.ispb, SECRET)
    asked: list[Callable[[], object]] = [
        client.list_participants,
        client.settlement_account,
        lambda: list(client.list_keys()),
        lambda: client.find_key(TAKEN),
    ]
    for ask in asked:
        with pytest.raises(HubUnavailable):
            ask()
    client.close()


def test_a_wrong_secret_is_told_apart_from_a_hub_that_is_down() -> None:
    server = GrpcServer()
    client = GrpcHub(f"127.0.0.1:{server.port}", AURORA.ispb, "another-secret-altogether")
    with pytest.raises(HubCredentialsRejected):
        client.settlement_account()
    client.close()
    server.server.stop(None).wait()


def test_a_join_with_another_code_is_refused_with_the_field() -> None:
    server = GrpcServer()
    client = GrpcHub(f"127.0.0.1:{server.port}", AURORA.ispb, SECRET)
    with pytest.raises(SchemeError) as refusal:
        client.join_network(replace(AURORA, code="009"), "", "1", FEATURES, "")
    assert refusal.value.field == "code"
    client.close()
    server.server.stop(None).wait()


def test_the_trace_goes_along() -> None:
    seen: list[str] = []
    arrived = threading.Event()

    class Spy(grpc.ServerInterceptor):  # type: ignore[type-arg]
        def intercept_service(self, continuation, details):  # type: ignore[no-untyped-def]
            seen.append(dict(details.invocation_metadata).get("traceparent", ""))
            arrived.set()
            return continuation(details)

    server = grpc.server(ThreadPoolExecutor(1), interceptors=[Spy()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    client = GrpcHub(f"127.0.0.1:{port}", AURORA.ispb, SECRET, traceparent=lambda: "00-aa-bb-01")
    with pytest.raises(SchemeError):
        client.list_participants()
    assert arrived.wait(5)
    assert seen == ["00-aa-bb-01"]
    client.close()
    server.stop(None).wait()


def test_many_keys_come_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bank_sim.adapters.hub_client.KEYS_PER_PAGE", 2)
    server = GrpcServer()
    client = GrpcHub(f"127.0.0.1:{server.port}", AURORA.ispb, SECRET)
    keys = [client.register_key(ANA, KeyKind.EMAIL, f"ana{number}@aurora.example", "") for number in range(5)]
    assert list(client.list_keys()) == keys
    client.close()
    server.server.stop(None).wait()
