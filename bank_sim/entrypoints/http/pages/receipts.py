"""A receipt as a page, and as a file to keep or to send."""

from __future__ import annotations

from enum import StrEnum

from fastapi import Request, Response

from bank_sim.domain.account import Account
from bank_sim.entrypoints.http.pages.receive import file_name
from bank_sim.entrypoints.http.picture_turns import picture_turn
from bank_sim.entrypoints.http.receipt_view import Receipt
from bank_sim.entrypoints.http.site import Site
from pix.web.templates import Pages, language_of


class FileKind(StrEnum):
    """The ending of a file's name."""

    PDF = "pdf"
    PNG = "png"


def show_receipt(request: Request, pages: Pages, account: Account, receipt: Receipt | None) -> Response | None:
    if receipt is None:
        return None
    return pages.page(request, "bank/receipt.html", {"account": account, "receipt": receipt})


def send_receipt(request: Request, site: Site, receipt: Receipt | None, kind: FileKind) -> Response | None:
    """Raises PicturesBusy."""
    if receipt is None:
        return None
    # It brings 30 MB of modules along, which a bank holds only once a file was asked for.
    from bank_sim.entrypoints.http.receipt_file import pdf_of, png_of

    with picture_turn():
        content = pdf_of(receipt, site.looks, language_of(request))
        if kind is FileKind.PNG:
            content = png_of(content)
    name = file_name("pix", site.bank.identity.name, receipt.row_id)
    media_type = "application/pdf" if kind is FileKind.PDF else "image/png"
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)
