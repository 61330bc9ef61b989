"""QR codes as pictures: drawn as SVG, and read from what people upload."""

from __future__ import annotations

import io
import warnings
from functools import lru_cache
from typing import Final

import segno
import zxingcpp
from markupsafe import Markup
from PIL import Image, UnidentifiedImageError

from pix.scheme.brcode import is_like_code
from pix.scheme.errors import SchemeError

UPLOAD_BYTES_MAX: Final = 15 * 1024 * 1024
"""A telephone's photograph has up to some 12 MB."""
PICTURE_PIXELS_MAX: Final = 40_000_000
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
_SIDE_MAX: Final = 2_400
"""Larger pictures are made smaller before reading; a telephone's photograph has more than the reader needs."""
_QUIET_ZONE: Final = 2
DRAWN_KEPT_MAX: Final = 256
"""Of some 10 KB each."""


@lru_cache(maxsize=DRAWN_KEPT_MAX)
def draw_qr(text: str, title: str) -> Markup:
    """The code as an SVG element without any style, black on white as readers want it.

    Trying the eight masks takes most of the time of the page that shows it, and whoever receives looks at it again.
    """
    svg = segno.make(text, error="m", micro=False).svg_inline(
        border=_QUIET_ZONE, scale=4, dark="#000", light="#fff", title=title, omitsize=True, svgclass="qr-code"
    )
    return Markup(svg)  # noqa: S704 - segno escapes the title, and the rest is its own drawing


def read_picture(content: bytes) -> str:
    """The text of the Pix code in a picture (PNG, JPEG, WebP or GIF).

    Bills carry other QR codes beside it, such as a web address; they do not count. Raises SchemeError(field="brcode").
    """
    if not content:
        raise SchemeError("brcode", "Choose a picture.")
    if len(content) > UPLOAD_BYTES_MAX:
        raise SchemeError("brcode", f"A picture has at most {UPLOAD_BYTES_MAX // 1024 // 1024} MB.")
    found = zxingcpp.read_barcodes(_open(content), formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode]))
    texts = {code.text for code in found if code.valid}
    if not texts:
        raise SchemeError("brcode", "There is no readable QR code in this picture.")
    if len(texts) == 1:
        # Alone it is read in any case, so that its fault is named.
        return texts.pop()
    codes = [text for text in texts if is_like_code(text)]
    if not codes:
        raise SchemeError("brcode", "None of the QR codes in this picture is a Pix code.")
    if len(codes) > 1:
        raise SchemeError("brcode", "There is more than one Pix code in this picture. Show one of them alone.")
    return codes[0]


def _open(content: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=_FORMATS)
            if picture.width * picture.height > PICTURE_PIXELS_MAX:
                raise SchemeError("brcode", "This picture is too large.")
            picture.draft("L", (_SIDE_MAX, _SIDE_MAX))
            picture.thumbnail((_SIDE_MAX, _SIDE_MAX))
            # What is see-through counts as white, as on a page.
            layers = picture.convert("RGBA")
            ground = Image.new("RGBA", layers.size, "white")
            return Image.alpha_composite(ground, layers).convert("L")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombWarning) as error:
        if isinstance(error, SchemeError):
            raise
        raise SchemeError("brcode", "This file is not a picture that can be read.") from None
    except Image.DecompressionBombError:
        raise SchemeError("brcode", "This picture is too large.") from None
