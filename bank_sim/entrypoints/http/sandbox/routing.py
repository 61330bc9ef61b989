"""How the routers of the sandbox are made."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends

from bank_sim.entrypoints.http.api.routing import ERRORS
from bank_sim.entrypoints.http.site import operator_of_bank

PREFIX: Final = "/sandbox"


def sandbox_router() -> APIRouter:
    """Outside demo mode the operator's alone."""
    return APIRouter(prefix=PREFIX, tags=["sandbox"], responses=ERRORS, dependencies=[Depends(operator_of_bank)])
