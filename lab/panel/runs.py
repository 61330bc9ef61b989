"""The pages of the run history, each run as a report to print and to share, and as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from lab.panel.operator_sign_in import require_sign_in
from lab.panel.problems import NotThere
from lab.panel.site import Shown, ShownOf
from lab.panel.views import NUMBER_NAMES
from lab.read.report import read_audit
from pix.web.site import PagesOf
from pix.web.spreadsheets import as_file

router = APIRouter(include_in_schema=False, dependencies=[Depends(require_sign_in)])


@router.get("/runs")
def list_runs(request: Request, lab: ShownOf, pages: PagesOf) -> Response:
    return pages.page(request, "lab/runs.html", {"runs": lab.history.list(), "section": "/runs"})


@router.get("/runs/{number}.json")
def as_json(lab: ShownOf, number: int) -> Response:
    """The run as `GET /api/v1/act` told it."""
    text = json.dumps(_find(lab, number), ensure_ascii=False, indent=2)
    return as_file([text], f"run-{number}.json")


@router.get("/runs/{number}.html")
def as_html(request: Request, lab: ShownOf, pages: PagesOf, number: int) -> Response:
    """The report as one file, with its own looks: to be sent, kept or printed elsewhere."""
    text = pages.html(request, "lab/report.html", _context(lab, number))
    return as_file([text], f"run-{number}.html")


@router.get("/runs/{number}")
def show_run(request: Request, lab: ShownOf, pages: PagesOf, number: int) -> Response:
    return pages.page(request, "lab/run.html", _context(lab, number))


def _find(lab: Shown, number: int) -> Mapping[str, Any]:
    found = lab.history.find(number)
    if found is None:
        raise NotThere("number", "No run has this number.")
    return found


def _context(lab: Shown, number: int) -> dict[str, Any]:
    run = _find(lab, number)
    return {
        "run": run,
        "report": None if run["audit"] is None else read_audit(run["audit"]),
        "number_names": NUMBER_NAMES,
        "section": "/runs",
    }
