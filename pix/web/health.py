"""`/health/live` and `/health/ready` of a service with pages."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from pix.runtime.health import LIVE, Health
from pix.runtime.own_threads import HEALTH_THREADS


def health_router(health: Health) -> APIRouter:
    router = APIRouter(prefix="/health", tags=["health"])

    @router.get("/live")
    async def live() -> dict[str, str]:
        """Live: the process responds."""
        return LIVE

    @router.get(
        "/ready", responses={503: {"description": "Not ready. The body names the failed parts and the reasons."}}
    )
    async def ready() -> JSONResponse:
        """Ready: 200 when each part works, otherwise 503 with the failed parts."""
        status, document = await HEALTH_THREADS.run(health.readiness)
        return JSONResponse(document, status)

    return router
