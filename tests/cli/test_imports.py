"""What the commands import: half of a short run's time can be spent there."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from tests.conftest import small_scenario

STATISTICS = ("pandas", "statsmodels", "scipy.stats", "torch")  # half a second or more each
HEAVY = ("numpy", "numba", "scipy", "matplotlib", "simpy", "pyarrow", *STATISTICS)
PRINTING = {
    *("abbotify", "annotated_doc", "click", "markdown_it", "mdurl", "pygments", "rich"),
    *("shellingham", "typer", "typing_extensions"),
}
IMPORTS = """
import sys
from abbotify.cli.commands import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


def imported(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A scenario, and where its run is: the run that tells what a run imports."""
    folder = tmp_path_factory.mktemp("imports")
    (folder / "small.yaml").write_text(yaml.safe_dump(small_scenario()))
    return {"SCENARIO": str(folder / "small.yaml"), "OUT": str(folder / "out")}


@pytest.fixture(scope="module")
def of_a_run(paths: dict[str, str]) -> set[str]:
    return imported("run", paths["SCENARIO"], "--out", paths["OUT"])


def test_a_run_spares_what_it_does_not_need(of_a_run: set[str]) -> None:
    # pyarrow brings pandas when it is given numpy's columns
    assert not of_a_run & (set(STATISTICS) - {"pandas"})


def test_help_imports_what_prints_it_and_nothing_else() -> None:
    """It takes a fifth of a second: numba alone would take half a second more."""
    packages = {name.partition(".")[0] for name in imported("--help") if name[0] != "_"}
    others = packages - sys.stdlib_module_names - PRINTING
    assert not others


@pytest.mark.parametrize(
    ("command", "spared"),
    [
        (("run", "--help"), HEAVY),  # typer imports pydantic
        (("schema",), ("numpy", *STATISTICS)),
        (("check", "SCENARIO"), ("pyarrow.compute", "matplotlib", "jinja2", *STATISTICS)),
        (("report", "OUT"), ("pyarrow", *STATISTICS)),
        # pyarrow brings pandas, as in a run
        (
            ("compare", "OUT", "OUT"),
            ("matplotlib", "jinja2", "statsmodels", "scipy.stats", "torch"),
        ),
    ],
)
def test_commands_import_only_what_they_need(
    command: tuple[str, ...], spared: tuple[str, ...], paths: dict[str, str], of_a_run: set[str]
) -> None:
    assert not imported(*(paths.get(word, word) for word in command)) & set(spared)
