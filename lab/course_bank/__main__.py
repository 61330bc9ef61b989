"""`python -m lab.course_bank`: runs the stand-in; its settings come from the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from lab.course_bank.bank import CourseBank
from lab.course_bank.fixtures import OPENING_BALANCE_DEFAULT
from lab.course_bank.server import CourseBankSettings, run_course_bank
from pix.runtime.logs import configure_logs
from pix.scheme.course import COURSE_CODES

EXIT_USAGE: Final = 2


def main(make_bank: type[CourseBank] = CourseBank) -> int:
    """Returns the exit code. `make_bank` is another class where a test deviates."""
    try:
        settings = CourseBankSettings(
            code=os.environ["BANK_CODE"],
            hub_grpc_address=os.environ["HUB_GRPC_ADDRESS"],
            kafka_bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            http_port=int(os.environ["HTTP_PORT"]),
            folder=Path(os.environ["DATA_DIR"]),
            opening_balance=int(os.environ.get("OPENING_BALANCE", OPENING_BALANCE_DEFAULT)),
        )
    except KeyError as error:
        print(f"{error.args[0]}: is not set", file=sys.stderr)
        return EXIT_USAGE
    except ValueError:
        print("HTTP_PORT, OPENING_BALANCE: must be whole numbers", file=sys.stderr)
        return EXIT_USAGE
    if settings.code not in COURSE_CODES:
        print(f"BANK_CODE: must be {' or '.join(COURSE_CODES)}", file=sys.stderr)
        return EXIT_USAGE
    configure_logs(f"course-bank-{settings.code}", "INFO", as_json=False)
    return run_course_bank(settings, make_bank)


if __name__ == "__main__":
    sys.exit(main())
