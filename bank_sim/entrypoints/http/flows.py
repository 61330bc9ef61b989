"""The flows beside transfers over HTTP: a new flow is a line in each table here."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from bank_sim.domain.flows.returns.requests import ReturnNotFound
from bank_sim.entrypoints.http.api import returns
from pix.web.problems import ProblemKind, ProblemTable

FLOW_ROUTERS: Final[tuple[APIRouter, ...]] = (returns.router,)
"""Their REST APIs."""

FLOW_PROBLEMS: Final[ProblemTable] = {
    ReturnNotFound: ProblemKind("return-not-found", 404, "The return does not exist"),
}
"""Their errors."""
