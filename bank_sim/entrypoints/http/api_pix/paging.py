"""What the lists of the API have in common: a period, pages, and the filter by CPF or CNPJ."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Query, Request

from bank_sim.entrypoints.http.api_pix.errors import PixApiError, Violation, invalid_kind
from bank_sim.entrypoints.http.api_pix.texts import rfc3339

PAGE_SIZE_DEFAULT: Final = 100
PAGE_SIZE_MAX: Final = 1_000
PAGE_MAX: Final = 2**31 - 1
"""The file says int32."""
TIME_LENGTH_MAX: Final = 40
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_CPF: Final = re.compile(r"[0-9]{11}")
_CNPJ: Final = re.compile(r"[0-9A-Z]{12}[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page; the first is 0."""

    page: int
    size: int

    @property
    def skip(self) -> int:
        return self.page * self.size


@dataclass(frozen=True, slots=True)
class Period:
    """Unix milliseconds, both included."""

    from_ms: int
    to_ms: int


async def paging(
    page: Annotated[int, Query(alias="paginacao.paginaAtual", ge=0, le=PAGE_MAX)] = 0,
    size: Annotated[int, Query(alias="paginacao.itensPorPagina", ge=1, le=PAGE_SIZE_MAX)] = PAGE_SIZE_DEFAULT,
) -> Paging:
    """`paginacao.paginaAtual` and `paginacao.itensPorPagina`."""
    return Paging(page, size)


async def period(
    request: Request,
    inicio: Annotated[str, Query(max_length=TIME_LENGTH_MAX)],
    fim: Annotated[str, Query(max_length=TIME_LENGTH_MAX)],
) -> Period:
    """`inicio` and `fim`, times of RFC 3339. Raises PixApiError."""
    from_ms, to_ms = parse_rfc3339(inicio), parse_rfc3339(fim)
    violations = [
        Violation("O campo deve ser uma data com hora e fuso (RFC 3339), como 2026-11-29T10:00:00Z.", name, text)
        for name, text, at_ms in (("inicio", inicio, from_ms), ("fim", fim, to_ms))
        if at_ms is None
    ]
    if from_ms is not None and to_ms is not None and to_ms < from_ms:
        violations.append(Violation("O parâmetro fim não pode ser anterior a inicio.", "fim", fim))
    if violations or from_ms is None or to_ms is None:
        raise PixApiError(invalid_kind(request), violations=violations)
    return Period(from_ms, to_ms)


async def optional_period(
    request: Request,
    inicio: Annotated[str | None, Query(max_length=TIME_LENGTH_MAX)] = None,
    fim: Annotated[str | None, Query(max_length=TIME_LENGTH_MAX)] = None,
) -> Period | None:
    """The same where a list may have no period; a missing end is open. Raises PixApiError."""
    if inicio is None and fim is None:
        return None
    return await period(request, inicio or "0001-01-02T00:00:00Z", fim or "9999-12-30T00:00:00Z")


async def tax_id(
    request: Request,
    cpf: Annotated[str | None, Query(max_length=40)] = None,
    cnpj: Annotated[str | None, Query(max_length=40)] = None,
) -> str:
    """The filter by `cpf` or by `cnpj`; empty without one. Raises PixApiError, also for both."""
    violations = []
    if cpf is not None and not _CPF.fullmatch(cpf):
        violations.append(Violation("O CPF deve ter 11 dígitos.", "cpf", cpf))
    if cnpj is not None and not _CNPJ.fullmatch(cnpj):
        violations.append(Violation("O CNPJ deve ter 14 caracteres.", "cnpj", cnpj))
    if cpf is not None and cnpj is not None:
        violations.append(Violation("Os parâmetros cpf e cnpj não podem ser usados ao mesmo tempo.", "cpf", cpf))
    if violations:
        raise PixApiError(invalid_kind(request), violations=violations)
    return cpf or cnpj or ""


PagingOf = Annotated[Paging, Depends(paging)]
PeriodOf = Annotated[Period, Depends(period)]
OptionalPeriodOf = Annotated[Period | None, Depends(optional_period)]
TaxIdOf = Annotated[str, Depends(tax_id)]


def parse_rfc3339(text: str) -> int | None:
    """Unix milliseconds; None for what is no time of RFC 3339 with an offset."""
    # A plus that was not escaped arrives as a space.
    plain = re.sub(r" (?=\d\d:\d\d$)", "+", text)
    if not _RFC3339.fullmatch(plain):
        return None
    try:
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", plain.upper()))
        seconds = int(at.replace(microsecond=0).timestamp())
    except (ValueError, OverflowError):
        return None
    return seconds * 1_000 + at.microsecond // 1_000


def paging_document(given: Period | None, page: Paging, total: int, **filters: Any) -> dict[str, Any]:
    """The `parametros` of a list: the period, the filters that were used (None and empty: not), and the pages."""
    document: dict[str, Any] = {}
    if given is not None:
        document |= {"inicio": rfc3339(given.from_ms), "fim": rfc3339(given.to_ms)}
    document |= {name: value for name, value in filters.items() if value not in (None, "")}
    document["paginacao"] = {
        "paginaAtual": page.page,
        "itensPorPagina": page.size,
        "quantidadeDePaginas": max(1, -(-total // page.size)),
        "quantidadeTotalDeItens": total,
    }
    return document
