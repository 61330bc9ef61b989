"""The violations of charges, batches and locations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from httpx2 import Response

from bank_sim.entrypoints.http.api_pix.errors import ErrorKind
from tests.integration.api_pix.scene import REMOVED, Scene
from tests.integration.api_pix.violations import Case

COB: Final = ErrorKind.CobOperacaoInvalida
COBV: Final = ErrorKind.CobVOperacaoInvalida
BATCH: Final = ErrorKind.LoteCobVOperacaoInvalida

Body = dict[str, Any]
Ask = Callable[[Scene], Response | list[Response]]


def both(resource: str, broken: Callable[[Scene], Body]) -> Ask:
    """A PUT of a charge with these fields in its body, and a PATCH with nothing else."""

    def ask(scene: Scene) -> list[Response]:
        fields = broken(scene)
        whole = scene.body(resource, **fields)
        return [
            scene.shop.put(f"/{resource}/{scene.txid()}", whole),
            scene.shop.patch(f"/{resource}/{scene.made(resource)}", fields),
        ]

    return ask


def charge_cases(resource: str, kind: ErrorKind) -> dict[str, Case]:
    """What cob and cobv have in common."""
    other = "cobv" if resource == "cob" else "cob"
    put, patch = f"PUT /{resource}/{{txid}}: ", f"PATCH /{resource}/{{txid}}: "
    common: Mapping[str, tuple[Callable[[Scene], Body], str]] = {
        "amount": (lambda scene: {"valor": {"original": "10,00"}}, "valor.original"),
        "zero": (lambda scene: {"valor": {"original": "0.00"}}, "valor.original"),
        "debtor": (lambda scene: {"devedor": {"cpf": "52998224724", "nome": "Carla"}}, "devedor"),
        "key": (lambda scene: {"chave": "ana at example"}, "chave"),
        "key of another": (lambda scene: {"chave": scene.other_key}, "chave"),
        "request": (lambda scene: {"solicitacaoPagador": "?" * 141}, "solicitacaoPagador"),
        "details": (lambda scene: {"infoAdicionais": [{"nome": "Pedido"}]}, "infoAdicionais.0.valor"),
        "no location": (lambda scene: {"loc": {"id": 987_654}}, "loc.id"),
        "location taken": (lambda scene: {"loc": {"id": scene.location_of(resource)}}, "loc.id"),
        f"location of a {other}": (lambda scene: {"loc": {"id": scene.new_location(other)}}, "loc.id"),
    }
    return {
        **{
            f"PUT, PATCH /{resource}/{{txid}}: {name}": Case(both(resource, broken), kind, f"{resource}.{place}")
            for name, (broken, place) in common.items()
        },
        f"{put}not active": Case(
            lambda scene: scene.shop.put(f"/{resource}/{scene.removed(resource)}", scene.body(resource)),
            kind,
            f"{resource}.status",
        ),
        f"{patch}not active": Case(
            lambda scene: scene.shop.patch(f"/{resource}/{scene.removed(resource)}", {"solicitacaoPagador": "Nome"}),
            kind,
            f"{resource}.status",
        ),
        f"{patch}removal with changes": Case(
            lambda scene: scene.shop.patch(f"/{resource}/{scene.made(resource)}", {**REMOVED, "loc": {"id": 1}}),
            kind,
            f"{resource}.status",
        ),
        f"{patch}status": Case(
            lambda scene: scene.shop.patch(f"/{resource}/{scene.made(resource)}", {"status": "CONCLUIDA"}),
            kind,
            f"{resource}.status",
        ),
        f"GET /{resource}/{{txid}}: revision": Case(
            lambda scene: scene.shop.get(f"/{resource}/{scene.made(resource)}", revisao=7),
            ErrorKind.CobConsultaInvalida if resource == "cob" else ErrorKind.CobVConsultaInvalida,
            "revisao",
        ),
    }


def list_cases(path: str, kind: ErrorKind, *, has_debtor: bool = False) -> dict[str, Case]:
    """What every list refuses."""
    found = {
        "schema": Case(lambda scene: scene.shop.list(path, inicio="ontem"), kind, "inicio"),
        "period": Case(
            lambda scene: scene.shop.list(path, inicio="2026-02-01T00:00:00Z", fim="2026-01-01T00:00:00Z"), kind, "fim"
        ),
        "page": Case(lambda scene: scene.shop.list(path, paginacao__paginaAtual=-1), kind, "paginacao.paginaAtual"),
        "size": Case(
            lambda scene: scene.shop.list(path, paginacao__itensPorPagina=-1), kind, "paginacao.itensPorPagina"
        ),
    }
    if has_debtor:
        found["cpf and cnpj"] = Case(
            lambda scene: scene.shop.list(path, cpf="52998224725", cnpj="12ABC34501DE35"), kind, "cpf"
        )
    return {f"GET {path}: {name}": case for name, case in found.items()}


def value(**parts: Any) -> Callable[[Scene], Body]:
    return lambda scene: {"valor": {"original": "100.00", **parts}}


def discount(kind: int, **parts: Any) -> Callable[[Scene], Body]:
    return value(desconto={"modalidade": kind, **parts})


def days(*values: tuple[str, str]) -> dict[str, Any]:
    return {"descontoDataFixa": [{"data": day, "valorPerc": amount} for day, amount in values]}


def due_date_cases() -> dict[str, Case]:
    """What cobv has beside cob."""
    due = "2099-12-30"
    found: Mapping[str, tuple[Callable[[Scene], Body], str]] = {
        "due date": (lambda scene: {"calendario": {"dataDeVencimento": "2020-01-02"}}, "calendario.dataDeVencimento"),
        "validity": (
            lambda scene: {"calendario": {"dataDeVencimento": scene.due_day, "validadeAposVencimento": -1}},
            "calendario.validadeAposVencimento",
        ),
        "fine": (value(multa={"modalidade": 3, "valorPerc": "1.00"}), "valor.multa.modalidade"),
        "interest": (value(juros={"modalidade": 9, "valorPerc": "1.00"}), "valor.juros.modalidade"),
        "rebate": (value(abatimento={"modalidade": 1, "valorPerc": "1"}), "valor.abatimento.valorPerc"),
        "discount": (discount(7, valorPerc="1.00"), "valor.desconto.modalidade"),
        "rebate of all": (value(abatimento={"modalidade": 2, "valorPerc": "100.00"}), "valor.abatimento"),
        "discount of all": (
            lambda scene: discount(1, **days((scene.due_day, "100.00")))(scene),
            "valor.desconto",
        ),
        "discount after due date": (discount(1, **days((due, "1.00"))), "valor.desconto.descontoDataFixa"),
        "days with value": (
            lambda scene: discount(2, valorPerc="1.00", **days((scene.due_day, "1.00")))(scene),
            "valor.desconto",
        ),
        "days missing": (discount(1, descontoDataFixa=[]), "valor.desconto"),
        "value missing": (discount(5), "valor.desconto"),
        "value with days": (
            lambda scene: discount(3, valorPerc="0.01", **days((scene.due_day, "1.00")))(scene),
            "valor.desconto",
        ),
    }
    return {
        **{
            f"PUT, PATCH /cobv/{{txid}}: {name}": Case(both("cobv", broken), COBV, f"cobv.{place}")
            for name, (broken, place) in found.items()
        },
        "PUT, PATCH /cobv/{txid}: in a batch": Case(_in_a_batch, COBV, "txid"),
    }


def _in_a_batch(scene: Scene) -> list[Response]:
    txid = scene.txid()
    scene.batch({**scene.body("cobv", devedor={"nome": "Carla"}), "txid": txid})
    return [
        scene.shop.put(f"/cobv/{txid}", scene.body("cobv")),
        scene.shop.patch(f"/cobv/{txid}", {"solicitacaoPagador": "Nome"}),
    ]


def _batch_of(scene: Scene, body: Body) -> list[Response]:
    made = scene.batch({**scene.body("cobv"), "txid": scene.txid()})
    return [scene.shop.put(f"/lotecobv/{scene.batch_id()}", body), scene.shop.patch(f"/lotecobv/{made}", body)]


def _charge_exists(scene: Scene) -> Response:
    body = {"descricao": "Turma B", "cobsv": [{**scene.body("cobv"), "txid": scene.made("cobv")}]}
    return scene.shop.put(f"/lotecobv/{scene.batch_id()}", body)


def _other_charges(scene: Scene) -> Response:
    made = scene.batch({**scene.body("cobv"), "txid": scene.txid()})
    body = {"descricao": "Turma B", "cobsv": [{**scene.body("cobv"), "txid": scene.txid()}]}
    return scene.shop.put(f"/lotecobv/{made}", body)


def _other_charge(scene: Scene) -> Response:
    made = scene.batch({**scene.body("cobv"), "txid": scene.txid()})
    return scene.shop.patch(f"/lotecobv/{made}", {"cobsv": [{"txid": scene.txid(), "solicitacaoPagador": "Nome"}]})


def _problem(scene: Scene, **broken: Any) -> Any:
    """The `problema` of a charge that a batch denies."""
    made = scene.batch({**scene.body("cobv", **broken), "txid": scene.txid()})
    [item] = scene.shop.get(f"/lotecobv/{made}").json()["cobsv"]
    assert item["status"] == "NEGADA"
    return item["problema"]


CASES: Final = {
    **charge_cases("cob", COB),
    "PUT, PATCH /cob/{txid}: expiry": Case(
        both("cob", lambda scene: {"calendario": {"expiracao": 0}}), COB, "cob.calendario.expiracao"
    ),
    **list_cases("/cob", ErrorKind.CobConsultaInvalida, has_debtor=True),
    **charge_cases("cobv", COBV),
    **due_date_cases(),
    **list_cases("/cobv", ErrorKind.CobVConsultaInvalida, has_debtor=True),
    "PUT, PATCH /lotecobv/{id}: description": Case(
        lambda scene: _batch_of(scene, {"descricao": 7, "cobsv": [{**scene.body("cobv"), "txid": scene.txid()}]}),
        BATCH,
        "lotecobv.descricao",
    ),
    "PUT, PATCH /lotecobv/{id}: charges": Case(
        lambda scene: _batch_of(scene, {"descricao": "Turma A", "cobsv": [{"txid": "curto"}]}), BATCH, "lotecobv.cobsv"
    ),
    "PUT /lotecobv/{id}: charge exists": Case(_charge_exists, BATCH, "txid"),
    "PUT /lotecobv/{id}: other charges": Case(_other_charges, BATCH, "txid"),
    "PATCH /lotecobv/{id}: other charge": Case(_other_charge, BATCH, "txid"),
    "GET /lotecobv/{id}: problem": Case(lambda scene: _problem(scene, devedor={"nome": "Carla"}), COBV, "cobv.devedor"),
    "GET /lotecobv/{id}: problem as of cobv": Case(
        lambda scene: _problem(scene, calendario={"dataDeVencimento": "2020-01-02"}),
        COBV,
        "cobv.calendario.dataDeVencimento",
    ),
    **list_cases("/lotecobv", ErrorKind.LoteCobVConsultaInvalida),
    "POST /loc: kind": Case(
        lambda scene: scene.shop.post("/loc", {"tipoCob": "boleto"}),
        ErrorKind.PayloadLocationOperacaoInvalida,
        "payloadlocation.tipoCob",
    ),
    **list_cases("/loc", ErrorKind.PayloadLocationConsultaInvalida),
}
