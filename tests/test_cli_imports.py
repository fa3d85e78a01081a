"""What the commands import: half of a short run's time can be spent there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

STATISTICS = ("pandas", "statsmodels", "scipy.stats", "torch")  # half a second or more each
HEAVY = ("numpy", "numba", "scipy", "matplotlib", "simpy", "pyarrow", *STATISTICS)
IMPORTS = """
import sys
from abbotify.cli import main
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


@pytest.mark.parametrize(
    ("command", "spared"),
    [
        (("--help",), (*HEAVY, "pydantic")),
        (("run", "--help"), HEAVY),  # typer imports pydantic
        (("schema",), ("numpy", *STATISTICS)),
        (("check", "SCENARIO"), ("pyarrow.compute", "matplotlib", "jinja2", *STATISTICS)),
        (("run", "SCENARIO", "--out", "OUT"), STATISTICS),
        (("report", "OUT"), ("pyarrow", *STATISTICS)),
        # pyarrow brings pandas when numpy asks for a column
        (
            ("compare", "OUT", "OUT"),
            ("matplotlib", "jinja2", "statsmodels", "scipy.stats", "torch"),
        ),
    ],
)
def test_commands_import_only_what_they_need(
    command: tuple[str, ...], spared: tuple[str, ...], tmp_path: Path, small: dict[str, Any]
) -> None:
    paths = {"SCENARIO": str(tmp_path / "small.yaml"), "OUT": str(tmp_path / "out")}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small))
    if command[0] in ("report", "compare"):
        imported("run", paths["SCENARIO"], "--out", paths["OUT"])
    assert imported(*(paths.get(word, word) for word in command)) & set(spared) == set()
