"""Pix Automático: the operations of its tags exist and answer that this bank does not offer them yet."""

from __future__ import annotations

from typing import Final, NoReturn

from fastapi import APIRouter, Request

from bank_sim.entrypoints.http.api_pix.access import authenticated
from bank_sim.entrypoints.http.api_pix.errors import ErrorKind, PixApiError

OPERATIONS: Final = (
    ("POST", "/locrec"),
    ("GET", "/locrec"),
    ("GET", "/locrec/{location_id}"),
    ("DELETE", "/locrec/{location_id}/idRec"),
    ("PUT", "/webhookrec"),
    ("GET", "/webhookrec"),
    ("DELETE", "/webhookrec"),
    ("PUT", "/webhookcobr"),
    ("GET", "/webhookcobr"),
    ("DELETE", "/webhookcobr"),
    ("GET", "/rec/{recurrence_id}"),
    ("PATCH", "/rec/{recurrence_id}"),
    ("GET", "/rec"),
    ("POST", "/rec"),
    ("POST", "/solicrec"),
    ("GET", "/solicrec/{request_id}"),
    ("PATCH", "/solicrec/{request_id}"),
    ("PUT", "/cobr/{txid}"),
    ("PATCH", "/cobr/{txid}"),
    ("GET", "/cobr/{txid}"),
    ("POST", "/cobr"),
    ("GET", "/cobr"),
    ("POST", "/cobr/{txid}/retentativa/{day}"),
)
"""With the public `GET /rec/{token}` below they are the 24 operations of the recurring tags."""

router = APIRouter()
public_router = APIRouter(include_in_schema=False)


def _refuse(request: Request) -> NoReturn:
    authenticated(request)
    raise PixApiError(ErrorKind.AcessoNegado, "Este banco ainda não oferece o Pix Automático pela API.")


for _method, _path in OPERATIONS:
    router.add_api_route(_path, _refuse, methods=[_method], response_model=None)


@public_router.get("/qr/v2/rec/{token}", response_model=None)
def recurrence_payload(token: str) -> NoReturn:
    """The payload of a recurrence's location: there is none."""
    raise PixApiError(ErrorKind.RecPayloadNaoEncontrado, "Nenhuma recorrência é servida nesta location.")
