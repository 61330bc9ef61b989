"""The Central Bank's description of the API Pix as the judge of requests and answers.

The file stands beside the project (`../shared/pix-api/openapi.yaml` from its root), and is no part of it. Without it
`SMALL` is the judge: a table of our own of the operations, their statuses and the fields that their answers need.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import jsonschema_rs
import yaml

from tests.unit.house.repository import ROOT

FILE: Final = ROOT.parent / "shared" / "pix-api" / "openapi.yaml"
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
RECURRING: Final = ("/locrec", "/rec", "/solicrec", "/cobr", "/webhookrec", "/webhookcobr")
PAYLOADS: Final = {"/{pixUrlAccessToken}": "/qr/v2/{token}", "/cobv/{pixUrlAccessToken}": "/qr/v2/cobv/{token}"}
"""The two operations that the description places on a server of their own, and where they are here."""

Document = dict[str, Any]


def _strip_slashes(schemas: Document) -> None:
    """Patterns are written as JavaScript's literals: with their slashes no text can match them."""

    def visit(part: Any) -> None:
        if isinstance(part, dict):
            pattern = part.get("pattern")
            if isinstance(pattern, str) and pattern.startswith("/") and pattern.endswith("/"):
                part["pattern"] = pattern[1:-1]
            for each in part.values():
                visit(each)
        elif isinstance(part, list):
            for each in part:
                visit(each)

    visit(schemas)


def _free_payee(schemas: Document) -> None:
    """The address of `recebedor` is demanded of the charge itself, too."""
    del schemas["DadosRecebedor"]["required"]


def _free_location_kind(schemas: Document) -> None:
    """`loc` of a request must have a `tipoCob` that its schema does not know, and that no example has."""
    schemas["PayloadLocationCob"]["required"].remove("tipoCob")


def _free_unbound(schemas: Document) -> None:
    """A cobv must have a `location`, and DELETE /loc/{id}/txid takes it away."""
    schemas["CobVGerada"]["required"].remove("location")


def _part_discounts(schemas: Document) -> None:
    """Of the two forms of `desconto` the first demands nothing, so whatever is the second one is both."""
    schemas["CobVValor"]["properties"]["desconto"]["oneOf"][0]["required"] = ["descontoDataFixa"]


def _free_location_form(schemas: Document) -> None:
    """A location has no scheme, also in the description's example, and yet the format of a URI."""
    for name in ("PayloadLocation", "PayloadLocationCompleta"):
        del schemas[name]["properties"]["location"]["format"]
    for part in schemas["CobGerada"]["allOf"]:
        part.get("properties", {}).get("location", {}).pop("format", None)


def _count_details(schemas: Document) -> None:
    """`maximum` of an array says nothing; `maxItems` is meant."""
    details = schemas["CobBase"]["properties"]["infoAdicionais"]
    details["maxItems"] = details.pop("maximum")


def _free_short_txids(schemas: Document) -> None:
    """A Pix may have the txid of a static code (1 to 35 characters), and at once that of a charge (26 to 35)."""
    for name in ("Pix", "ParametrosConsultaPix"):
        txid = schemas[name]["properties"]["txid"]
        txid["allOf"] = [part for part in txid["allOf"] if "$ref" not in part]


def _name_pix(schemas: Document) -> None:
    """The list of Pix must have `cobs`, where its schema has `pix`."""
    schemas["PixConsultados"]["required"] = ["parametros", "pix"]


def _free_company(schemas: Document) -> None:
    """A webhook must have the `cnpj` of its merchant, who may be a person."""
    schemas["WebhookCompleto"]["required"].remove("cnpj")


CORRECTIONS: Final[tuple[Callable[[Document], None], ...]] = (
    _strip_slashes,
    _free_payee,
    _free_location_kind,
    _free_unbound,
    _part_discounts,
    _free_location_form,
    _count_details,
    _free_short_txids,
    _name_pix,
    _free_company,
)
"""Where the description contradicts itself; the docstring of each says how."""

UNDECLARED: Final[Mapping[int, str]] = {
    400: "a list or a revision that breaks a rule has the kind …ConsultaInvalida, which the text names for GET",
    401: "without a valid token: RFC 6750, and clients ask for a new token then",
    403: "a location's server knows no access; elsewhere every operation declares it",
    404: "an address that does not exist",
    405: "RFC 9110: the address has other methods",
    410: "PermanentementeRemovido and the payload of a charge that is gone, which the text names",
    413: "RFC 9110: a body over the bound",
    415: "RFC 9110: a body that is no JSON",
    429: "RFC 6585: over the credential's rate limit",
}
"""Answers that an operation may give and does not declare, and why. All are problem documents."""


@lru_cache(maxsize=1)
def description() -> Document | None:
    """The description with the corrections; None without the file."""
    if not FILE.exists():
        return None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: Document = yaml.load(FILE.read_text(encoding="utf-8"), loader)
    for correct in CORRECTIONS:
        correct(document["components"]["schemas"])
    return document


def operations() -> dict[tuple[str, str], Document]:
    """Those that are not recurring, by method and path; the payloads at the paths that they have here."""
    document = description()
    assert document is not None
    found = {}
    for path, methods in document["paths"].items():
        if not path.startswith(RECURRING):
            for method, operation in methods.items():
                if method in ("get", "put", "post", "patch", "delete"):
                    found[method.upper(), PAYLOADS.get(path, f"/v2{path}")] = operation
    return found


def operation_of(method: str, path: str) -> tuple[str, str] | None:
    """The operation that serves a path."""
    for key in _paths():
        if key[0] == method and _paths()[key].fullmatch(path):
            return key
    return None


@lru_cache(maxsize=1)
def _paths() -> dict[tuple[str, str], re.Pattern[str]]:
    keys = operations() if description() else SMALL
    # A path without parameters comes before one that would take it for a parameter.
    ordered = sorted(keys, key=lambda key: key[1].count("{"))
    return {key: re.compile(re.sub(r"\{[^}]*\}", "[^/]+", key[1])) for key in ordered}


@lru_cache(maxsize=256)
def _validator(pointer: str) -> jsonschema_rs.Draft202012Validator:
    document = description()
    assert document is not None
    schema = {"$ref": f"#{pointer}", **document}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def faults_of_answer(method: str, path: str, status: int, content_type: str, body: Any) -> list[str]:
    """What is wrong with an answer of an operation; nothing for a path that is none of the description's."""
    key = operation_of(method, path)
    if key is None:
        return []
    media_type = content_type.partition(";")[0]
    if description() is None:
        return small_faults(key, status, body)
    declared = operations()[key]["responses"].get(str(status))
    if declared is None:
        if status not in UNDECLARED:
            return [f"{method} {path} does not declare {status}"]
        return [] if method == "HEAD" else _problem_faults(media_type, body)
    if status >= 400:
        return _problem_faults(media_type, body)
    content = declared.get("content")
    if not content:
        return []
    if media_type not in content:
        return [f"{method} {path} declares no {media_type} of {status}"]
    pointer = _pointer(key, "responses", str(status), "content", media_type, "schema")
    return [f"{_place(error)}: {error.message}"[:300] for error in _validator(pointer).iter_errors(body)]


def faults_of_request(method: str, path: str, body: Any) -> list[str]:
    """What is wrong with the body of a request by the description, but for what the API takes beyond it.

    It takes null for a field that is left out, and digits in a text for a whole number.
    """
    key = operation_of(method, path)
    if key is None or description() is None or "requestBody" not in operations()[key]:
        return []
    pointer = _pointer(key, "requestBody", "content", JSON, "schema")
    return [f"{_place(error)}: {error.message}"[:300] for error in _validator(pointer).iter_errors(strict(body))]


def strict(body: Any) -> Any:
    """A body as the description wants it."""
    if isinstance(body, dict):
        numbers = ("modalidade", "modalidadeAlteracao", "expiracao", "validadeAposVencimento", "id")
        found = {name: strict(value) for name, value in body.items() if value is not None}
        for name in numbers:
            if isinstance(found.get(name), str) and re.fullmatch(r"-?[0-9]+", found[name]):
                found[name] = int(found[name])
        return found
    return [strict(each) for each in body] if isinstance(body, list) else body


def faults_of_webhook(body: Any) -> list[str]:
    """What is wrong with the body that a bank posts to a webhook."""
    if description() is None:
        names = ("endToEndId", "valor", "horario")
        return [f"{name} is missing" for pix in body["pix"] for name in names if name not in pix]
    schema = "/components/requestBodies/WebhookPixBody/content/application~1json/schema"
    return [f"{_place(error)}: {error.message}"[:300] for error in _validator(schema).iter_errors(body)]


def _problem_faults(media_type: str, body: Any) -> list[str]:
    if media_type != PROBLEM:
        return [f"an error has the media type {PROBLEM}, not {media_type}"]
    found = _validator("/components/schemas/Problema").iter_errors(body)
    return [f"{_place(error)}: {error.message}"[:300] for error in found]


def _place(error: Any) -> str:
    return ".".join(str(part) for part in error.instance_path)


def _pointer(key: tuple[str, str], *parts: str) -> str:
    """The JSON pointer of a part of an operation, with its references followed."""
    document = description()
    assert document is not None
    paths = {shown: path for path, shown in PAYLOADS.items()}
    path = paths.get(key[1]) or key[1].removeprefix("/v2")
    pointer = ["paths", path, key[0].lower()]
    node = document["paths"][path][key[0].lower()]
    for part in parts:
        pointer.append(part)
        node = node[part]
        while isinstance(node, dict) and "$ref" in node:
            pointer = node["$ref"].removeprefix("#/").split("/")
            node = document
            for each in pointer:
                node = node[each]
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in pointer)


def for_schemathesis() -> Document:
    """The description of the 27 operations at their paths here, each with the errors that it does not declare."""
    document = copy.deepcopy(description())
    assert document is not None
    document["servers"] = [{"url": "/"}]
    problem = {"description": "", "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problema"}}}}
    paths: Document = {}
    for path, methods in document["paths"].items():
        if path.startswith(RECURRING):
            continue
        methods.pop("servers", None)
        for method in set(methods) - {"parameters"}:
            operation = methods[method]
            operation.pop("servers", None)
            for status in UNDECLARED:
                operation["responses"].setdefault(str(status), problem)
            if path in PAYLOADS:
                # A JWS, and no JSON that a schema could judge.
                operation["responses"]["200"]["content"] = {"application/jose": {}}
        here = f"/qr/v2{path}" if path in PAYLOADS else f"/v2{path}"
        paths[here] = methods
    document["paths"] = paths
    return document


CHARGE: Final = ("calendario", "txid", "revisao", "status", "valor", "chave")
LIST: Final = ("parametros",)
SMALL: Final[Mapping[tuple[str, str], Mapping[int, tuple[str, ...]]]] = {
    ("PUT", "/v2/cob/{txid}"): {201: CHARGE},
    ("PATCH", "/v2/cob/{txid}"): {200: CHARGE},
    ("GET", "/v2/cob/{txid}"): {200: CHARGE},
    ("POST", "/v2/cob"): {201: CHARGE},
    ("GET", "/v2/cob"): {200: (*LIST, "cobs")},
    ("PUT", "/v2/cobv/{txid}"): {201: (*CHARGE, "devedor", "recebedor")},
    ("PATCH", "/v2/cobv/{txid}"): {200: (*CHARGE, "devedor", "recebedor")},
    ("GET", "/v2/cobv/{txid}"): {200: (*CHARGE, "devedor", "recebedor")},
    ("GET", "/v2/cobv"): {200: (*LIST, "cobs")},
    ("PUT", "/v2/lotecobv/{id}"): {202: ()},
    ("PATCH", "/v2/lotecobv/{id}"): {202: ()},
    ("GET", "/v2/lotecobv/{id}"): {200: ("id", "descricao", "criacao", "cobsv")},
    ("GET", "/v2/lotecobv"): {200: (*LIST, "lotes")},
    ("POST", "/v2/loc"): {201: ("id", "location", "tipoCob", "criacao")},
    ("GET", "/v2/loc"): {200: (*LIST, "loc")},
    ("GET", "/v2/loc/{id}"): {200: ("id", "location", "tipoCob", "criacao")},
    ("DELETE", "/v2/loc/{id}/txid"): {200: ("id", "location", "tipoCob", "criacao")},
    ("GET", "/v2/pix/{e2eid}"): {200: ("endToEndId", "valor", "horario")},
    ("GET", "/v2/pix"): {200: (*LIST, "pix")},
    ("PUT", "/v2/pix/{e2eid}/devolucao/{id}"): {201: ("id", "rtrId", "valor", "horario", "status")},
    ("GET", "/v2/pix/{e2eid}/devolucao/{id}"): {200: ("id", "rtrId", "valor", "horario", "status")},
    ("PUT", "/v2/webhook/{chave}"): {200: ()},
    ("GET", "/v2/webhook/{chave}"): {200: ("webhookUrl", "chave", "criacao")},
    ("DELETE", "/v2/webhook/{chave}"): {204: ()},
    ("GET", "/v2/webhook"): {200: (*LIST, "webhooks")},
    ("GET", "/qr/v2/{token}"): {200: ()},
    ("GET", "/qr/v2/cobv/{token}"): {200: ()},
}
"""The 27 operations, with the fields that a success must have."""


def small_faults(key: tuple[str, str], status: int, body: Any) -> list[str]:
    if status >= 400:
        needed: tuple[str, ...] = ("type", "title", "status")
    elif status in SMALL[key]:
        needed = SMALL[key][status]
    else:
        return [f"{key} does not declare {status}"]
    return [f"{name} is missing" for name in needed if not isinstance(body, dict) or name not in body]


def judge(client: Any) -> None:
    """From now on every answer that the client gets, and every body that is taken, is held to the description."""

    def look(response: Any) -> None:
        response.read()
        request = response.request
        body: Any = response.text
        if "json" in response.headers.get("content-type", "") and response.content:
            body = response.json()
        media_type = response.headers.get("content-type", "")
        faults = faults_of_answer(request.method, request.url.path, response.status_code, media_type, body)
        assert not faults, (request.method, str(request.url), response.status_code, faults)
        # A batch is taken with the charges that it denies.
        is_judged = operation_of(request.method, request.url.path) and "/lotecobv/" not in request.url.path
        if response.is_success and is_judged and request.content:
            faults = faults_of_request(request.method, request.url.path, json.loads(request.content))
            assert not faults, (request.method, str(request.url), faults)

    client.event_hooks["response"].append(look)
