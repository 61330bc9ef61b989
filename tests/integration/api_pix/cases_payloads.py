"""The violations of the payload of a charge with a due date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final

from httpx2 import Response

from bank_sim.entrypoints.http.api_pix.errors import ErrorKind
from tests.integration.api_pix.violations import Case

OPERATION: Final = "GET /qr/v2/cobv/{token}"


def asked(**query: str) -> Callable[[Any], Response]:
    """Asks for the payload of a charge with these parameters; `later` is a day long after its due date."""

    def ask(scene: Any) -> Response:
        charge = scene.shop.get(f"/cobv/{scene.made('cobv')}").json()
        path = "/" + charge["loc"]["location"].partition("/")[2]
        late = (date.fromisoformat(charge["calendario"]["dataDeVencimento"]) + timedelta(days=400)).isoformat()
        params = {name: value.replace("later", late) for name, value in query.items()}
        response: Response = scene.shop.client.get(path, params=params)
        return response

    return ask


CASES: Final = {
    f"{OPERATION}: {name}": Case(asked(**query), ErrorKind.CobPayloadOperacaoInvalida, next(iter(query)))
    for name, query in {
        "municipality schema": {"codMun": "355030"},
        "municipality": {"codMun": "3550309"},
        "day schema": {"DPP": "31/12/2026"},
        "day passed": {"DPP": "2020-01-01"},
        "day too late": {"DPP": "later"},
    }.items()
}
