"""Where the pages' files are: in the checkout beside the packages, or inside the installed wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_INSTALLED: Final = _PACKAGE / "_templates"
_CHECKOUT: Final = _PACKAGE.parent / "templates"


def templates_folder() -> Path:
    """The folder with `base.html`, a folder of pages per app, `static/` and `locale/`."""
    return _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
