"""The scenario builder: a form that makes a scenario file, which the panel plays and `codepix scenario FILE` too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, File, Request, Response, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from lab.panel.operator_sign_in import require_sign_in
from lab.panel.site import LabOf, Laboratory
from lab.panel.views import bank_mark
from lab.prove.scenarios.from_file import (
    FILE_BYTES_MAX,
    PAYMENTS_MAX,
    SECONDS_MAX,
    FaultKind,
    ScenarioFileInvalid,
    parse,
    scenario_of,
)
from pix.web.htmx import see_other
from pix.web.languages import translate
from pix.web.marks import translatable
from pix.web.site import PagesOf, no_forgery
from pix.web.spreadsheets import as_file
from pix.web.templates import language_of

router = APIRouter(include_in_schema=False, dependencies=[Depends(require_sign_in), Depends(no_forgery)])

FAULT_ROWS: Final = 6
"""Rows of the form for faults; a file may have more, which the command plays."""
UNPROCESSABLE: Final = 422
TITLE: Final = translatable("A bank is away for a while")
EXAMPLE: Final[Mapping[str, Any]] = {
    "traffic": {"payments": 30, "per_second": 10.0},
    "faults": [{"at_seconds": 1.0, "part": "bank-003", "kind": "kill", "for_seconds": 5.0}],
}


@router.get("/scenarios/new")
def show_builder(request: Request, lab: LabOf, pages: PagesOf) -> Response:
    return pages.page(request, "lab/builder.html", _context(lab, _example(request)))


@router.post("/scenarios/new")
async def build(request: Request, lab: LabOf, pages: PagesOf) -> Response:
    """The button that was pressed says what is made of the form: `play` it, or `save` it as a file."""
    form = await request.form()
    sent = _sent(form)
    try:
        file = parse(sent)
    except ScenarioFileInvalid as error:
        return pages.page(request, "lab/builder.html", _context(lab, sent, error), status=UNPROCESSABLE)
    if form.get("act") == "save":
        return as_file([file.text()], f"{file.name}.json")
    await run_in_threadpool(lab.tasks.run, scenario_of(file))
    return see_other(request, "/")


@router.post("/scenarios/load")
async def load(request: Request, lab: LabOf, pages: PagesOf, file: Annotated[UploadFile, File()]) -> Response:
    """A file that was saved before, in the form again."""
    try:
        loaded = parse(await file.read(FILE_BYTES_MAX + 1))
    except ScenarioFileInvalid as error:
        return pages.page(request, "lab/builder.html", _context(lab, _example(request), error), status=UNPROCESSABLE)
    return pages.page(request, "lab/builder.html", _context(lab, loaded.model_dump(mode="json")))


def _example(request: Request) -> Mapping[str, Any]:
    return {**EXAMPLE, "title": translate(language_of(request), TITLE)}


def _sent(form: FormData) -> dict[str, Any]:
    """The form as the file that it means; a row of faults without a part is none."""
    faults = []
    for row in range(FAULT_ROWS):
        values = {name: str(form.get(f"{name}-{row}", "")) for name in ("part", "kind", "at_seconds", "for_seconds")}
        if values["part"]:
            faults.append(values)
    return {
        "title": str(form.get("title", "")).strip(),
        "traffic": {
            "payments": str(form.get("payments", "")),
            "per_second": str(form.get("per_second", "")),
            "payers": [str(code) for code in form.getlist("payers")],
            "payees": [str(code) for code in form.getlist("payees")],
        },
        "faults": faults,
    }


def _context(lab: Laboratory, file: Mapping[str, Any], fault: ScenarioFileInvalid | None = None) -> dict[str, Any]:
    traffic, faults = dict(file.get("traffic", {})), list(file.get("faults", []))
    nothing = {"part": "", "kind": FaultKind.KILL.value, "at_seconds": "1", "for_seconds": "5"}
    return {
        "title": file.get("title", ""),
        "traffic": {"payers": [], "payees": [], **traffic},
        "rows": [*faults, *[nothing] * FAULT_ROWS][:FAULT_ROWS],
        "left_out": max(0, len(faults) - FAULT_ROWS),
        "parts": list(lab.supervisor.parts),
        "kinds": list(FaultKind),
        "banks": [(bank.code, bank.spec.name, bank_mark(bank.code, bank.spec.color)) for bank in lab.network.banks],
        "fault": fault,
        "payments_max": PAYMENTS_MAX,
        "seconds_max": round(SECONDS_MAX),
        "section": "/scenarios/new",
    }
