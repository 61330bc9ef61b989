"""Every answer under `/v2` that is no success is a problem document of the API."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.api_pix_options import ApiPixOptions, ProfileName
from bank_sim.entrypoints.http.api_pix import BATCH_BODY_BYTES_MAX
from bank_sim.entrypoints.http.app import create_app
from pix.runtime.outages import DatabaseUnavailable
from pix.web.problems import BODY_BYTES_MAX
from tests.integration.api_pix.conftest import PERIOD, OpenShop, Shop
from tests.support.village import VillageSettings

TYPE = "https://pix.bcb.gov.br/api/v2/error/"
RETURN = "/pix/E1/devolucao/1"


def check_problem(answer: Any, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"].endswith(kind) and problem["status"] == status
    assert problem["title"] and problem["detail"]
    assert problem["correlationId"]
    return problem


def test_addresses_methods_and_bodies_that_do_not_fit(shop: Shop) -> None:
    text = {"Content-Type": "text/plain"}
    check_problem(shop.get("/nothing"), 404, "/NaoEncontrado")
    check_problem(shop.client.get("/v2"), 404, "/NaoEncontrado")
    check_problem(shop.client.get("/oauth/nothing"), 404, "/NaoEncontrado")
    refused = shop.delete("/pix")
    check_problem(refused, 405, ":MetodoNaoPermitido")
    assert refused.headers["allow"] == "GET, HEAD, OPTIONS"
    check_problem(shop.request("PUT", RETURN, content=b"valor", headers=text), 415, ":FormatoNaoSuportado")
    check_problem(shop.request("PUT", RETURN), 400, "/PixDevolucaoInvalida")
    json = {"Content-Type": "application/json"}
    for content in (b"{", b"\xff", b"[" * 50_000, b'{"valor": NaN}', b"null", b"[]", b'"x"'):
        check_problem(shop.request("PUT", RETURN, content=content, headers=json), 400, "/PixDevolucaoInvalida")
    assert shop.get("/pix/%00").json()["type"].endswith("bad-address")


def test_a_body_over_the_limit_is_refused_and_a_batch_may_have_a_larger_one(shop: Shop) -> None:
    json = {"Content-Type": "application/json"}
    too_large = b" " * (BODY_BYTES_MAX + 1)
    check_problem(shop.request("PUT", RETURN, content=too_large, headers=json), 413, ":CorpoGrandeDemais")
    check_problem(shop.client.post("/oauth/token", content=too_large), 413, ":CorpoGrandeDemais")
    chunks = (b" " * 1024 for _ in range(BODY_BYTES_MAX // 1024 + 1))
    check_problem(shop.request("PUT", RETURN, content=chunks, headers=json), 413, ":CorpoGrandeDemais")
    assert shop.request("PUT", "/lotecobv/1", content=too_large, headers=json).status_code != 413
    too_large = b" " * (BATCH_BODY_BYTES_MAX + 1)
    check_problem(shop.request("PUT", "/lotecobv/1", content=too_large, headers=json), 413, ":CorpoGrandeDemais")


BROKEN_QUERIES: tuple[tuple[dict[str, str | None], str, str], ...] = (
    ({"inicio": None}, "inicio", ""),
    ({"inicio": "ontem"}, "inicio", "ontem"),
    ({"inicio": "2026-01-01"}, "inicio", "2026-01-01"),
    ({"inicio": "2026-13-01T00:00:00Z"}, "inicio", "2026-13-01T00:00:00Z"),
    ({"fim": "2019-01-01T00:00:00Z"}, "fim", "2019-01-01T00:00:00Z"),
    ({"paginacao.paginaAtual": "-1"}, "paginacao.paginaAtual", "-1"),
    ({"paginacao.paginaAtual": "x"}, "paginacao.paginaAtual", "x"),
    ({"paginacao.paginaAtual": "9" * 30}, "paginacao.paginaAtual", "9" * 30),
    ({"paginacao.itensPorPagina": "0"}, "paginacao.itensPorPagina", "0"),
    ({"paginacao.itensPorPagina": "-1"}, "paginacao.itensPorPagina", "-1"),
    ({"paginacao.itensPorPagina": "1001"}, "paginacao.itensPorPagina", "1001"),
    ({"cpf": "52998224725", "cnpj": "12ABC34501DE35"}, "cpf", "52998224725"),
    ({"cpf": "529.982.247-25"}, "cpf", "529.982.247-25"),
    ({"txid": "com espaço"}, "txid", "com espaço"),
    ({"txIdPresente": "talvez"}, "txIdPresente", "talvez"),
)


def test_a_query_that_breaks_a_rule_names_parameter_and_value(shop: Shop) -> None:
    for params, place, value in BROKEN_QUERIES:
        query = {name: text for name, text in {**PERIOD, **params}.items() if text is not None}
        problem = check_problem(shop.request("GET", "/pix", params=query), 400, "/PixConsultaInvalida")
        (violation,) = problem["violacoes"]
        assert violation["propriedade"] == place and violation["valor"] == value
        assert violation["razao"].endswith(".")


def test_all_broken_rules_are_named_at_once(shop: Shop) -> None:
    query = {"inicio": "x", "fim": "y", "paginacao.paginaAtual": "-1"}
    assert len(shop.request("GET", "/pix", params=query).json()["violacoes"]) >= 1
    body = {"valor": "x", "natureza": "y"}
    problem = check_problem(shop.put(RETURN, body), 400, "/PixDevolucaoInvalida")
    assert [each["propriedade"] for each in problem["violacoes"]] == ["devolucao.valor", "devolucao.natureza"]


class AwayReceipts:
    """Received Pix while the database is away, or while the code has a fault."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def list(self, *_: object) -> None:
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (DatabaseUnavailable("away"), 503, "/ServicoIndisponivel"),
        (RuntimeError("a secret of ours"), 500, "/ErroInternoDoServidor"),
    ],
)
def test_an_outage_and_a_fault_of_ours_reveal_nothing(shop: Shop, error: Exception, status: int, kind: str) -> None:
    receipts: Any = AwayReceipts(error)
    bank = replace(shop.bank, receipts=receipts)
    app = create_app(bank, VillageSettings())
    with TestClient(app, raise_server_exceptions=False) as shop.client:
        answer = shop.list("/pix")
    problem = check_problem(answer, status, kind)
    assert "secret" not in str(problem)


def test_pages_of_other_origins_may_call_only_where_it_is_set(
    open_shop: OpenShop, aurora: BankApplication, ana: Account
) -> None:
    origin = "https://shop.example"
    asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    closed = open_shop(aurora, ana)
    assert "access-control-allow-origin" not in closed.client.options("/v2/pix", headers=asked).headers
    opened = open_shop(aurora, ana, options=ApiPixOptions(cors_origins=(origin,)))
    preflight = opened.client.options("/v2/pix", headers=asked)
    assert preflight.status_code == 200 and preflight.headers["access-control-allow-origin"] == origin
    answer = opened.request("GET", "/pix", params=PERIOD, headers={"Origin": origin})
    assert answer.headers["access-control-allow-origin"] == origin
    stranger = {**asked, "Origin": "https://evil.example"}
    assert "access-control-allow-origin" not in opened.client.options("/v2/pix", headers=stranger).headers


def test_a_prefix_and_a_profile_are_settings(open_shop: OpenShop, aurora: BankApplication, ana: Account) -> None:
    plain = open_shop(aurora, ana)
    check_problem(plain.request("GET", "/pix/", params=PERIOD), 404, "/NaoEncontrado")
    assert plain.client.get("/api/pix/v2/pix").status_code == 404
    options = ApiPixOptions(prefix="/api/pix", profile=ProfileName.EFI)
    shop = open_shop(aurora, ana, options=options)
    assert shop.request("GET", "/pix/", params=PERIOD).status_code == 200
    token = shop.client.post(
        "/api/pix/oauth/token", json={"grant_type": "client_credentials"}, auth=(shop.credential_id, shop.secret)
    ).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert shop.client.get("/api/pix/v2/pix", params=PERIOD, headers=bearer).status_code == 200
    assert shop.client.get("/api/pix/v1/accounts").status_code == 404
    assert shop.client.get("/api/v1/accounts").status_code == 200
