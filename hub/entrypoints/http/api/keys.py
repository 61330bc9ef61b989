"""The directory for banks: a look-up of a key with the bank's own credentials."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header

from hub.domain.bank import Bank
from hub.entrypoints.http.api.documents import KeyDocument
from hub.entrypoints.http.api.routing import PREFIX, SiteOf
from pix.scheme.credentials import METADATA_ISPB, METADATA_SECRET
from pix.scheme.keys import KeyKind
from pix.web.problems import PROBLEM_RESPONSES

# Banks have no operator password, so this router is not made by `api_router`.
router = APIRouter(prefix=PREFIX, tags=["keys"], responses=PROBLEM_RESPONSES)


def _calling_bank(
    site: SiteOf,
    ispb: Annotated[str, Header(alias=METADATA_ISPB)] = "",
    secret: Annotated[str, Header(alias=METADATA_SECRET)] = "",
) -> Bank:
    return site.hub.authenticate_bank(ispb, secret)


@router.get("/keys/{kind}/{key:path}")
def find_key(site: SiteOf, kind: KeyKind, key: str, asking: Annotated[Bank, Depends(_calling_bank)]) -> KeyDocument:
    """The owner of a key, for a caller with a bank's `codepix-ispb` and `codepix-secret`."""
    entry, bank = site.hub.find_key(kind=kind, key=key, asking_ispb=asking.ispb)
    return KeyDocument.of(entry, bank)
