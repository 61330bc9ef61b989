"""The audit reads returns and fundings through the REST APIs of the hub and of both banks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import httpx
import pytest
from fastapi.testclient import TestClient

from bank_sim.entrypoints.http.app import create_app
from lab.read.audit import AuditReport
from lab.read.snapshot import NetworkReader
from pix.scheme.keys import KeyKind, PixKey
from pix.web.client import new_http_client
from tests.support.banks import ANAS_CPF, BRUNOS_CPF
from tests.support.village import Village, VillageSettings, found_village

HUB = "hub.example"


class InProcess(httpx.BaseTransport):
    """Calls the application of each host."""

    def __init__(self, clients: dict[str, TestClient]) -> None:
        self._clients = clients

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        answer = self._clients[request.url.host].request(request.method, path, content=request.read())
        return httpx.Response(answer.status_code, content=answer.content)


@pytest.fixture
def village() -> Village:
    return found_village(with_people=False)


@pytest.fixture
def reader(village: Village) -> Iterator[NetworkReader]:
    with ExitStack() as stack:
        apps = {HUB: village.console()}
        addresses = {}
        for code, bank in village.banks.items():
            apps[f"bank-{code}.example"] = create_app(bank, VillageSettings())
            addresses[bank.identity.ispb] = f"http://bank-{code}.example"
        clients = {host: stack.enter_context(TestClient(app)) for host, app in apps.items()}
        client = stack.enter_context(new_http_client(transport=InProcess(clients)))
        yield NetworkReader(f"http://{HUB}", client, addresses)


def test_returns_under_way_and_done_are_audited(village: Village, reader: NetworkReader) -> None:
    aurora, ipe = village.banks["001"], village.banks["002"]
    ana = aurora.open_account(name="Ana Souza", tax_id=ANAS_CPF, opening_deposit_centavos=20_00, pin="1234")
    bruno = ipe.open_account(name="Bruno Lima", tax_id=BRUNOS_CPF, opening_deposit_centavos=0, pin="1234")
    ipe.register_key(account_number=bruno.number, kind=KeyKind.EMAIL, key="bruno@example.com")
    original = aurora.request_transfer(
        account_number=ana.number,
        payee_key=PixKey(KeyKind.EMAIL, "bruno@example.com"),
        amount_centavos=20_00,
        description="",
        idempotency_key="p-1",
        payee_tax_id_masked="",
    ).end_to_end_id
    village.deliver()

    def give_back(amount_centavos: int) -> str:
        return ipe.returns.request(
            account_number=bruno.number,
            original_end_to_end_id=original,
            amount_centavos=amount_centavos,
            description="",
            idempotency_key=f"r-{amount_centavos}",
        ).return_id

    def report() -> AuditReport:
        found = reader.audit(0)
        assert found.is_ok, [finding for finding in found.findings if not finding.is_ok]
        return found

    give_back(5_00)
    village.deliver()
    assert report().is_final
    waiting = give_back(6_00)
    assert report().in_flight == (waiting,)
    village.deliver()
    aurora.block_account(account_number=ana.number)
    give_back(7_00)
    village.deliver()
    done = report()
    assert done.is_final
    (returns,) = [finding for finding in done.findings if finding.invariant == "returns_keep_to_their_originals"]
    assert returns.numbers == {"returns": 3, "returned_centavos": 11_00, "exceeding": 0}


def test_a_network_is_not_quiet_before_its_banks_have_booked_their_fundings(
    village: Village, reader: NetworkReader
) -> None:
    for bank in village.banks.values():
        bank.mirror_settlement()
    assert reader.activity().under_way == 0
    village.hub.fund_bank(code="001", amount_centavos=-5_00, funding_id=str(uuid4()))
    assert reader.activity().under_way == 1
    village.banks["001"].mirror_settlement()
    assert reader.activity().under_way == 0
    assert reader.audit(0).is_final
