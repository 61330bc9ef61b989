"""QR codes as pictures: drawn as SVG, and read from what people upload."""

from __future__ import annotations

import io
import struct
import warnings
from functools import lru_cache
from typing import Final

import segno
import zxingcpp
from markupsafe import Markup
from PIL import Image, UnidentifiedImageError

from bank_sim.entrypoints.http.picture_turns import picture_turn
from pix.scheme.brcode import is_like_code
from pix.scheme.errors import SchemeError

UPLOAD_BYTES_MAX: Final = 15 * 1024 * 1024
"""A telephone's photograph has up to some 12 MB."""
PICTURE_PIXELS_MAX: Final = 8_000_000
"""Of what is decoded in full: at most 4 bytes each, and as much again while its kind of pixels is changed."""
JPEG_PIXELS_MAX: Final = 64_000_000
"""Of a telephone's photograph, which is decoded row by row, in grey, and made smaller on the way."""
JPEG_DECODED_PIXELS_MAX: Final = 16_000_000
"""Of what that leaves, one byte each; and of a JPEG in several scans, whose decoder keeps the whole picture."""
_JPEG_DIVISORS: Final = (1, 2, 4, 8)
"""By which a JPEG can be made smaller while it is decoded."""
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
_SIDE_MAX: Final = 2_400
"""Larger pictures are made smaller before reading; a telephone's photograph has more than the reader needs."""
_QUIET_ZONE: Final = 2
_PRINTED_QUIET_ZONE: Final = 4
"""What ISO/IEC 18004 wants around a code; on a page the frame adds to the other."""
_PRINTED_SCALE: Final = 12
"""Pixels to a module."""
DRAWN_KEPT_MAX: Final = 256
"""Of some 10 KB each."""


@lru_cache(maxsize=DRAWN_KEPT_MAX)
def draw_qr(text: str, title: str) -> Markup:
    """The code as an SVG element without any style, black on white as readers want it.

    Trying the eight masks takes most of the time of the page that shows it, and payees open that page often.
    """
    svg = segno.make(text, error="m", micro=False).svg_inline(
        border=_QUIET_ZONE, scale=4, dark="#000", light="#fff", title=title, omitsize=True, svgclass="qr-code"
    )
    return Markup(svg)  # noqa: S704 - segno escapes the title, and the rest is its own drawing


def png_of_qr(text: str) -> bytes:
    """The code as a PNG picture, large enough to be printed."""
    target = io.BytesIO()
    segno.make(text, error="m", micro=False).save(target, kind="png", border=_PRINTED_QUIET_ZONE, scale=_PRINTED_SCALE)
    return target.getvalue()


def read_picture(content: bytes) -> str:
    """The text of the Pix code in a picture (PNG, JPEG, WebP or GIF).

    Bills carry other QR codes beside it, such as a web address; they do not count. Raises SchemeError(field="brcode"),
    and PicturesBusy.
    """
    if not content:
        raise SchemeError("brcode", "Choose an image.")
    if len(content) > UPLOAD_BYTES_MAX:
        raise SchemeError("brcode", f"The image must be at most {UPLOAD_BYTES_MAX // 1024 // 1024} MB.")
    formats = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
    with picture_turn():
        found = zxingcpp.read_barcodes(_open(content), formats=formats)
    texts = {code.text for code in found if code.valid}
    if not texts:
        raise SchemeError("brcode", "We couldn't find a QR code in this image.")
    if len(texts) == 1:
        # Alone it is read in any case, so that its fault is named.
        return texts.pop()
    codes = [text for text in texts if is_like_code(text)]
    if not codes:
        raise SchemeError("brcode", "None of the QR codes in this image is a Pix code.")
    if len(codes) > 1:
        raise SchemeError("brcode", "There is more than one Pix code in this image. Use an image with only one.")
    return codes[0]


def _open(content: bytes) -> Image.Image:
    """The picture in grey, no side longer than `_SIDE_MAX`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            width, height = _webp_size(content)
            _check_pixels(width * height, PICTURE_PIXELS_MAX)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
                if picture.format == "JPEG":
                    _shrink_while_decoding(picture, content)
                else:
                    _check_pixels(picture.width * picture.height, PICTURE_PIXELS_MAX)
                return _in_grey(picture)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombWarning) as error:
        if isinstance(error, SchemeError):
            raise
        raise SchemeError("brcode", "We can't read this file as an image.") from None
    except Image.DecompressionBombError:
        raise SchemeError("brcode", "This image is too large.") from None


def _check_pixels(pixels: int, pixels_max: int) -> None:
    if pixels > pixels_max:
        raise SchemeError("brcode", "This image is too large.")


def _in_grey(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        grey = picture.convert("L")
        grey.thumbnail((_SIDE_MAX, _SIDE_MAX))
        return grey
    # What is see-through counts as white, as on a page.
    layers = picture.convert("RGBA")
    layers.thumbnail((_SIDE_MAX, _SIDE_MAX))
    ground = Image.new("RGBA", layers.size, "white")
    return Image.alpha_composite(ground, layers).convert("L")


def _shrink_while_decoding(picture: Image.Image, content: bytes) -> None:
    """Asks the decoder of a JPEG for grey and for a part of the size. Raises SchemeError when that is too large."""
    pixels = picture.width * picture.height
    if picture.mode not in ("RGB", "L"):
        # CMYK is decoded as it is.
        _check_pixels(pixels, PICTURE_PIXELS_MAX)
        return
    _check_pixels(pixels, JPEG_DECODED_PIXELS_MAX if _has_several_scans(content) else JPEG_PIXELS_MAX)
    divisor = next(each for each in _JPEG_DIVISORS if pixels <= JPEG_DECODED_PIXELS_MAX * each * each)
    picture.draft("L", (picture.width // divisor, picture.height // divisor))


def _has_several_scans(content: bytes) -> bool:
    """Whether a JPEG is progressive, or its first scan has not all components (ITU-T T.81, B.2.2 and B.2.3).

    What cannot be read counts as several.
    """
    place, components = 2, 0
    while place + 4 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        (length,) = struct.unpack_from(">H", content, place + 2)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if marker > 0xC1 or place + 10 > len(content):
                return True
            components = content[place + 9]
        elif marker == 0xDA:
            return place + 5 > len(content) or content[place + 4] != components
        place += 2 + length
    return True


def _webp_size(content: bytes) -> tuple[int, int]:
    """Width and height by the header of a WebP (RFC 9649, 2.5 to 2.7); its decoder takes the memory before it decodes.

    (0, 0) for another kind of picture, or for one that the decoder will refuse.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < 30:
        return 0, 0
    match content[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
        case b"VP8L":
            bits = int.from_bytes(content[21:25], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", content, 26)
            return width & 0x3FFF, height & 0x3FFF
    return 0, 0
