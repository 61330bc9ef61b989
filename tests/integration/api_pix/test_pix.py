"""Received Pix and their returns over the API: in a village in memory, and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

from bank_sim.domain.charges.amounts import FIXED
from bank_sim.domain.charges.model import DueDate, Modality
from bank_sim.domain.flows.transfer.model import changed
from pix.scheme.days import DAY_MS
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from tests.integration.api_pix.conftest import Shop
from tests.support.bank import World
from tests.support.bank_returns import ReturnsWorld
from tests.support.charges import DUE_DAY, cobv, confirm, merchant, offer

ANAS_KEY = "ana@example.com"
TYPE = "https://pix.bcb.gov.br/api/v2/error/"


def credited_days_ago(shop: Shop, end_to_end_id: str, days: int) -> None:
    assert shop.village is not None
    place = (end_to_end_id, Direction.INCOMING)
    with shop.village.units[shop.bank.identity.code]() as unit:
        row = unit.transfers.lock([place])[place]
        assert row.decided_at_ms is not None
        unit.transfers.save([changed(row, decided_at_ms=row.decided_at_ms - days * DAY_MS)])
        unit.commit()


def test_a_received_pix_is_found_by_its_id_and_by_nobody_else(shop: Shop, other_shop: Shop) -> None:
    e2eid = shop.receive(other_shop, ANAS_KEY, 1_234, "Pedido 7", txid="pedido7")
    answer = shop.get(f"/pix/{e2eid}")
    assert answer.status_code == 200
    pix = answer.json()
    horario = datetime.fromisoformat(pix.pop("horario"))
    assert abs((datetime.now(UTC) - horario).total_seconds()) < 60
    assert pix == {
        "endToEndId": e2eid,
        "txid": "pedido7",
        "valor": "12.34",
        "componentesValor": {"original": {"valor": "12.34"}},
        "chave": ANAS_KEY,
        "infoPagador": "Pedido 7",
    }
    for stranger, named in ((other_shop, e2eid), (shop, e2eid[:-1]), (shop, "no-id"), (shop, "D" + e2eid[1:])):
        answer = stranger.get(f"/pix/{named}")
        assert answer.status_code == 404
        assert answer.json()["type"] == f"{TYPE}PixNaoEncontrado"


def test_the_list_is_narrowed_by_each_filter_and_paged(shop: Shop, other_shop: Shop) -> None:
    plain = shop.receive(other_shop, ANAS_KEY, 100)
    with_txid = shop.receive(other_shop, ANAS_KEY, 200, txid="pedido7")
    returned = shop.receive(other_shop, ANAS_KEY, 300)
    shop.put(f"/pix/{returned}/devolucao/1", {"valor": "1.00"})
    long_ago = shop.receive(other_shop, ANAS_KEY, 400)
    credited_days_ago(shop, long_ago, 10)
    bruno = other_shop.account.tax_id

    def ids(**params: object) -> list[str]:
        answer = shop.list("/pix", **params)
        assert answer.status_code == 200, answer.text
        return [pix["endToEndId"] for pix in answer.json()["pix"]]

    assert ids()[0] == long_ago and set(ids()[1:]) == {plain, with_txid, returned}
    assert ids(txid="pedido7") == ids(txIdPresente="true") == [with_txid]
    assert set(ids(txIdPresente="false")) == {plain, returned, long_ago}
    assert ids(devolucaoPresente="true") == [returned]
    assert len(ids(devolucaoPresente="false")) == 3
    assert len(ids(cpf=bruno)) == 4 and ids(cpf=shop.account.tax_id) == []
    day_ago = datetime.fromtimestamp(datetime.now(UTC).timestamp() - 86_400, UTC)
    # As a client sends it that does not encode the plus of the offset.
    assert long_ago not in ids(inicio=f"{day_ago:%Y-%m-%dT%H:%M:%S} 00:00") and len(ids()) == 4
    assert ids(fim=f"{day_ago:%Y-%m-%dT%H:%M:%SZ}") == [long_ago]

    page = shop.list("/pix", paginacao__itensPorPagina=3, paginacao__paginaAtual=1, cpf=bruno).json()
    assert len(page["pix"]) == 1
    assert page["parametros"] == {
        "inicio": "2020-01-01T00:00:00.000Z",
        "fim": "2099-12-31T23:59:59.000Z",
        "cpf": bruno,
        "paginacao": {
            "paginaAtual": 1,
            "itensPorPagina": 3,
            "quantidadeDePaginas": 2,
            "quantidadeTotalDeItens": 4,
        },
    }
    empty = other_shop.list("/pix").json()
    assert empty["pix"] == [] and empty["parametros"]["paginacao"]["quantidadeDePaginas"] == 1


def test_a_pix_is_returned_in_parts_and_the_same_order_twice_is_one_return(shop: Shop, other_shop: Shop) -> None:
    e2eid = shop.receive(other_shop, ANAS_KEY, 1_000)
    order = {"valor": "4.00", "natureza": "ORIGINAL", "descricao": "Faltou um item"}
    first = shop.put(f"/pix/{e2eid}/devolucao/a1", order)
    assert first.status_code == 201
    shown = first.json()
    assert shown["status"] == "EM_PROCESSAMENTO" and shown["rtrId"].startswith("D")
    assert (shown["id"], shown["valor"], shown["descricao"]) == ("a1", "4.00", "Faltou um item")
    again = shop.put(f"/pix/{e2eid}/devolucao/a1", order)
    assert again.status_code == 201 and again.json() == shown

    assert shop.village is not None
    shop.village.deliver()
    done = shop.get(f"/pix/{e2eid}/devolucao/a1").json()
    assert done["status"] == "DEVOLVIDO" and done["horario"]["liquidacao"]
    assert shop.put(f"/pix/{e2eid}/devolucao/b", {"valor": "6.00"}).status_code == 201
    shop.village.deliver()
    listed = shop.get(f"/pix/{e2eid}").json()["devolucoes"]
    assert [(each["id"], each["valor"], each["status"]) for each in listed] == [
        ("a1", "4.00", "DEVOLVIDO"),
        ("b", "6.00", "DEVOLVIDO"),
    ]
    assert other_shop.bank.queries.find_account(other_shop.account.number).balance_centavos == 5_000
    assert shop.put(f"/pix/{e2eid}/devolucao/a1", order).json() == done


def test_a_return_of_the_bank_itself_is_shown_by_its_return_id(shop: Shop, other_shop: Shop) -> None:
    e2eid = shop.receive(other_shop, ANAS_KEY, 1_000)
    row = shop.bank.returns.request(
        account_number=shop.account.number,
        original_end_to_end_id=e2eid,
        amount_centavos=1_000,
        description="",
        idempotency_key="by the bank",
        reason=ReasonCode.FR01,
    )
    found = shop.get(f"/pix/{e2eid}/devolucao/{row.return_id}").json()
    assert (found["id"], found["natureza"]) == (row.return_id, "MED_FRAUDE")
    assert other_shop.get(f"/pix/{e2eid}/devolucao/{row.return_id}").status_code == 404


BROKEN_ORDERS: tuple[tuple[dict[str, object], str], ...] = (
    ({"valor": "10,00"}, "devolucao.valor"),
    ({"valor": "0.00"}, "devolucao.valor"),
    ({"valor": 10}, "devolucao.valor"),
    ({}, "devolucao.valor"),
    ({"valor": "20.01"}, "devolucao.valor"),
    ({"valor": "1.00", "natureza": "RETIRADA"}, "devolucao.natureza"),
    ({"valor": "1.00", "natureza": "MED_FRAUDE"}, "devolucao.natureza"),
    ({"valor": "1.00", "descricao": "x" * 141}, "devolucao.descricao"),
)


def test_an_order_that_breaks_a_rule_is_refused_and_moves_nothing(shop: Shop, other_shop: Shop) -> None:
    e2eid = shop.receive(other_shop, ANAS_KEY, 2_000)
    for body, place in BROKEN_ORDERS:
        answer = shop.put(f"/pix/{e2eid}/devolucao/1", body)
        assert answer.status_code == 400
        problem = answer.json()
        assert problem["type"] == f"{TYPE}PixDevolucaoInvalida"
        assert [each["propriedade"] for each in problem["violacoes"]] == [place]
        assert all(each["razao"] for each in problem["violacoes"])
    assert shop.bank.queries.find_account(shop.account.number).balance_centavos == 102_000


def test_another_merchant_cannot_return_a_pix(shop: Shop, other_shop: Shop) -> None:
    e2eid = shop.receive(other_shop, ANAS_KEY, 2_000)
    answer = other_shop.put(f"/pix/{e2eid}/devolucao/1", {"valor": "1.00"})
    assert (answer.status_code, answer.json()["type"]) == (404, f"{TYPE}PixNaoEncontrado")
    assert shop.get(f"/pix/{e2eid}/devolucao/1").json()["type"] == f"{TYPE}PixDevolucaoNaoEncontrada"


def test_day_90_can_be_returned_and_day_91_not(shop: Shop, other_shop: Shop) -> None:
    in_time, late = shop.receive(other_shop, ANAS_KEY, 100), shop.receive(other_shop, ANAS_KEY, 100)
    credited_days_ago(shop, in_time, 90)
    credited_days_ago(shop, late, 91)
    assert shop.put(f"/pix/{in_time}/devolucao/1", {"valor": "1.00"}).status_code == 201
    answer = shop.put(f"/pix/{late}/devolucao/1", {"valor": "1.00"})
    assert answer.status_code == 400 and "90 dias" in answer.json()["detail"]


def test_a_failed_return_says_so_and_frees_its_part_on_postgres(
    shop_on_postgres: Shop, world_on_postgres: World
) -> None:
    shop, world = shop_on_postgres, world_on_postgres
    returns = ReturnsWorld(world)
    original = returns.received(shop.account, 20_00)
    first = shop.put(f"/pix/{original.end_to_end_id}/devolucao/1", {"valor": "20.00"}).json()
    row = returns.row(first["rtrId"], Direction.OUTGOING)
    world.hear(returns.outcome_of(row, ReasonCode.AC07))
    failed = shop.get(f"/pix/{original.end_to_end_id}/devolucao/1").json()
    assert failed["status"] == "NAO_REALIZADO" and "AC07" in failed["motivo"]
    world.clock.turn(1)
    assert shop.put(f"/pix/{original.end_to_end_id}/devolucao/2", {"valor": "20.00"}).status_code == 201
    listed = shop.list("/pix", devolucaoPresente="true").json()["pix"]
    assert [each["id"] for each in listed[0]["devolucoes"]] == ["1", "2"]


def test_the_amount_of_a_charge_with_a_due_date_is_shown_in_its_parts(
    shop_on_postgres: Shop, world_on_postgres: World
) -> None:
    shop, world = shop_on_postgres, world_on_postgres
    terms = DueDate(DUE_DAY, valid_days_after=30, rebate=Modality(FIXED, 2_00))
    charge, _ = shop.bank.charges.create(cobv(shop.account, merchant(shop.bank, shop.account), terms=terms))
    offered = offer(world, shop.account, charge, 18_00)
    world.hear(offered)
    confirm(world, offered)
    (pix,) = shop.list("/pix", txid=charge.txid).json()["pix"]
    assert (pix["txid"], pix["valor"]) == (charge.txid, "18.00")
    assert pix["componentesValor"] == {"original": {"valor": "20.00"}, "abatimento": {"valor": "2.00"}}
