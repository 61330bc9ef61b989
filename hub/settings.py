"""The hub's settings, from the environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pix.service.settings import ServiceSettings


class HubSettings(ServiceSettings):
    """What only the hub needs to know."""

    grpc_host: str = "127.0.0.1"
    grpc_port: Annotated[int, Field(ge=0, le=65_535)] = 50_051
    transfer_timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds until a pending transfer fails with AB03; 40 in the real scheme. Unset: it waits as long as it takes."""

    @property
    def transfer_timeout_ms(self) -> int | None:
        """The same in milliseconds."""
        return None if self.transfer_timeout is None else round(self.transfer_timeout * 1000)
