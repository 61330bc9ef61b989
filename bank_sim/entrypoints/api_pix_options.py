"""How a bank serves its API Pix, and what the profiles of banks add to the Central Bank's description."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

REQUESTS_PER_MINUTE: Final = 6_000
"""Of a credential, and the largest burst."""


class ProfileName(StrEnum):
    """Whose dialect the API speaks."""

    BCB = "bcb"
    """The Central Bank's description alone."""
    EFI = "efi"
    """What clients of Efí expect beside it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A dialect."""

    trailing_slashes: bool = False
    """`GET /v2/cob/` is `GET /v2/cob`."""
    location_qr_codes: bool = False
    """`GET /v2/loc/{id}/qrcode` shows the code of a location's charge as text and picture."""


PROFILES: Final = MappingProxyType(
    {
        ProfileName.BCB: Profile(),
        ProfileName.EFI: Profile(trailing_slashes=True, location_qr_codes=True),
    }
)


@dataclass(frozen=True, slots=True)
class ApiPixOptions:
    """The settings of the API."""

    prefix: str = ""
    """A path before `/v2` and `/oauth`, such as `/api/pix`; both are also served without it."""
    profile: ProfileName = ProfileName.BCB
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the API; `*` for all."""
    requests_per_minute: int = REQUESTS_PER_MINUTE

    @property
    def dialect(self) -> Profile:
        return PROFILES[self.profile]
