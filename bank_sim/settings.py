"""What the environment says about one bank."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, model_validator

from bank_sim.domain.bank import BankIdentity
from pix.scheme.ids import check_bank_code, check_ispb, ispb_of_code
from pix.scheme.texts import check_bank_name, check_color
from pix.service.settings import ServiceSettings

SECRET_LENGTH_MIN: Final = 16


class BankSettings(ServiceSettings):
    """The settings of a bank; `BANK_CODE`, `BANK_NAME`, `BANK_COLOR` and `BANK_SECRET` make the one app this bank."""

    bank_code: Annotated[str, AfterValidator(check_bank_code)]
    """Three digits, as the hub's operator has added the bank."""
    bank_name: Annotated[str, AfterValidator(check_bank_name)]
    """At most 40 characters."""
    bank_color: Annotated[str, AfterValidator(check_color)] = "#3b5bdb"
    """`#rrggbb`"""
    bank_ispb: str = ""
    """Eight characters; unless set, the code padded with zeros."""
    bank_secret: Annotated[str, Field(min_length=SECRET_LENGTH_MIN)]
    """Shared with the hub: authenticates calls, signs messages."""
    hub_grpc_address: str = "127.0.0.1:50051"
    """host:port"""
    public_url: str = ""
    """Where people reach the bank's pages."""
    http_port: Annotated[int, Field(ge=0, le=65_535)] = 8001
    demo_mode: bool = False
    """Whether visitors may sign in as the demo people with one click."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in_ispb(cls, values: Any) -> Any:
        code = values.get("bank_code", "")
        if not values.get("bank_ispb") and isinstance(code, str) and len(code) == 3:
            return {**values, "bank_ispb": ispb_of_code(code)}
        return values

    @model_validator(mode="after")
    def _check_ispb(self) -> BankSettings:
        check_ispb(self.bank_ispb)
        return self

    @property
    def identity(self) -> BankIdentity:
        """Who this bank is."""
        return BankIdentity(code=self.bank_code, ispb=self.bank_ispb, name=self.bank_name, color=self.bank_color)
