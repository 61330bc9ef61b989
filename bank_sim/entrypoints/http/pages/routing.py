"""How the routers of pages are made: outside of the API's description, and every form protected against forgery."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from pix.web.site import no_forgery, operator


def page_router() -> APIRouter:
    return APIRouter(include_in_schema=False, dependencies=[Depends(no_forgery)])


def operator_router() -> APIRouter:
    return APIRouter(
        prefix="/backoffice", include_in_schema=False, dependencies=[Depends(operator), Depends(no_forgery)]
    )
