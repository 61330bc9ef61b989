"""What clients of Efí expect beside the Central Bank's description."""

from __future__ import annotations

from typing import Annotated, Final

import segno
from fastapi import APIRouter, Depends

from bank_sim.domain.charges.errors import LocationNotFound
from bank_sim.entrypoints.http.api_pix.access import ApiOf, Merchant, merchant
from bank_sim.entrypoints.http.api_pix.errors import ErrorKind, PixApiError

QUIET_ZONE: Final = 2
MODULE_PIXELS: Final = 6
_ID_DIGITS_MAX: Final = 18

router = APIRouter()


@router.get("/loc/{location_id}/qrcode")
def show_qr_code(
    api: ApiOf, asking: Annotated[Merchant, Depends(merchant("payloadlocation.read"))], location_id: str
) -> dict[str, str]:
    """The dynamic code of a location: as text (*copia e cola*), and as a picture in a data address."""
    if not (location_id.isascii() and location_id.isdigit() and len(location_id) <= _ID_DIGITS_MAX):
        raise _not_found()
    try:
        location = api.bank.charges.locations.find(asking.tax_id, int(location_id))
    except LocationNotFound:
        raise _not_found() from None
    codes = api.bank.payable_codes
    address = codes.location(location.kind, location.token)
    holder = api.bank.queries.find_account(asking.account_number).holder_name
    text = codes.write(address, holder)
    picture = segno.make(text, error="m", micro=False)
    return {
        "qrcode": text,
        "imagemQrcode": picture.png_data_uri(border=QUIET_ZONE, scale=MODULE_PIXELS),
        "linkVisualizacao": address,
    }


def _not_found() -> PixApiError:
    return PixApiError(ErrorKind.PayloadLocationNaoEncontrado, "Nenhuma location tem este id.")
