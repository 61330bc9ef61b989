"""The logos of the network's banks, by name and colour as the hub lists them."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Final

from fastapi import APIRouter, HTTPException, Path, Response

from bank_sim.entrypoints.http.site import SiteOf
from pix.web.logo import mark_of, svg
from pix.web.palette import derive_palette

KEPT: Final = {"Cache-Control": "public, max-age=3600"}
"""A bank that joins again may have another color."""

router = APIRouter(include_in_schema=False)


@router.get("/logos/{ispb}.svg")
def show(site: SiteOf, ispb: Annotated[str, Path(max_length=8)]) -> Response:
    """The logo of the bank with this ISPB; 404 for one that is not in the network."""
    own = site.bank.identity
    if ispb == own.ispb:
        return _picture(own.name, own.color)
    participant = site.bank.queries.participants().get(ispb)
    if participant is None:
        raise HTTPException(404)
    return _picture(participant.name, participant.color)


def _picture(name: str, color: str) -> Response:
    return Response(_drawn(name, color), media_type="image/svg+xml", headers=KEPT)


@lru_cache(maxsize=64)
def _drawn(name: str, color: str) -> str:
    palette = derive_palette(color, "light")
    return svg(mark_of(name), palette["brand"], palette["on-brand"])
