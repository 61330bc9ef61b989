"""The terminal side of every command: messages, errors and exit codes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer

from lab.network.parts.errors import FolderUnusable, PartError, PartMissing, PortInUse
from lab.read.report import errors
from lab.read.rest import Unreachable
from pix.participant.process import heed_interrupts
from pix.runtime.addresses import check_web_address

EXIT_BROKEN: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130

HUB_PORT_DEFAULT: Final = 8000
LAB_PORT_DEFAULT: Final = 8010

Keep = Annotated[
    Path | None,
    typer.Option(help="An empty folder in which data and logs are to stay.", show_default="a temporary one"),
]


class Terminated(KeyboardInterrupt):
    """SIGTERM came; treated like Ctrl-C, so that everything is stopped on the way out."""


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


@contextmanager
def reporting_errors() -> Iterator[None]:
    """Turns a part's error into a sentence and an exit code, and SIGTERM and SIGINT into an orderly end."""
    heed_interrupts()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except (PortInUse, PartMissing, FolderUnusable, Unreachable) as error:
        raise refuse(str(error), EXIT_USAGE) from None
    except PartError as error:
        raise refuse(str(error)) from None
    except OSError as error:
        # A full or read-only disk, for instance; whatever it is, people get a sentence.
        raise refuse(f"{error.filename or 'The system'}: {error.strerror or error}.") from None
    except KeyboardInterrupt:
        raise refuse("Interrupted; everything is stopped.", EXIT_INTERRUPTED) from None


def web_address(option: str, text: str) -> str:
    """The address in its plainest form. Raises an exit with code 2 for what is none; `option` names it."""
    try:
        return check_web_address(text)
    except ValueError as error:
        raise refuse(f"{option}: {error}.", EXIT_USAGE) from None


def check_report_file(option: str, file: Path) -> None:
    """Raises an exit with code 2 when the file cannot be written at the end, before anything is begun."""
    if file.is_dir() or not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
        raise refuse(f"{option}: {file} cannot be written.", EXIT_USAGE)


def refuse(sentence: str, code: int = EXIT_BROKEN) -> typer.Exit:
    """Says why not; to be raised."""
    errors.print(sentence, markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(code)


def progress(step: str) -> None:
    errors.print(f"{step}…", markup=False, highlight=False)


def show_line(line: str) -> None:
    errors.print(line, markup=False, highlight=False, soft_wrap=True)
