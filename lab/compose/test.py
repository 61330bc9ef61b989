"""`make compose-test`: the whole stack in containers, paid through, broken, extended, scaled, secured and audited.

Takes a Debian machine with nothing but Python and a network, as root, or any machine that has Docker and Compose.
Exit code 0 when all is well, 1 when it is not, 3 when this machine cannot run Docker at all, so that nothing was tried.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

from lab.compose.docker import (
    DOCKER_PACKAGE,
    CommandFailed,
    DockerMissing,
    check_containers_run,
    compose_command,
    install_what_is_missing,
    running_daemon,
)
from lab.compose.fourth_bank import FourthBank
from lab.compose.images import base_images
from lab.compose.sandbox import use_sandbox
from lab.compose.scenario import SNAPSHOT_SECONDS_MAX, Broken, Secured
from lab.compose.stack import Stack
from lab.compose.summary import Summary
from lab.network.parts.errors import PartError
from lab.read.rest import Unreachable
from pix.participant.process import heed_interrupts
from pix.web.client import new_http_client

ROOT: Final = Path(__file__).resolve().parents[2]
PROJECT: Final = "codepix-compose-test"
IMAGE: Final = "codepix:0.1.0"
LOAD_IMAGE: Final = "codepix-load:0.1.0"
SANDBOX_IMAGE: Final = "codepix-sandbox:0.1.0"
FOURTH_BANK_PAGE: Final = ROOT / "docs" / "add-a-bank.md"
SASL_FILE: Final = ROOT / "docker-compose.sasl.yml"
SCENARIOS: Final = 2

EXIT_FAILED: Final = 1
EXIT_NO_DOCKER: Final = 3

PROGRAMS: Final = {
    "dockerd": (DOCKER_PACKAGE,),
    "docker": (DOCKER_PACKAGE,),
    "docker-compose": ("docker-compose",),
}


def compose_test(summary: Summary) -> None:
    """Makes the machine able, builds, tries and clears up. Raises `PartError` and `Unreachable`."""
    with ExitStack() as stack:
        with summary.step("programs") as said:
            installed = install_what_is_missing(PROGRAMS)
            said.append(f"installed {', '.join(installed)}" if installed else "all there")
        with summary.step("docker daemon") as said:
            said.append(stack.enter_context(running_daemon(summary.progress)))
            compose = compose_command()
            if compose is None:
                raise DockerMissing("There is no Compose here, neither `docker compose` nor `docker-compose`.")
            said.append(" ".join(compose))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="codepix-compose-")))
        fourth_bank = FourthBank(FOURTH_BANK_PAGE)
        network = Stack(compose, ROOT, folder / "plain", PROJECT)
        override = fourth_bank.added_to_secured(SASL_FILE.read_text(encoding="utf-8"))
        secured = Stack(compose, ROOT, folder / "secured", PROJECT, override)
        secured.edit(fourth_bank.added_to(secured.text))
        with summary.step("images of others") as said:
            images = stack.enter_context(base_images(network.images, summary.progress))
            said += [f"{name}{': a stand-in' if name in images.stand_ins else ''}" for name in images.names]
            check_containers_run(images.names[0])
        with summary.step("our images") as said:
            for target, image in (("runtime", IMAGE), ("load", LOAD_IMAGE), ("sandbox", SANDBOX_IMAGE)):
                said.append(f"{image}: {network.build(target, image):.0f} MB on top of Python's")
        client = stack.enter_context(new_http_client(timeout=SNAPSHOT_SECONDS_MAX))
        # What an earlier test may have left behind, for want of time.
        network.forget()
        with _torn_down(network, summary):
            use_sandbox(network, summary)
        for each in (
            Broken(network, client, summary, fourth_bank),
            Secured(secured, client, summary),
        ):
            with _torn_down(network, summary):
                each.run()


@contextmanager
def _torn_down(network: Stack, summary: Summary) -> Iterator[None]:
    """At the end nothing of the project is left; what went wrong before is not hidden by what goes wrong then."""
    try:
        yield
    except BaseException:
        with suppress(CommandFailed):
            network.forget()
        raise
    with summary.step("tear down"):
        network.forget()


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    heed_interrupts()
    signal.signal(signal.SIGTERM, _terminate)
    summary = Summary(ledgers_expected=SCENARIOS)
    try:
        compose_test(summary)
    except DockerMissing as error:
        summary.progress(f"Nothing was tried: this machine cannot run Docker. {error}")
        return EXIT_NO_DOCKER
    except (PartError, Unreachable, CommandFailed) as error:
        summary.problem = str(error)
    except KeyboardInterrupt:
        summary.problem = "Interrupted; everything is stopped."
    summary.show()
    return 0 if summary.is_ok else EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
