"""The 92 violations that the Central Bank's description lists for the operations that are not recurring.

Each has a key, by which a case provokes it. Cases are in the modules `cases_*` of this package: a module has a mapping
`CASES` by key. `test_violations.py` runs them all, and prints how many there are.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from httpx2 import Response

import tests.integration.api_pix as package
from bank_sim.entrypoints.http.api_pix.errors import ErrorKind

COMMON: Final = {
    "schema": "a parameter breaks the schema",
    "period": "fim lies before inicio",
    "page": "paginacao.paginaAtual is negative",
    "size": "paginacao.itensPorPagina is negative",
}
WITH_DEBTOR: Final = {**COMMON, "cpf and cnpj": "both cpf and cnpj are given"}

RULES: Final[Mapping[str, Mapping[str, str]]] = {
    "PUT, PATCH /cob/{txid}": {
        "expiry": "calendario.expiracao is zero or less",
        "amount": "valor.original breaks the schema",
        "zero": "valor.original is zero",
        "debtor": "devedor breaks the schema",
        "key": "chave breaks the schema",
        "key of another": "chave belongs to another customer's account",
        "request": "solicitacaoPagador breaks the schema",
        "details": "infoAdicionais breaks the schema",
        "no location": "loc.id names no location",
        "location taken": "loc.id names the location of another charge",
        "location of a cobv": "loc.id names a location for charges with a due date",
    },
    "PUT /cob/{txid}": {"not active": "the charge exists and is not ATIVA"},
    "PATCH /cob/{txid}": {
        "not active": "the charge is not ATIVA",
        "removal with changes": "the charge is removed and changed at once",
        "status": "status breaks the schema",
    },
    "GET /cob": WITH_DEBTOR,
    "GET /cob/{txid}": {"revision": "the charge has no such revision"},
    "PUT, PATCH /cobv/{txid}": {
        "in a batch": "a batch has the txid and has not made the charge",
        "due date": "calendario.dataDeVencimento lies before the creation",
        "validity": "calendario.validadeAposVencimento is negative",
        "debtor": "devedor breaks the schema",
        "key": "chave breaks the schema",
        "key of another": "chave belongs to another customer's account",
        "request": "solicitacaoPagador breaks the schema",
        "details": "infoAdicionais breaks the schema",
        "no location": "loc.id names no location",
        "location taken": "loc.id names the location of another charge",
        "location of a cob": "loc.id names a location for immediate charges",
        "amount": "valor.original breaks the schema",
        "zero": "valor.original is zero",
        "fine": "valor.multa breaks the schema",
        "interest": "valor.juros breaks the schema",
        "rebate": "valor.abatimento breaks the schema",
        "discount": "valor.desconto breaks the schema",
        "rebate of all": "valor.abatimento takes the whole amount",
        "discount of all": "an element of valor.desconto takes the whole amount",
        "discount after due date": "a day of valor.desconto lies after the due date",
        "days with value": "valor.desconto of kind 1 or 2 has valorPerc",
        "days missing": "valor.desconto of kind 1 or 2 has no descontoDataFixa",
        "value missing": "valor.desconto of kind 3 to 6 has no valorPerc",
        "value with days": "valor.desconto of kind 3 to 6 has descontoDataFixa",
    },
    "PUT /cobv/{txid}": {"not active": "the charge exists and is not ATIVA"},
    "PATCH /cobv/{txid}": {
        "not active": "the charge is not ATIVA",
        "removal with changes": "the charge is removed and changed at once",
        "status": "status breaks the schema",
    },
    "GET /cobv": WITH_DEBTOR,
    "GET /cobv/{txid}": {"revision": "the charge has no such revision"},
    "PUT, PATCH /lotecobv/{id}": {
        "description": "descricao breaks the schema",
        "charges": "cobsv breaks the schema",
    },
    "PUT /lotecobv/{id}": {
        "charge exists": "a charge of a new batch exists already",
        "other charges": "the charges are not those with which the batch was made",
    },
    "PATCH /lotecobv/{id}": {"other charge": "a charge is not one of those with which the batch was made"},
    "GET /lotecobv/{id}": {
        "problem": "a charge that is NEGADA has its problema",
        "problem as of cobv": "problema names the violation as PUT and PATCH /cobv/{txid} do",
    },
    "GET /lotecobv": COMMON,
    "POST /loc": {"kind": "tipoCob breaks the schema"},
    "GET /loc": COMMON,
    "GET /pix": WITH_DEBTOR,
    "PUT /pix/{e2eid}/devolucao/{id}": {
        "amount": "valor breaks the schema",
        "sum": "with earlier returns the sum would exceed the Pix",
        "id taken": "another return of the Pix has the id",
        "window": "the Pix was settled more than 90 days ago",
    },
    "PUT /webhook/{chave}": {
        "no key": "chave is not a key of the directory",
        "key of another": "chave belongs to another customer",
        "url": "webhookUrl breaks the schema",
    },
    "GET /webhook": COMMON,
    "GET /qr/v2/cobv/{token}": {
        "municipality schema": "codMun breaks the schema",
        "municipality": "codMun is no code of IBGE's table",
        "day schema": "DPP breaks the schema",
        "day passed": "DPP lies in the past",
        "day too late": "DPP lies after the last day on which the charge can be paid",
    },
}
"""By operation, then by a name of ours: the rule, in our words."""

KEYS: Final = tuple(f"{operation}: {name}" for operation, rules in RULES.items() for name in rules)
"""Such as "GET /cob: period"."""

LEFT_OUT: Final[Mapping[str, str]] = {}
"""By key: why it has no case."""


@dataclass(frozen=True, slots=True)
class Case:
    """How a violation comes about, and the answer: `property` is the `propriedade` of one of its `violacoes`.

    `ask` takes the Scene of test_violations.py: `scene.shop` and `scene.other_shop` (see conftest.py), and more there.
    Several requests, such as a PUT and a PATCH, all have to be answered in the same way.
    """

    ask: Callable[[Any], Response | list[Response]]
    kind: ErrorKind
    property: str


def cases() -> dict[str, Case]:
    """Those of all modules, by key."""
    found: dict[str, Case] = {}
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("cases_"):
            added: Mapping[str, Case] = importlib.import_module(f"{package.__name__}.{module.name}").CASES
            assert not found.keys() & added.keys(), "each violation has one case"
            found |= added
    return found
