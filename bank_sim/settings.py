"""What the environment says about one bank."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from bank_sim.domain.bank import BankIdentity
from pix.scheme.ids import check_bank_code, check_ispb, ispb_of_code
from pix.scheme.texts import check_bank_name, check_color
from pix.service.settings import ServiceSettings

SECRET_LENGTH_MIN: Final = 16


def _check_ispb_if_set(text: str) -> str:
    return check_ispb(text) if text else text


class BankSettings(ServiceSettings):
    """The settings of a bank; `BANK_CODE`, `BANK_NAME`, `BANK_COLOR` and `BANK_SECRET` make the one app this bank."""

    bank_code: Annotated[str, AfterValidator(check_bank_code)]
    """Three digits, as the hub's operator has added the bank."""
    bank_name: Annotated[str, AfterValidator(check_bank_name)]
    """At most 40 characters."""
    bank_color: Annotated[str, AfterValidator(check_color)] = "#3b5bdb"
    """`#rrggbb`"""
    bank_ispb: Annotated[str, AfterValidator(_check_ispb_if_set)] = ""
    """Eight characters; unless set, the code padded with zeros."""
    bank_secret: Annotated[str, Field(min_length=SECRET_LENGTH_MIN, repr=False)]
    """Shared with the hub: authenticates calls, signs messages."""
    bank_secret_other: Annotated[str, Field(repr=False)] = ""
    """While the secret changes: the other one of the two, with which the hub may sign as well. Never used to sign."""
    hub_grpc_address: str = "127.0.0.1:50051"
    """host:port; `dns:///host:port` for a name that stands for several replicas, all of which are asked in turn."""
    public_url: str = ""
    """Where people reach the bank's pages."""
    http_port: Annotated[int, Field(ge=0, le=65_535)] = 8001
    hub_tls_ca: str = ""
    """The file with the authority of the hub's certificate; with it, calls to the hub are encrypted."""
    hub_tls_certificate: str = ""
    """The file with this bank's own certificate, which names its ISPB, for a hub that wants to see one."""
    hub_tls_key: str = ""
    """The file with the key of that certificate."""
    hub_tls_name: str = ""
    """The name that the hub's certificate must have; unless set, the host of `HUB_GRPC_ADDRESS`."""

    @model_validator(mode="after")
    def _fill_in_ispb(self) -> BankSettings:
        if not self.bank_ispb:
            # Frozen for everybody else; here the settings are still in the making.
            object.__setattr__(self, "bank_ispb", ispb_of_code(self.bank_code))
        return self

    @property
    def identity(self) -> BankIdentity:
        """Who this bank is."""
        return BankIdentity(code=self.bank_code, ispb=self.bank_ispb, name=self.bank_name, color=self.bank_color)
