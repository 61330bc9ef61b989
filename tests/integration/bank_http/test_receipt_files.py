"""Receipts as files: a PDF with its text, and a picture."""

from __future__ import annotations

import io

import pypdfium2
import pytest
from PIL import Image

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.http import picture_turns
from tests.integration.bank_http.conftest import PIN, Visit, Visitor, pay
from tests.support.village import Village


def pdf_text(content: bytes) -> str:
    with pypdfium2.PdfDocument(content) as document:
        assert len(document) == 1
        return " ".join(document[0].get_textpage().get_text_range().split())


@pytest.fixture
def payer(visit: Visit, aurora: BankApplication, ana: Account) -> Visitor:
    return visit(aurora, ana)


def test_a_receipt_is_a_pdf_with_its_text_and_a_picture(
    visit: Visit, village: Village, ipe: BankApplication, bruno: Account, payer: Visitor
) -> None:
    end_to_end_id = pay(payer, "bruno@example.com", "150,75", "Almoço Ловля 🎉")
    village.deliver()
    for visitor, direction in ((payer, "outgoing"), (visit(ipe, bruno), "incoming")):
        visitor.open(f"/transfers/{end_to_end_id}/receipt?direction={direction}")
        assert f'href="/transfers/{end_to_end_id}/receipt.pdf?direction={direction}"' in visitor.page.text
        file = visitor.client.get(f"/transfers/{end_to_end_id}/receipt.pdf?direction={direction}")
        assert file.headers["content-type"] == "application/pdf"
        own = "banco-aurora" if direction == "outgoing" else "banco-ipe"
        assert file.headers["content-disposition"] == f'attachment; filename="pix-{own}-{end_to_end_id.lower()}.pdf"'
        text = pdf_text(file.content)
        for fact in (
            "Pix receipt",
            "R$ 150,75",
            "Brasília time",
            # Letters that the type lacks are written in Latin ones.
            "Almoço Lovlya :tada:",
            "Ana Souza",
            "***.982.247-**",
            "Banco Aurora (001)",
            "Bruno Lima",
            "Banco Ipê (002)",
            "bruno@example.com",
            end_to_end_id,
        ):
            assert fact in text, text
    answer = payer.client.get(f"/transfers/{end_to_end_id}/receipt.png")
    picture = Image.open(io.BytesIO(answer.content))
    assert answer.headers["content-type"] == "image/png" and picture.format == "PNG"
    assert picture.width > 900 and picture.height > picture.width
    assert len(answer.content) < 150_000, "a picture for a chat"


def test_a_receipt_file_is_in_the_readers_language(village: Village, bruno: Account, payer: Visitor) -> None:
    end_to_end_id = pay(payer, "bruno@example.com", "10,00")
    village.deliver()
    answer = payer.client.get(f"/transfers/{end_to_end_id}/receipt.pdf", headers={"Accept-Language": "pt-BR"})
    text = pdf_text(answer.content)
    assert "Comprovante de Pix" in text and "horário de Brasília" in text and "Quem recebeu" in text


def test_an_open_payment_and_another_customers_have_no_file(
    visit: Visit, aurora: BankApplication, bruno: Account, payer: Visitor
) -> None:
    end_to_end_id = pay(payer, "bruno@example.com", "10,00")
    for kind in ("pdf", "png"):
        payer.open(f"/transfers/{end_to_end_id}/receipt.{kind}")
        assert payer.path == f"/transfers/{end_to_end_id}", "it says where the payment stands"
    other = aurora.open_account(name="Eva Paz", tax_id="39053344705", opening_deposit_centavos=0, pin=PIN)
    stranger = visit(aurora, other)
    stranger.open(f"/transfers/{end_to_end_id}/receipt.pdf")
    assert stranger.page.status_code == 404 and "Bruno" not in stranger.text
    payer.open(f"/transfers/{end_to_end_id}/receipt.gif")
    assert payer.page.status_code in (404, 422)


def test_files_take_turns_with_other_pictures(
    village: Village, bruno: Account, payer: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_to_end_id = pay(payer, "bruno@example.com", "10,00")
    village.deliver()
    monkeypatch.setattr(picture_turns, "WAIT_SECONDS_MAX", 0.1)
    with picture_turns.picture_turn():
        payer.open(f"/transfers/{end_to_end_id}/receipt.pdf")
    assert payer.page.status_code == 503 and "Other images are being processed" in payer.text
