"""Each flow over HTTP: `router` and `PROBLEMS` in the module of `api` that has the name of the flow, in the plural."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from fastapi import APIRouter

from bank_sim.domain.flows import FLOWS
from pix.web.problems import ProblemTable

_MODULES: Final = [import_module(f"{__package__}.api.{flow.name}s") for flow in FLOWS]

FLOW_ROUTERS: Final[tuple[APIRouter, ...]] = tuple(module.router for module in _MODULES)

FLOW_PROBLEMS: Final[ProblemTable] = {error: kind for module in _MODULES for error, kind in module.PROBLEMS.items()}
