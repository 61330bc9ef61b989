"""The hub's settings, from the environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hub.domain.look_ups import LOOK_UPS_OF_A_BANK, MISS_COST
from pix.scheme.buckets import BucketPolicy
from pix.service.settings import ServiceSettings


class HubSettings(ServiceSettings):
    """What only the hub needs to know."""

    grpc_host: str = "127.0.0.1"
    """The address to listen on; `0.0.0.0` for all."""
    grpc_port: Annotated[int, Field(ge=0, le=65_535)] = 50_051
    """Where banks ask."""
    grpc_tls_certificate: str = ""
    """The file with the hub's certificate; with it and its key, gRPC is encrypted, and not to be had otherwise."""
    grpc_tls_key: str = ""
    """The file with the key of that certificate."""
    grpc_tls_client_ca: str = ""
    """The file with the authority of the banks' certificates; with it, each bank must show its own."""
    look_up_bucket: Annotated[float, Field(ge=MISS_COST)] = LOOK_UPS_OF_A_BANK.capacity
    """How many look-ups of keys a bank may do at once; a miss counts for three."""
    look_ups_per_minute: Annotated[float, Field(gt=0)] = LOOK_UPS_OF_A_BANK.tokens_per_minute
    """How many it may do for ever."""
    lab_panel_url: Annotated[str, Field(pattern=r"^(|https?://[^\s/?#;,'\"]+([/?#][^\s]*)?)$")] = ""
    """Where the lab's panel is: the console links to it, and it alone may show the network map in a frame."""
    banks_url: Annotated[str, Field(pattern=r"^(|https?://[^\s]*\{code\}[^\s]*)$")] = ""
    """Where the hub asks the banks for bookings, such as `http://bank-{code}:8000`. Empty: where people reach them."""
    banks_operator_password: Annotated[str, Field(repr=False)] = ""
    """The banks' operator's password, for the bookings on a transfer's page. Empty: they are asked without one."""
    transfer_timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds until a pending transfer fails with AB03; 40 in the real scheme. Unset: it waits as long as it takes."""

    @property
    def look_up_policy(self) -> BucketPolicy:
        """The bucket of each bank."""
        return BucketPolicy(self.look_up_bucket, self.look_ups_per_minute)

    @property
    def transfer_timeout_ms(self) -> int | None:
        """The same in milliseconds."""
        return None if self.transfer_timeout is None else round(self.transfer_timeout * 1000)
