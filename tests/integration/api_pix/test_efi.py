"""The profile of Efí: the code of a location, as text and as a picture."""

from __future__ import annotations

import base64
import io

import zxingcpp
from PIL import Image

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.charges.model import ChargeKind
from bank_sim.entrypoints.api_pix_options import ApiPixOptions, ProfileName
from pix.scheme import brcode
from tests.integration.api_pix.conftest import OpenShop, Shop

TYPE = "https://pix.bcb.gov.br/api/v2/error/"


def test_a_location_has_a_code_for_clients_of_efi(
    open_shop: OpenShop, aurora: BankApplication, ana: Account, other_shop: Shop
) -> None:
    shop = open_shop(aurora, ana, options=ApiPixOptions(profile=ProfileName.EFI))
    location = aurora.charges.locations.create(ana.number, ChargeKind.IMMEDIATE)
    answer = shop.get(f"/loc/{location.location_id}/qrcode")
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    code = brcode.decode(shown["qrcode"])
    assert code.location == shown["linkVisualizacao"] == aurora.payable_codes.location(location.kind, location.token)
    head, _, encoded = shown["imagemQrcode"].partition(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as picture:
        (read,) = zxingcpp.read_barcodes(picture.convert("L"))
    assert read.text == shown["qrcode"]
    for unknown in (f"{location.location_id}9", "x", "9" * 40):
        missing = shop.get(f"/loc/{unknown}/qrcode")
        assert (missing.status_code, missing.json()["type"]) == (404, f"{TYPE}PayloadLocationNaoEncontrado")
    assert other_shop.get(f"/loc/{location.location_id}/qrcode").status_code == 404
