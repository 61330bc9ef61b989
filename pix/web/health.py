"""`/health/live` and `/health/ready` of a service with pages."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse

from pix.runtime.health import LIVE, Health
from pix.runtime.own_threads import HEALTH_THREADS
from pix.web.routes import add_routes

router = APIRouter(prefix="/health", tags=["health"])


def install_health(app: FastAPI, health: Health) -> None:
    app.state.health = health
    add_routes(app, [router])


@router.get("/live")
async def live() -> dict[str, str]:
    """Live: the process responds."""
    return LIVE


@router.get("/ready", responses={503: {"description": "Not ready. The body names the failed parts and the reasons."}})
async def ready(request: Request) -> JSONResponse:
    """Ready: 200 when each part works, otherwise 503 with the failed parts."""
    health: Health = request.app.state.health
    status, document = await HEALTH_THREADS.run(health.readiness)
    return JSONResponse(document, status)
