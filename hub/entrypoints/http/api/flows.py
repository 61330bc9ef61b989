"""The flows beside transfers in the REST API: a new flow is a line in each table here."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from hub.application.returns import ReturnNotFound
from hub.application.use_cases import HubApplication
from hub.domain.flows.transfer.model import NAME as TRANSFER
from hub.entrypoints.http.api import returns
from hub.entrypoints.http.api.documents import StepDocument, TransferWithSteps
from hub.entrypoints.http.api.returns import ReturnDocument, documents_of
from pix.web.problems import ProblemKind, ProblemTable

FLOW_ROUTERS: Final[tuple[APIRouter, ...]] = (returns.router,)


class TransferWithHistory(TransferWithSteps):
    """A transfer, its history, and the rows of other flows that are about it."""

    returns: list[ReturnDocument] = []  # noqa: RUF012 - pydantic copies it


FLOW_PROBLEMS: Final[ProblemTable] = {
    ReturnNotFound: ProblemKind("return-not-found", 404, "The return does not exist"),
}


def transfer_document(application: HubApplication, end_to_end_id: str) -> TransferWithHistory:
    """Raises TransferNotFound."""
    queries = application.queries
    transfer, history = queries.find_transfer(end_to_end_id)
    document = TransferWithHistory.of(transfer)
    document.history = [StepDocument.of(step) for step in history]
    document.archived_at_ms = application.histories.archived_at_ms(TRANSFER, end_to_end_id)
    document.returns = documents_of(queries, end_to_end_id)
    return document
