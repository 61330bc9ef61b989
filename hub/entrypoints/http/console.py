"""The hub's console."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from hub.application.use_cases import HubApplication
from pix.service.records import Record


def console_router(application: HubApplication, treat_again: Callable[[Record], None]) -> APIRouter:
    """The pages."""
    return APIRouter()
