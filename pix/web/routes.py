"""How an application gets the routes of routers that every application of the process shares."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI


def add_routes(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Adds the routers' routes as they are, in their order.

    `FastAPI.include_router` analyses each endpoint once more for each application, which takes the first request half a
    second of computing. A dependency of several routers therefore belongs to the routers.
    """
    for router in routers:
        app.router.routes.extend(router.routes)
