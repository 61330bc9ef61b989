"""Charges, batches and locations as a merchant's program uses them. Every answer is held to the description as well."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import date, time
from typing import Any

import pytest

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.flows.transfer.model import TransferStatus
from pix.scheme import brcode
from pix.scheme.initiation import Initiation
from pix.scheme.keys import parse_stored_key
from pix.scheme.people import mask_tax_id
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from tests.integration.api_pix.conftest import OpenShop, Shop, new_shop
from tests.integration.api_pix.scene import CARLA, REMOVED, Scene
from tests.support.banks import ANAS_CPF, BRUNOS_CPF
from tests.support.charges import merchant
from tests.support.clock import TurnedClock, at_time_ms
from tests.support.village import Village, found_village
from tests.support.virtual_days import move_until

UNFIT: dict[str, Any] = {
    "chave": "\0",
    "solicitacaoPagador": "\0",
    "devedor": {"cpf": "11144477735", "nome": "\ud800"},
    "infoAdicionais": [{"nome": "a", "valor": "\n"}],
}
"""Texts that no database keeps, or no line."""
TYPE = "https://pix.bcb.gov.br/api/v2/error/"


@pytest.fixture
def scene(shop: Shop, other_shop: Shop) -> Scene:
    return Scene(shop, other_shop, "ana@example.com", "bruno@example.com")


def test_a_cob_is_made_changed_and_removed(scene: Scene) -> None:
    shop, txid = scene.shop, scene.txid()
    made = shop.put(f"/cob/{txid}", scene.body("cob", infoAdicionais=[{"nome": "Pedido", "valor": "12"}]))
    charge = made.json()
    assert made.status_code == 201, made.text
    assert (charge["txid"], charge["status"], charge["revisao"]) == (txid, "ATIVA", 0)
    assert charge["valor"] == {"original": "100.00", "modalidadeAlteracao": 0}
    assert (charge["chave"], charge["devedor"]) == ("ana@example.com", CARLA)
    assert charge["loc"]["location"] == charge["location"] and charge["loc"]["txid"] == txid
    assert brcode.decode(charge["pixCopiaECola"]).location == charge["location"]

    changed = shop.patch(f"/cob/{txid}", {"valor": {"original": "90.00"}, "solicitacaoPagador": "Seu nome"}).json()
    assert (changed["revisao"], changed["valor"]["original"]) == (1, "90.00")
    assert (changed["solicitacaoPagador"], changed["devedor"]) == ("Seu nome", CARLA)
    assert shop.get(f"/cob/{txid}", revisao=0).json()["valor"]["original"] == "100.00"
    assert shop.get(f"/cob/{txid}").json() == changed

    assert shop.patch(f"/cob/{txid}", REMOVED).json()["status"] == "REMOVIDA_PELO_USUARIO_RECEBEDOR"
    assert shop.get(f"/cobv/{txid}").json()["type"] == f"{TYPE}CobVNaoEncontrada"


def test_the_same_put_again_changes_nothing_and_another_replaces_the_charge(scene: Scene) -> None:
    shop, txid, body = scene.shop, scene.txid(), scene.body("cob")
    first, again = (shop.put(f"/cob/{txid}", body).json() for _ in range(2))
    assert again == first
    other = shop.put(f"/cob/{txid}", scene.body("cob", devedor=None, valor={"original": "5.00"})).json()
    assert (other["revisao"], other["location"], other["valor"]["original"]) == (1, first["location"], "5.00")
    assert "devedor" not in other
    assert shop.put(f"/cobv/{txid}", scene.body("cobv")).json()["violacoes"][0]["propriedade"] == "txid"


def test_a_cob_without_a_txid_gets_one_of_the_bank(scene: Scene) -> None:
    made = scene.shop.post(
        "/cob", scene.body("cob", calendario={}, valor={"original": "0.00", "modalidadeAlteracao": 1})
    )
    charge = made.json()
    assert made.status_code == 201, made.text
    assert len(charge["txid"]) == 32 and charge["calendario"]["expiracao"] == 86_400
    assert scene.shop.get(f"/cob/{charge['txid']}").json() == charge


def test_a_cobv_keeps_its_terms(scene: Scene) -> None:
    debtor = {
        **CARLA,
        "email": "c@example.com",
        "logradouro": "Rua A, 1",
        "cidade": "Recife",
        "uf": "PE",
        "cep": "70011750",
    }
    value = {
        "original": "123.45",
        # A number as text, as in the description's examples.
        "multa": {"modalidade": "2", "valorPerc": "15.00"},
        "juros": {"modalidade": 2, "valorPerc": "2.00"},
        "abatimento": {"modalidade": 1, "valorPerc": "3.00"},
        "desconto": {"modalidade": 1, "descontoDataFixa": [{"data": scene.due_day, "valorPerc": "30.00"}]},
    }
    charge = scene.shop.put(f"/cobv/{scene.txid()}", scene.body("cobv", devedor=debtor, valor=value)).json()
    assert charge["valor"] == {**value, "multa": {"modalidade": 2, "valorPerc": "15.00"}}
    assert charge["devedor"] == debtor and charge["recebedor"]["nome"] == "Ana Souza"
    assert charge["calendario"]["dataDeVencimento"] == scene.due_day
    assert charge["calendario"]["validadeAposVencimento"] == 30
    due = {"dataDeVencimento": scene.due_day}
    later = {
        "calendario": {**due, "validadeAposVencimento": 5},
        "valor": {"desconto": {"modalidade": 6, "valorPerc": "0.10"}},
    }
    changed = scene.shop.patch(f"/cobv/{charge['txid']}", later).json()
    assert changed["valor"] == {**charge["valor"], "desconto": {"modalidade": 6, "valorPerc": "0.10"}}
    assert changed["calendario"] == {**charge["calendario"], "validadeAposVencimento": 5}


def test_lists_have_filters_and_pages(scene: Scene) -> None:
    shop = scene.shop
    company = {"cnpj": "12ABC34501DE35", "nome": "Padaria"}
    first, second, third = scene.made("cob"), scene.made("cob", devedor=company), scene.removed("cob")
    shop.delete(f"/loc/{shop.get(f'/cob/{first}').json()['loc']['id']}/txid")

    def found(**filters: Any) -> list[str]:
        return [charge["txid"] for charge in shop.list("/cob", **filters).json()["cobs"]]

    assert found() == [first, second, third]
    assert found(cnpj="12ABC34501DE35") == [second] and found(cpf=CARLA["cpf"]) == [first, third]
    assert found(status="ATIVA") == [first, second]
    assert found(locationPresente="false") == [first] and found(locationPresente="true") == [second, third]
    page = shop.list("/cob", paginacao__itensPorPagina=2, paginacao__paginaAtual=1, status="ATIVA").json()
    assert page["cobs"] == [] and page["parametros"]["status"] == "ATIVA"
    assert page["parametros"]["paginacao"] == {
        "paginaAtual": 1, "itensPorPagina": 2, "quantidadeDePaginas": 1, "quantidadeTotalDeItens": 2,
    }  # fmt: skip
    assert found(fim="2021-01-01T00:00:00Z") == [] and shop.list("/cobv").json()["cobs"] == []


def test_a_location_is_made_before_its_charge_and_used_again(scene: Scene) -> None:
    shop = scene.shop
    made = shop.post("/loc", {"tipoCob": "cob"}).json()
    txid = scene.made("cob", loc={"id": made["id"]})
    assert shop.get(f"/cob/{txid}").json()["location"] == made["location"]
    assert shop.get(f"/loc/{made['id']}").json() == {**made, "txid": txid}
    free = scene.new_location("cobv")
    assert [each["id"] for each in shop.list("/loc", txIdPresente="false").json()["loc"]] == [free]
    assert [each["id"] for each in shop.list("/loc", tipoCob="cob").json()["loc"]] == [made["id"]]

    assert shop.delete(f"/loc/{made['id']}/txid").json() == made
    charge = shop.get(f"/cob/{txid}").json()
    assert charge["status"] == "ATIVA" and charge["revisao"] == 0
    assert not charge.keys() & {"loc", "location", "pixCopiaECola"}
    another = scene.made("cob", loc={"id": made["id"]})
    assert shop.get(f"/loc/{made['id']}").json()["txid"] == another


def test_a_batch_makes_what_it_can_and_says_what_it_denies(scene: Scene) -> None:
    shop, good, bad = scene.shop, scene.txid(), scene.txid()
    charges = [
        {**scene.body("cobv"), "txid": good},
        {**scene.body("cobv", chave=scene.other_key, valor={"original": "1.00"}), "txid": bad},
    ]
    batch_id = scene.batch(*charges)
    batch = shop.get(f"/lotecobv/{batch_id}").json()
    made, denied = batch["cobsv"]
    assert (batch["id"], batch["descricao"]) == (int(batch_id), "Turma A")
    assert (made["txid"], made["status"], "problema" in made) == (good, "CRIADA", False)
    assert (denied["txid"], denied["status"]) == (bad, "NEGADA")
    assert denied["problema"]["violacoes"][0]["propriedade"] == "cobv.chave"
    assert [charge["txid"] for charge in shop.list("/cobv", loteCobVId=batch_id).json()["cobs"]] == [good]

    charges[1]["chave"] = scene.key
    assert shop.put(f"/lotecobv/{batch_id}", {"descricao": "Turma B", "cobsv": charges}).status_code == 202
    change = {"cobsv": [{"txid": good, "valor": {"original": "110.00"}}]}
    assert shop.patch(f"/lotecobv/{batch_id}", change).status_code == 202
    batch = shop.get(f"/lotecobv/{batch_id}").json()
    assert batch["descricao"] == "Turma B" and [item["status"] for item in batch["cobsv"]] == ["CRIADA", "CRIADA"]
    assert shop.get(f"/cobv/{good}").json()["valor"]["original"] == "110.00"
    assert [each["id"] for each in shop.list("/lotecobv").json()["lotes"]] == [int(batch_id)]


def pay(
    bank: BankApplication, payer: Account, charge: dict[str, Any], amount_centavos: int, order: str = "first"
) -> str:
    return bank.request_transfer(
        account_number=payer.number,
        payee_key=parse_stored_key(charge["chave"]),
        payee_tax_id_masked=mask_tax_id(ANAS_CPF),
        amount_centavos=amount_centavos,
        description="Obrigado",
        idempotency_key=order,
        initiation=Initiation.QRDN,
        txid=charge["txid"],
    ).end_to_end_id


def test_a_charge_shows_the_pix_that_paid_it(
    scene: Scene, village: Village, ipe: BankApplication, bruno: Account
) -> None:
    shop = scene.shop
    terms = {"original": "20.00", "abatimento": {"modalidade": 2, "valorPerc": "10.00"}}
    charge = shop.get(f"/cobv/{scene.made('cobv', valor=terms)}").json()
    end_to_end_id = pay(ipe, bruno, charge, 18_00)
    village.deliver()
    paid = shop.get(f"/cobv/{charge['txid']}").json()
    [pix] = paid["pix"]
    assert paid["status"] == "CONCLUIDA"
    assert (pix["endToEndId"], pix["txid"], pix["valor"]) == (end_to_end_id, charge["txid"], "18.00")
    assert pix["componentesValor"] == {"original": {"valor": "20.00"}, "abatimento": {"valor": "2.00"}}
    assert [each["pix"][0]["valor"] for each in shop.list("/cobv", status="CONCLUIDA").json()["cobs"]] == ["18.00"]
    refused = shop.patch(f"/cobv/{charge['txid']}", REMOVED)
    assert refused.status_code == 400 and refused.json()["type"] == f"{TYPE}CobVOperacaoInvalida"


def test_withdrawals_are_not_offered(scene: Scene) -> None:
    withdrawal = {
        "saque": {"valor": "5.00", "modalidadeAgente": "AGPSS", "prestadorDoServicoDeSaque": "12345678"},
    }
    refused = scene.shop.post("/cob", scene.body("cob", valor={"original": "0.00", "retirada": withdrawal}))
    assert refused.status_code == 403 and refused.json()["type"] == f"{TYPE}AcessoNegado"
    assert "Pix Saque" in refused.json()["detail"]


def test_null_and_unknown_fields_are_as_if_left_out(scene: Scene) -> None:
    body = {**scene.body("cob", devedor=None, solicitacaoPagador=None), "meuCampo": 1}
    charge = scene.shop.put(f"/cob/{scene.txid()}", body).json()
    assert charge["status"] == "ATIVA" and not charge.keys() & {"devedor", "solicitacaoPagador", "meuCampo"}


@pytest.mark.parametrize("resource", ["cob", "cobv", "lotecobv", "loc"])
def test_a_token_does_what_its_scopes_say(
    scene: Scene, open_shop: OpenShop, aurora: BankApplication, ana: Account, resource: str
) -> None:
    scope = "payloadlocation" if resource == "loc" else resource
    reader = open_shop(aurora, ana, scopes=(f"{scope}.read",))
    writer = open_shop(aurora, ana, scopes=(f"{scope}.write",))
    path = f"/{resource}/{scene.made(resource)}" if resource in ("cob", "cobv") else f"/{resource}/1"
    assert reader.list(f"/{resource}").status_code == 200
    assert reader.get(path).status_code in (200, 404)
    for refused in (
        reader.request("POST", "/loc", json={"tipoCob": "cob"}),
        reader.delete("/loc/1/txid") if resource == "loc" else reader.patch(path, REMOVED),
        writer.get(path),
        writer.list(f"/{resource}"),
    ):
        assert refused.status_code == 403 and refused.json()["type"] == f"{TYPE}AcessoNegado"


def test_a_blocked_account_makes_no_charges(scene: Scene, aurora: BankApplication, ana: Account) -> None:
    aurora.block_account(account_number=ana.number)
    refused = scene.shop.post("/loc", {"tipoCob": "cob"})
    assert refused.status_code == 403 and "bloqueada" in refused.json()["detail"]


def test_texts_that_no_database_keeps_are_refused(shop_on_postgres: Shop) -> None:
    shop = shop_on_postgres
    key = merchant(shop.bank, shop.account).key
    scene = Scene(shop, shop, key, key)
    unfit = [{**scene.body("cobv", **{name: text}), "txid": scene.txid()} for name, text in UNFIT.items()]
    headers = {"Content-Type": "application/json"}
    for body in unfit:
        # Half a character can only be sent as an escape.
        refused = shop.request("PUT", f"/cobv/{body['txid']}", content=json.dumps(body), headers=headers)
        assert refused.status_code == 400 and refused.json()["violacoes"]
    batch = {"descricao": "Turma A", "cobsv": unfit}
    assert shop.request("PUT", "/lotecobv/7", content=json.dumps(batch), headers=headers).status_code == 202
    denied = shop.get("/lotecobv/7").json()["cobsv"]
    assert [each["status"] for each in denied] == ["NEGADA"] * len(UNFIT)


def test_charges_on_postgresql(shop_on_postgres: Shop) -> None:
    shop = shop_on_postgres
    key = merchant(shop.bank, shop.account).key
    scene = Scene(shop, shop, key, key)
    first = scene.made("cob")
    batch_id = scene.batch({**scene.body("cobv"), "txid": scene.txid()}, {**scene.body("cobv"), "txid": scene.txid()})
    shop.delete(f"/loc/{shop.get(f'/cob/{first}').json()['loc']['id']}/txid")
    assert [each["txid"] for each in shop.list("/cob", locationPresente="false").json()["cobs"]] == [first]
    assert [each["status"] for each in shop.get(f"/lotecobv/{batch_id}").json()["cobsv"]] == ["CRIADA", "CRIADA"]
    page = shop.list("/cobv", loteCobVId=batch_id, cpf=CARLA["cpf"], paginacao__itensPorPagina=1).json()
    assert len(page["cobs"]) == 1 and page["parametros"]["paginacao"]["quantidadeDePaginas"] == 2
    assert shop.patch(f"/cob/{first}", REMOVED).status_code == 200


def test_a_charge_that_is_paid_late_costs_fine_and_interest_from_the_next_working_day(clients: ExitStack) -> None:
    monday = date(2026, 11, 23)
    village = found_village(with_people=False, clock=TurnedClock(at_time_ms(monday, time(9))), is_virtual=True)
    shop = new_shop(clients, village, "001", "Ana Souza", ANAS_CPF, "ana@example.com")
    payer = new_shop(clients, village, "002", "Bruno Lima", BRUNOS_CPF, "bruno@example.com")
    late = {"multa": {"modalidade": 2, "valorPerc": "2.00"}, "juros": {"modalidade": 1, "valorPerc": "0.10"}}
    body = {
        "calendario": {"dataDeVencimento": "2026-11-27"},
        "devedor": CARLA,
        "valor": {"original": "100.00", **late},
        "chave": "ana@example.com",
    }
    charge = shop.put(f"/cobv/{'v' * 26}", body).json()

    def asked_on(day: date) -> int | None:
        move_until(village, at_time_ms(day, time(9)))
        return payer.bank.payable_codes.read(charge["pixCopiaECola"]).amount_centavos

    # Due on a Friday: the weekend is free, and Monday has three days of interest.
    assert [asked_on(date(2026, 11, day)) for day in (27, 29, 30)] == [100_00, 100_00, 102_30]
    too_little = pay(payer.bank, payer.account, charge, 100_00)
    village.deliver()
    failed = payer.bank.queries.find_transfer(too_little, Direction.OUTGOING)
    assert (failed.status, failed.reason) == (TransferStatus.FAILED, ReasonCode.AM09)
    pay(payer.bank, payer.account, charge, 102_30, "again")
    village.deliver()
    paid = shop.get(f"/cobv/{charge['txid']}").json()
    assert paid["status"] == "CONCLUIDA"
    assert paid["pix"][0]["componentesValor"] == {
        "original": {"valor": "100.00"}, "multa": {"valor": "2.00"}, "juros": {"valor": "0.30"},
    }  # fmt: skip
