"""The payloads of dynamic codes, as payers' banks fetch them: signed, without authentication, beside the key set.

Source: the Central Bank's API Pix, tag CobPayload. A token cannot be guessed, so it stands in no list and needs no
other secret beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from bank_sim.domain.charges import errors
from bank_sim.domain.charges.model import ChargeKind
from bank_sim.domain.charges.municipalities import is_municipality_code
from bank_sim.domain.charges.payload import KEY_SET_PATH, PAYLOAD_PATH
from bank_sim.entrypoints.http.api_pix.errors import ErrorKind, PixApiError, Violation
from bank_sim.entrypoints.http.site import Site, SiteOf
from pix.runtime.outages import DatabaseUnavailable

JOSE: Final = "application/jose"
GONE: Final = 410
KEY_SET_SECONDS: Final = 300
"""How long a payer's bank may keep the key set."""

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MUNICIPALITY: Final = re.compile(r"[0-9]{7}")

router = APIRouter(include_in_schema=False)


@router.get(KEY_SET_PATH)
def key_set(site: SiteOf) -> Response:
    """The public keys with which payloads are verified (JWK set)."""
    with _answering():
        keys = site.bank.payable_codes.sign.key_set()
    return JSONResponse(keys, headers={"Cache-Control": f"public, max-age={KEY_SET_SECONDS}"})


@router.get(f"{PAYLOAD_PATH}/{{token}}")
def immediate(site: SiteOf, token: str) -> Response:
    """The payload of a cob."""
    return _serve(site, token, ChargeKind.IMMEDIATE, None)


@router.get(f"{PAYLOAD_PATH}/cobv/{{token}}")
def with_due_date(
    site: SiteOf,
    token: str,
    municipality: Annotated[str | None, Query(alias="codMun")] = None,
    day: Annotated[str | None, Query(alias="DPP")] = None,
) -> Response:
    """The payload of a cobv, with the amount of the day on which it is to be paid (`DPP`).

    `codMun`, where the payer lives, is checked and changes nothing: holidays of municipalities are not known.
    """
    return _serve(site, token, ChargeKind.DUE_DATE, _read_query(municipality, day))


def _serve(site: Site, token: str, kind: ChargeKind, day: date | None) -> Response:
    with _answering():
        sealed = site.bank.payable_codes.sign(site.bank.charges.payload(token, kind, day))
    return Response(sealed, media_type=JOSE, headers={"Cache-Control": "no-store"})


@contextmanager
def _answering() -> Iterator[None]:
    """Turns what goes wrong into the API's problems. Raises PixApiError."""
    try:
        yield
    except errors.PayloadNotFound:
        raise PixApiError(ErrorKind.CobPayloadNaoEncontrado, detail="Não há cobrança nesta location.") from None
    except errors.PayloadExpired:
        detail = "A cobrança desta location não pode mais ser paga."
        raise PixApiError(ErrorKind.CobPayloadNaoEncontrado, detail, status=GONE) from None
    except errors.PaymentDayInPast:
        raise _violation("DPP", "A data de pagamento pretendida já passou.") from None
    except errors.PaymentDayTooLate:
        raise _violation("DPP", "Nesta data a cobrança não poderá mais ser paga.") from None
    except DatabaseUnavailable:
        detail = "O banco não consegue responder agora. Tente novamente em instantes."
        raise PixApiError(ErrorKind.ServicoIndisponivel, detail, headers={"Retry-After": "1"}) from None


def _read_query(municipality: str | None, day: str | None) -> date | None:
    """The day, if one is named. Raises PixApiError."""
    if municipality is not None:
        if _MUNICIPALITY.fullmatch(municipality) is None:
            raise _violation("codMun", "O código do município tem sete dígitos.", municipality)
        if not is_municipality_code(municipality):
            raise _violation("codMun", "O código não é de um município da tabela do IBGE.", municipality)
    if day is None:
        return None
    try:
        return date.fromisoformat(day if _DAY.fullmatch(day) else "")
    except ValueError:
        raise _violation("DPP", "A data deve ter o formato AAAA-MM-DD.", day) from None


def _violation(name: str, reason: str, value: str = "") -> PixApiError:
    return PixApiError(ErrorKind.CobPayloadOperacaoInvalida, violations=[Violation(reason, name, value)])
