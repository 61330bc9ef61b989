"""The violations of received Pix and their returns."""

from __future__ import annotations

from typing import Final

from httpx2 import Response

from bank_sim.entrypoints.http.api_pix.errors import ErrorKind
from tests.integration.api_pix.cases_charges import list_cases
from tests.integration.api_pix.scene import Scene
from tests.integration.api_pix.test_pix import credited_days_ago
from tests.integration.api_pix.violations import Case

RETURN: Final = "PUT /pix/{e2eid}/devolucao/{id}: "
INVALID: Final = ErrorKind.PixDevolucaoInvalida


def _returned(scene: Scene, *amounts: str, number: str = "1") -> Response:
    """The answer to the last of these returns of a Pix of 10.00."""
    end_to_end_id = scene.received()
    answers = [
        scene.shop.put(f"/pix/{end_to_end_id}/devolucao/{number or place}", {"valor": amount})
        for place, amount in enumerate(amounts)
    ]
    return answers[-1]


def _too_late(scene: Scene) -> Response:
    end_to_end_id = scene.received()
    credited_days_ago(scene.shop, end_to_end_id, 91)
    return scene.shop.put(f"/pix/{end_to_end_id}/devolucao/1", {"valor": "1.00"})


CASES: Final = {
    **list_cases("/pix", ErrorKind.PixConsultaInvalida, has_debtor=True),
    f"{RETURN}amount": Case(lambda scene: _returned(scene, "1,00"), INVALID, "devolucao.valor"),
    f"{RETURN}sum": Case(lambda scene: _returned(scene, "6.00", "4.01", number=""), INVALID, "devolucao.valor"),
    f"{RETURN}id taken": Case(lambda scene: _returned(scene, "1.00", "2.00"), INVALID, "id"),
    f"{RETURN}window": Case(_too_late, INVALID, "e2eid"),
}
