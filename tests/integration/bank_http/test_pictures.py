"""Pictures that people upload: what a telephone makes is read, and nobody gets much memory for a small file."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
import segno
from PIL import Image

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.http import picture_turns
from bank_sim.entrypoints.http.picture_turns import WAITING_MAX, PicturesBusy
from bank_sim.entrypoints.http.qr import (
    JPEG_DECODED_PIXELS_MAX,
    PICTURE_PIXELS_MAX,
    read_picture,
)
from pix.scheme.errors import SchemeError
from tests.integration.bank_http.conftest import Visit

TEXT = "a code in a photograph"
GROWTH_MB_MAX = 260
"""Of a process that reads any of the pictures below; without the bounds it is 1.8 GB."""


def photograph(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A code that takes a third of a large picture, as on a table."""
    target = io.BytesIO()
    segno.make(TEXT, error="m").save(target, kind="png", scale=1, border=4)
    code = Image.open(target).convert(mode)
    side = min(width, height) // 3
    picture = Image.new(mode, (width, height), "white")
    picture.paste(code.resize((side, side), Image.Resampling.NEAREST), (width // 3, height // 3))
    return picture


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_with(kind: bytes, content: bytes) -> bytes:
    """A small picture with another chunk behind its header."""
    small = saved(Image.new("L", (30, 30), "white"), "PNG")
    return small[:33] + chunk(kind, content) + small[33:]


@cache
def bombs() -> dict[str, bytes]:
    """Small files that unpack to much."""
    large = Image.new("RGB", (6_300, 6_300))
    frames = [Image.new("RGB", (3_000, 3_000), color) for color in ("white", "black")] * 3
    several_scans = saved(Image.new("RGB", (7_900, 7_900)), "JPEG", progressive=True, quality=5)
    return {
        "webp": saved(large, "WEBP", lossless=True),
        "animated webp": saved(frames[0], "WEBP", lossless=True, save_all=True, append_images=frames[1:]),
        "png": saved(large, "PNG"),
        "gif": saved(large.convert("P"), "GIF"),
        "jpeg in several scans": several_scans,
        "jpeg in four colours": saved(Image.new("CMYK", (6_000, 6_000)), "JPEG", quality=5),
        "text in a png": png_with(b"zTXt", b"x\x00\x00" + zlib.compress(bytes(300 << 20), 9)),
        "a profile in a png": png_with(b"iCCP", b"x\x00\x00" + zlib.compress(bytes(300 << 20), 9)),
    }


@cache
def large_but_good() -> dict[str, bytes]:
    """What is just within the bounds, and what telephones make."""
    with_alpha = photograph(2_800, 2_800, "L").convert("LA").convert("RGBA")
    return {
        "jpeg of 12 megapixels": saved(photograph(4_000, 3_000), "JPEG"),
        "jpeg of 48 megapixels": saved(photograph(8_000, 6_000), "JPEG"),
        "png": saved(with_alpha, "PNG", compress_level=1),
        "webp": saved(with_alpha, "WEBP", lossless=True, method=0),
        "progressive jpeg": saved(photograph(4_000, 3_000), "JPEG", progressive=True),
    }


def test_what_a_telephone_makes_is_read() -> None:
    for name, content in large_but_good().items():
        assert read_picture(content) == TEXT, name


def test_a_small_file_that_unpacks_to_much_is_refused() -> None:
    for name, content in bombs().items():
        assert len(content) < 2_000_000, name
        with pytest.raises(SchemeError, match=r"too large|as an image|find a QR code"):
            read_picture(content)


def test_the_bounds_are_on_what_is_decoded() -> None:
    side = int(PICTURE_PIXELS_MAX**0.5)
    for kind in ("PNG", "WEBP", "GIF"):
        with pytest.raises(SchemeError, match="find a QR code"):
            read_picture(saved(Image.new("L", (side, side)), kind))
        with pytest.raises(SchemeError, match="too large"):
            read_picture(saved(Image.new("L", (side + 2, side + 2)), kind))
    several = int(JPEG_DECODED_PIXELS_MAX**0.5) + 2
    with pytest.raises(SchemeError, match="too large"):
        read_picture(saved(Image.new("L", (several, several)), "JPEG", progressive=True))


def test_code_on_a_see_through_ground_is_read() -> None:
    code = photograph(900, 900, "L")
    clear = Image.new("RGBA", code.size, (0, 0, 0, 255))
    clear.putalpha(code.point(lambda value: 255 - value))
    for picture, kind in ((clear, "PNG"), (clear, "WEBP"), (clear.quantize(), "PNG"), (clear.convert("LA"), "PNG")):
        assert read_picture(saved(picture, kind, **({"lossless": True} if kind == "WEBP" else {}))) == TEXT


def test_no_picture_takes_much_memory_not_even_many_at_once(tmp_path: Path) -> None:
    for number, content in enumerate([*bombs().values(), *large_but_good().values()]):
        (tmp_path / f"{number:02d}").write_bytes(content)
    # In a process of its own, as the peak of this one is that of another test.
    ran = subprocess.run(
        [sys.executable, "-m", __name__, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) < GROWTH_MB_MAX, f"the peak has grown by {ran.stdout} MB"


def test_pictures_are_read_one_at_a_time_and_too_many_are_told_to_come_again(
    visit: Visit, aurora: BankApplication, ana: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/pay")
    monkeypatch.setattr(picture_turns, "WAIT_SECONDS_MAX", 0.2)
    content = saved(Image.new("L", (30, 30), "white"), "PNG")
    with picture_turns._turn:
        visitor.send("/pay/picture", files={"picture": ("code.png", content)})
        assert visitor.page.status_code == 503 and "Other images are being processed" in visitor.text
        assert visitor.page.headers["retry-after"] == "5"
        monkeypatch.setattr(picture_turns, "WAIT_SECONDS_MAX", 30.0)
        begun = threading.Barrier(WAITING_MAX + 2)

        def read() -> str:
            begun.wait()
            try:
                return read_picture(content)
            except (SchemeError, PicturesBusy) as error:
                return type(error).__name__

        with ThreadPoolExecutor(WAITING_MAX + 1) as threads:
            waiting = [threads.submit(read) for _ in range(WAITING_MAX + 1)]
            begun.wait()
            while picture_turns._places._value:
                threading.Event().wait(0.01)
            with pytest.raises(PicturesBusy):
                read_picture(content)
            picture_turns._turn.release()
            assert {each.result(30) for each in waiting} == {"SchemeError"}
            picture_turns._turn.acquire()


def _grown_mb(folder: Path) -> int:
    """How much the peak grows while all files of a folder are read, eight at a time."""
    contents = [path.read_bytes() for path in sorted(folder.iterdir())]
    # What is loaded at the first picture is no picture's.
    picture_turns.WAIT_SECONDS_MAX = 100.0  # type: ignore[misc]
    read_picture(saved(photograph(300, 300), "JPEG"))
    before = _peak_kb()

    def read(content: bytes) -> None:
        try:
            read_picture(content)
        except (SchemeError, PicturesBusy):
            return

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(read, contents * 2))
    return (_peak_kb() - before) // 1024


def _peak_kb() -> int:
    """The most memory that this program has had; `ru_maxrss` would begin with that of the process that started it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    print(_grown_mb(Path(sys.argv[1])))
