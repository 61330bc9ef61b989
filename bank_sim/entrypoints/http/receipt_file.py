"""A receipt as a file: a PDF whose text can be selected, and the same page as a PNG picture for a chat.

fpdf2 lays the page out and PDFium draws it, so that both have one layout.
"""

from __future__ import annotations

import io
import unicodedata
from functools import lru_cache
from typing import Final, Self

import font_lato
import pypdfium2
from anyascii import anyascii
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos
from fpdf.fonts import TTFFont

from bank_sim.entrypoints.http.receipt_view import Receipt, Section
from pix.scheme.days import local
from pix.web.languages import Language
from pix.web.palette import Palette
from pix.web.site import Looks

_WIDTH_MM: Final = 90.0
"""As narrow as a telephone, where the file is read; a printer puts it on its own paper."""
_MARGIN_MM: Final = 8.0
_BAND_MM: Final = 18.0
"""Of the brand's colour, at the top."""
_LOGO_MM: Final = 10.0
_LOGO_PIXELS: Final = 160
_VALUES_MM: Final = 34.0
"""Where the values of facts begin; their names end before it."""
_FACT_MM: Final = 5.0
_HEIGHT_MM_MAX: Final = 1_000.0
"""More than the longest receipt: with it the height that the text takes is measured."""
_PIXELS_PER_POINT: Final = 4
"""1,020 pixels across, what telephones show without a blur."""
_COLORS: Final = 64
"""In a picture, of which most are shades between letters and paper: a quarter of the bytes."""
_FONTS: Final = {"": font_lato.Lato, "B": font_lato.LatoBold}


def pdf_of(receipt: Receipt, looks: Looks, language: Language) -> bytes:
    """One page, as long as the receipt is. The same receipt gives the same bytes."""
    with _Drawing(receipt, looks, language, _HEIGHT_MM_MAX) as measured:
        height_mm = measured.draw()
    with _Drawing(receipt, looks, language, height_mm) as drawing:
        drawing.draw()
        return bytes(drawing.output())


def png_of(pdf: bytes) -> bytes:
    """The first page as a picture. PDFium has no threads: the caller has the turn."""
    with pypdfium2.PdfDocument(pdf) as document:
        picture = document[0].render(scale=_PIXELS_PER_POINT).to_pil()
    target = io.BytesIO()
    picture.quantize(_COLORS).save(target, "PNG", optimize=True)
    return target.getvalue()


class _Drawing(FPDF):
    def __init__(self, receipt: Receipt, looks: Looks, language: Language, height_mm: float) -> None:
        super().__init__(unit="mm", format=(_WIDTH_MM, height_mm))
        self._receipt = receipt
        self._looks = looks
        self.set_auto_page_break(auto=False)
        self.set_margins(_MARGIN_MM, 0, _MARGIN_MM)
        self.set_lang(language.value)
        self.set_title(f"{receipt.title} – {looks.name}")
        self.set_creation_date(local(receipt.decided_at_ms))
        for style, path in _FONTS.items():
            self.add_font("Lato", style, path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # fpdf2 reads from the files of its fonts until the end, and leaves them open.
        for font in self.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()

    def draw(self) -> float:
        """Returns the height that was taken, in mm."""
        palette = self._looks.palette
        self.add_page()
        self._head(palette)
        self._write(self._receipt.title, 13, "B", palette["ink"], align="C")
        self._write(self._receipt.amount, 22, "B", palette["ink"], align="C")
        self._write(f"{self._receipt.decided_at} · {self._receipt.zone}", 8, "", palette["ink-soft"], align="C")
        for section in self._receipt.sections:
            self._section(section, palette)
        return float(self.get_y()) + _MARGIN_MM

    def _head(self, palette: Palette) -> None:
        self.set_fill_color(palette["brand"])
        self.rect(0, 0, _WIDTH_MM, _BAND_MM, style="F")
        logo_y = (_BAND_MM - _LOGO_MM) / 2
        icon = self._looks.png(_LOGO_PIXELS)
        self.image(io.BytesIO(icon), x=_MARGIN_MM, y=logo_y, w=_LOGO_MM, alt_text=self._looks.name)
        self.set_xy(_MARGIN_MM + _LOGO_MM + 3, logo_y)
        self.set_font("Lato", "B", 12)
        self.set_text_color(palette["on-brand"])
        self.multi_cell(0, _LOGO_MM, _drawable(self._looks.name), max_line_height=5)
        self.set_y(_BAND_MM + 6)

    def _section(self, section: Section, palette: Palette) -> None:
        self.set_y(self.get_y() + 3)
        self.set_draw_color(palette["edge"])
        self.set_line_width(0.1)
        self.line(_MARGIN_MM, self.get_y(), _WIDTH_MM - _MARGIN_MM, self.get_y())
        self.set_y(self.get_y() + 3)
        if section.title:
            self._write(section.title, 8, "B", palette["ink-soft"])
        if section.text:
            self._write(section.text, 10, "", palette["ink"])
        for fact in section.facts:
            top = self.get_y()
            self._write(fact.name, 8, "", palette["ink-soft"], right_mm=_WIDTH_MM - _VALUES_MM, line_mm=_FACT_MM)
            below_name = self.get_y()
            self.set_y(top)
            self._write(fact.value, 10, "", palette["ink"], left_mm=_VALUES_MM, align="R", line_mm=_FACT_MM)
            self.set_y(max(below_name, self.get_y()) + 0.8)

    def _write(
        self,
        text: str,
        points: float,
        style: str,
        color: str,
        *,
        align: str = "L",
        left_mm: float = _MARGIN_MM,
        right_mm: float = _MARGIN_MM,
        line_mm: float | None = None,
    ) -> None:
        """A paragraph at the present height, between two distances from the page's sides."""
        self.set_font("Lato", style, points)
        self.set_text_color(color)
        self.set_x(left_mm)
        self.multi_cell(
            _WIDTH_MM - left_mm - right_mm,
            line_mm or points * 0.5,
            _drawable(text),
            align=align,
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
            wrapmode=WrapMode.WORD,
        )


@lru_cache(maxsize=1)
def _characters() -> frozenset[int]:
    """The code points that the font has."""
    with TTFont(font_lato.Lato) as font:
        return frozenset(font.getBestCmap())


def _drawable(text: str) -> str:
    """The text in letters of the font: what it lacks is written in Latin letters, as anyascii does."""
    known = _characters()
    composed = unicodedata.normalize("NFC", text)
    return "".join(each if ord(each) in known else anyascii(each) for each in composed)
