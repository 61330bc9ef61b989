"""The control address of a sandbox: what a test asks of the process that runs the network, on this machine alone."""

from __future__ import annotations

import hmac
import socket
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Path, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from starlette.requests import Request

from lab.network.parts.errors import PartError
from lab.network.parts.ports import LOOPBACK, free_port
from lab.network.parts.process import wait_until
from lab.network.run import Run
from lab.panel.operator_sign_in import LoopbackNames, TokenNeeded
from lab.read.rest import Unreachable
from lab.sandbox.network import Sandbox, StillOpen
from lab.sandbox.snapshots import SnapshotUnknown
from pix.runtime.addresses import http_url
from pix.web.problems import BODY_BYTES_MAX, ProblemKind, ProblemTable, install_problems, problem_response

START_SECONDS_MAX: Final = 20.0
CONNECT_SECONDS_MAX: Final = 1.0
NAME_LENGTH_MAX: Final = 40

_BEARER: Final = HTTPBearer(auto_error=False)
_PROBLEMS: Final[ProblemTable] = {
    TokenNeeded: ProblemKind("token-needed", HTTPStatus.UNAUTHORIZED, "Access token needed"),
    SnapshotUnknown: ProblemKind("snapshot-unknown", HTTPStatus.NOT_FOUND, "No such snapshot"),
    StillOpen: ProblemKind("not-at-rest", HTTPStatus.CONFLICT, "The network has not come to rest"),
    Unreachable: ProblemKind("unreachable", HTTPStatus.SERVICE_UNAVAILABLE, "A service is not responding"),
    PartError: ProblemKind("refused", HTTPStatus.UNPROCESSABLE_ENTITY, "The sandbox cannot do this"),
}

SnapshotName = Annotated[str, Path(max_length=NAME_LENGTH_MAX, examples=["with-a-charge"])]


class Done(BaseModel):
    seconds: float = Field(description="How long it took.")


class Names(BaseModel):
    snapshots: list[str]


class OpenItems(BaseModel):
    open: list[str] = Field(description="What keeps the network from being at rest.")


def create_app(sandbox: Sandbox, port: int) -> FastAPI:
    """The application, which answers on this port of 127.0.0.1 alone, to callers with the sandbox's token."""

    async def needs_token(
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    ) -> None:
        if credentials is None or not hmac.compare_digest(credentials.credentials.encode(), sandbox.token.encode()):
            raise TokenNeeded

    app = FastAPI(
        title="CodePix sandbox", version="1", docs_url=None, redoc_url=None, dependencies=[Depends(needs_token)]
    )
    app.add_middleware(LoopbackNames, port=port)

    def no_page(_request: Request, error: Exception, status: int) -> Response:
        return problem_response(ProblemKind("refused", HTTPStatus(status), HTTPStatus(status).phrase), str(error))

    install_problems(app, _PROBLEMS, no_page, BODY_BYTES_MAX)

    @app.get("/")
    def document() -> dict[str, Any]:
        """What the command has printed, with the balances of now."""
        return sandbox.document()

    @app.get("/open")
    def open_items() -> OpenItems:
        return OpenItems(open=sandbox.open_items())

    @app.post("/reset")
    def reset() -> Done:
        """Puts books, switches, rules and clock back to the start."""
        return Done(seconds=sandbox.reset())

    @app.get("/snapshots")
    def snapshots() -> Names:
        return Names(snapshots=sandbox.snapshots.names())

    @app.put("/snapshots/{name}")
    def take(name: SnapshotName) -> Names:
        """Waits at most 30 seconds until the network is at rest, and keeps its state under this name."""
        sandbox.take_snapshot(name)
        return Names(snapshots=sandbox.snapshots.names())

    @app.post("/snapshots/{name}/restore")
    def restore(name: SnapshotName) -> Done:
        """Puts the state back that the snapshot has."""
        return Done(seconds=sandbox.restore_snapshot(name))

    @app.delete("/snapshots/{name}")
    def remove(name: SnapshotName) -> Names:
        sandbox.remove_snapshot(name)
        return Names(snapshots=sandbox.snapshots.names())

    return app


def serve_control(run: Run, sandbox: Sandbox, port: int | None) -> None:
    """Begins to serve, in the background; returns when it answers. Raises `PartError`."""
    from pix.web.server import serve_http

    port = port or free_port()
    app = create_app(sandbox, port)
    serving = run.in_background(lambda stop: serve_http(app, sandbox.options.listen, port, stop))
    wait_until(lambda: _listens(port) or not serving.is_alive(), START_SECONDS_MAX, "the control address to listen")
    sandbox.control_url = http_url(LOOPBACK, port)


def _listens(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=CONNECT_SECONDS_MAX).close()
    except OSError:
        return False
    return True
