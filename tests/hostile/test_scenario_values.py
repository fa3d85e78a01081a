"""A wrong value of the scenario file is told in one line that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Command
from tests.hostile.conftest import assert_refused
from tests.hostile.files import DELETE, base, changed, write_scenario
from tests.hostile.values import VALUES, Case


def shown(case: Case) -> str:
    path, value, _ = case
    return f"{path}={'nothing' if value is DELETE else repr(value)[:25]}"


@pytest.mark.parametrize(("path", "value", "named"), VALUES, ids=map(shown, VALUES))
def test_a_wrong_value_is_told(
    abbotify: Command, workspace: Path, path: str, value: Any, named: tuple[str, ...]
) -> None:
    write_scenario(workspace, changed(base(), path, value))
    assert_refused(abbotify, workspace, named)
