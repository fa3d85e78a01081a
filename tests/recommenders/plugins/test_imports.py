"""Code of the user's own is imported anew, and blamed for what it raises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from abbotify.errors import PluginError
from abbotify.recommenders.plugins.imports import blamed, class_of, imported, placed


def test_a_file_is_found_from_the_workspace_and_read_anew(scenario_of: Any, tmp_path: Path) -> None:
    scenario = scenario_of("it: {recommender: random}")
    for value in (1, 2):
        (tmp_path / "mine.py").write_text(f"VALUE = {value}\n")
        file, module = imported("mine.py", scenario)
        assert (file, module.VALUE) == (tmp_path / "mine.py", value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("x =\n", "not valid Python: invalid syntax"),
        ("1 / 0\n", "importing it raised ZeroDivision"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    text: str, what: str, scenario_of: Any, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(PluginError, match=what) as error:
        imported("mine.py", scenario_of("it: {recommender: random}"))
    assert (error.value.file, error.value.line) == (str(tmp_path / "mine.py"), 1)


def test_a_missing_class_has_a_hint(scenario_of: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Radio: ...\nSIZE = 3\n")
    _, module = imported("mine.py", scenario_of("it: {recommender: random}"))
    assert class_of(module, "Radio", "mine.py") is module.Radio
    with pytest.raises(PluginError, match=r"mine\.py has no class Radia; did you mean Radio\?"):
        class_of(module, "Radia", "mine.py")
    with pytest.raises(PluginError, match=r"mine\.py:SIZE is not a class, but of type int"):
        class_of(module, "SIZE", "mine.py")


def test_an_error_gets_the_place_it_lacks(scenario_of: Any) -> None:
    scenario = scenario_of("it: {recommender: random}")
    with pytest.raises(PluginError) as error, placed(scenario, ("arms", "it", "recommender")):
        raise PluginError("broken")
    assert (error.value.key, error.value.line) == ("arms.it.recommender", 5)


def test_what_code_raises_is_told_in_one_line() -> None:
    told = pytest.raises(PluginError, match=r"R\.fit raised ValueError: no")
    with told, blamed("R.fit", Path(__file__)):
        raise ValueError("no")
    with pytest.raises(KeyboardInterrupt), blamed("R.fit", Path(__file__)):
        raise KeyboardInterrupt
