"""Whether the process lives, and whether it can do its work."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from bank_sim.entrypoints.http.site import SiteOf
from pix.runtime.own_threads import HEALTH_THREADS

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def live() -> dict[str, str]:
    """200 while the process answers at all."""
    return {"status": "alive"}


@router.get("/ready", responses={503: {"description": "Not ready. The body names the failed parts and the reasons."}})
async def ready(site: SiteOf) -> JSONResponse:
    """200 when every part works (database, broker, migrations, …), else 503; each part with `ok` or its trouble."""
    parts = dict(await HEALTH_THREADS.run(site.bank.health.report))
    is_ready = all(state == "ok" for state in parts.values())
    return JSONResponse({"status": "ready" if is_ready else "not ready", "parts": parts}, 200 if is_ready else 503)
