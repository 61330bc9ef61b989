"""What every command has in common: how it speaks, and with which code it ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer

from lab.parts.errors import PartError, PartMissing, PortInUse
from lab.report import errors
from lab.rest import Unreachable
from pix.service.process import heed_interrupts

EXIT_BROKEN: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130

HUB_PORT_DEFAULT: Final = 8000

Keep = Annotated[
    Path | None,
    typer.Option(help="An empty folder in which data and logs are to stay.", show_default="a temporary one"),
]


class Terminated(KeyboardInterrupt):
    """SIGTERM came; treated like Ctrl-C, so that everything is stopped on the way out."""


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


@contextmanager
def speaking_plainly() -> Iterator[None]:
    """What goes wrong with a part becomes a sentence and an exit code; SIGTERM and SIGINT end it."""
    heed_interrupts()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except (PortInUse, PartMissing) as error:
        raise refuse(str(error), EXIT_USAGE) from None
    except Unreachable as error:
        raise refuse(str(error), EXIT_USAGE) from None
    except PartError as error:
        raise refuse(str(error)) from None
    except KeyboardInterrupt:
        raise refuse("Interrupted; everything is stopped.", EXIT_INTERRUPTED) from None


def refuse(sentence: str, code: int = EXIT_BROKEN) -> typer.Exit:
    """Says why not; to be raised."""
    errors.print(sentence, markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(code)


def tell(step: str) -> None:
    """Says what is being done, beside the results."""
    errors.print(f"{step}…", markup=False, highlight=False)


def show_line(line: str) -> None:
    """A line of progress, as it is."""
    errors.print(line, markup=False, highlight=False, soft_wrap=True)
