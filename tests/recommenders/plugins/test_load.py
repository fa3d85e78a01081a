"""A plug-in that cannot be used is refused in one line that names the place."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abbotify.errors import PluginError, ScenarioError, UserError
from abbotify.recommenders.base import Request
from abbotify.recommenders.build import build_arms
from abbotify.recommenders.plugins.load import Loaded, load_plugin
from abbotify.scenario import Scenario
from abbotify.scenario.recommenders import Plugin
from abbotify.world.base import World

HEAD = """\
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
import numpy as np
from abbotify import CandidateTable, Key, Lists, Pick
"""
GOOD = """
class R:
    @dataclass(frozen=True)
    class Params:
        size: int
        share: float = 0.5
        kind: Literal["a", "b"] = "a"
        sizes: tuple[int, ...] = ()
        pair: tuple[int, str] | None = None
        file: Path | None = None
        table: dict[str, list[float]] | None = None
    def __init__(self, params, world):
        self.params = params
    def recommend(self, request):
        return self.params.size
"""


@pytest.fixture
def loaded(tmp_path: Path, scenario_of: Callable[[str], Scenario], world: World) -> Any:
    """Loads class R of a file with the given text, with the given keys."""

    def load(text: str, keys: str = "", name: str = "mine.py:R") -> Loaded:
        (tmp_path / "recommenders").mkdir(exist_ok=True)
        (tmp_path / "recommenders" / "mine.py").write_text(HEAD + text, encoding="utf-8")
        target = name if name.startswith("!") else f"recommenders/{name}"
        lines = f"it:\n    recommender: {target.lstrip('!')}\n"
        lines += "".join(f"    {key}\n" for key in keys.split("; ") if key)
        scenario = scenario_of(lines.rstrip())
        spec = scenario.arms["it"]
        assert isinstance(spec, Plugin)
        return load_plugin(spec, world, scenario, ("arms", "it"))

    return load


def test_parameters_arrive_as_declared(loaded: Any, tmp_path: Path) -> None:
    (tmp_path / "data.txt").touch()
    keys = "size: 7; share: 1; kind: b; sizes: [1, 2]; pair: [3, x]; file: data.txt"
    params = loaded(GOOD, keys + "; table: {a: [1, 2.5]}").recommender.params
    assert (params.size, params.share, params.kind) == (7, 1.0, "b")
    assert type(params.share) is float
    assert (params.sizes, params.pair) == ((1, 2), (3, "x"))
    assert params.file == tmp_path / "data.txt"
    assert params.table == {"a": [1.0, 2.5]}


def test_paths_are_resolved_at_any_depth(loaded: Any, tmp_path: Path) -> None:
    (tmp_path / "data.txt").touch()
    text = GOOD.replace(
        "file: Path | None = None", "file: dict[str, list[Path | None]] | None = None"
    )
    params = loaded(text, "size: 7; file: {a: [data.txt, null]}").recommender.params
    assert params.file == {"a": [tmp_path / "data.txt", None]}
    with pytest.raises(ScenarioError, match=r"arms.it.file.a.0: no.txt: no such file or"):
        loaded(text, "size: 7; file: {a: [no.txt]}")
    with pytest.raises(ScenarioError, match=r"arms.it.file.a.0: must be a path, got 3"):
        loaded(text, "size: 7; file: {a: [3]}")


def test_a_value_keeps_its_type_in_a_union(loaded: Any) -> None:
    text = GOOD.replace("share: float", "share: float | int | str | bool")
    for written, value in {"3": 3, "3.0": 3.0, "true": True, "x": "x"}.items():
        share = loaded(text, f"size: 7; share: {written}").recommender.params.share
        assert (type(share), share) == (type(value), value)


def test_a_class_without_params_takes_none(loaded: Any) -> None:
    text = "class R:\n  def __init__(self, params, world): self.params = params\n"
    found = loaded(text + "  def recommend(self, request): return 1\n")
    assert found.recommender.params is None
    assert found.table is None
    assert found.why_not == "R has no candidates()"


def test_siblings_are_imported_from_the_plugins_own_folder(
    loaded: Any, tmp_path: Path, scenario_of: Any, world: World
) -> None:
    text = "from sibling_of_mine import R\n"
    body = "class R:\n  def __init__(self, p, w): pass\n  def recommend(self, r): return {}\n"
    for folder, track in (("recommenders", 1), ("others", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "sibling_of_mine.py").write_text(body.format(track))
        (tmp_path / folder / "mine.py").write_text(text)
    arms = "it: {recommender: recommenders/mine.py:R}\nthat: {recommender: others/mine.py:R}"
    first, second = build_arms(scenario_of(arms), world)[1:]
    request = Request(1, 1, 0, 1, 0, 0, 1.0, [0], [], 1)
    assert first.recommend(request) == (1, 0)
    assert second.recommend(request) == (2, 0)


def test_an_edited_file_is_read_again(loaded: Any) -> None:
    assert loaded(GOOD, "size: 7").recommender.recommend(None) == 7
    changed = GOOD.replace("params.size", "params.size+1")
    assert loaded(changed, "size: 7").recommender.recommend(None) == 8


def test_a_module_that_is_installed(
    loaded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "installed_somewhere.py").write_text(HEAD + GOOD)
    monkeypatch.syspath_prepend(tmp_path)
    found = loaded("", "size: 5", name="!installed_somewhere:R")
    assert found.recommender.recommend(None) == 5


NO_INIT = "class R:\n  def recommend(self, request): return 1\n"
INIT = (
    "class R:\n  def __init__(self, params, world): {}\n  def recommend(self, request): return 1\n"
)
TABLE = INIT.format("pass") + "  def candidates(self): return {}\n"
PARAMS = INIT.format("pass") + "  {}\n"

PLUGIN_ERRORS = {
    "no such file": ("", "x.py:R", r"it.yaml:6: arms.it.recommender: recommenders/x.py: no such"),
    "a folder": ("", "x/y.py:R", r"it.yaml:6: arms.it.recommender: recommenders/x/y.py: no such"),
    "no such module": ("", "!no_such_module_x:R", r"it.yaml:6: .*: No module named 'no_such_mod"),
    "no such class": ("class Rr: pass", "mine.py:R", r"mine.py has no class R; did you mean Rr\?"),
    "no class at all": ("", "mine.py:R", r"it.yaml:6: .*mine.py has no class R$"),
    "not a class": ("R = 5", "mine.py:R", r"mine.py:R is not a class, but of type int"),
    "lacks recommend": ("class R: pass", "mine.py:R", r"mine.py:R lacks the method recommend"),
    "recommend of nothing": (
        "class R:\n  def recommend(self): pass",
        "mine.py:R",
        r"mine.py:R.recommend must take self and a request",
    ),
    "syntax": ("def f(:", "mine.py:R", r"/mine.py:6: not valid Python: "),
    "raises on import": ("\n1 / 0", "mine.py:R", r"/mine.py:7: importing it raised ZeroDivision"),
    "exits on import": ("exit('bye')", "mine.py:R", r"mine.py:6: importing it raised SystemExit"),
    "no constructor": (NO_INIT, "mine.py:R", r"/mine.py: R\(params, world\) raised TypeError: R\("),
    "raises": (INIT.format("world.x"), "mine.py:R", r"/mine.py:7: R\(params, world\) raised Attri"),
    "many lines": (
        INIT.format("raise ValueError('a\\nb')"),
        "mine.py:R",
        r"/mine.py:7: R\(params, world\) raised ValueError: a b \(mine.py:7\)$",
    ),
    "not a table": (
        TABLE.format("3"),
        "mine.py:R",
        r"candidates\(\) raised ValueError: returned i",
    ),
    "a table beyond the catalogue": (
        TABLE.format("CandidateTable(Key.NOTHING, Lists(np.array([0, 1]), np.array([60])), 0)"),
        "mine.py:R",
        r"R.candidates\(\) raised ValueError: track 60 is not between 0 and 59",
    ),
    "a table for another world": (
        TABLE.format("CandidateTable(Key.USER, Lists(np.array([0, 1]), np.array([5])), 0)"),
        "mine.py:R",
        r"R.candidates\(\) raised ValueError: key USER needs 20 rows, got 1",
    ),
    "Params not a dataclass": (
        PARAMS.format("class Params: pass"),
        "mine.py:R",
        r"it.yaml:6: arms.it.recommender: recommenders/mine.py:R: Params must be a frozen",
    ),
    "Params not frozen": (
        PARAMS.format("Params = dataclass(type('Params', (), {}))"),
        "mine.py:R",
        r"Params must be a frozen dataclass",
    ),
    "Params of strange types": (
        GOOD.replace("size: int", "size: bytes"),
        "mine.py:R",
        r"Params.size: the type <class 'bytes'> is not supported",
    ),
    "Params of unknown types": (
        GOOD.replace("size: int", "size: 'Sizee'"),
        "mine.py:R",
        r"the types of Params cannot be read: name 'Sizee' is not defined",
    ),
    "Params that can never be given": (
        GOOD.replace("size: int", "weight: int"),
        "mine.py:R",
        r"Params.weight has the name of a key that every arm has",
    ),
}


@pytest.mark.parametrize("case", PLUGIN_ERRORS)
def test_a_plugin_that_cannot_be_used(case: str, loaded: Any) -> None:
    text, name, pattern = PLUGIN_ERRORS[case]
    with pytest.raises(PluginError) as caught:
        loaded(text, name=name)
    one_line(caught.value, pattern)


SCENARIO_ERRORS = {
    "unknown": ("size: 1; sise: 2", r"it.yaml:8: arms.it.sise: unknown key; did you mean size\?"),
    "misspelt option": ("size: 1; wieght: 2", r"arms.it.wieght: unknown key; did you mean weight"),
    "missing": ("share: 0.5", r"it.yaml:5: arms.it.size: the key is missing"),
    "a number for an integer": ("size: 1.0", r"it.yaml:7: arms.it.size: must be a whole number, g"),
    "a truth for an integer": ("size: true", r"arms.it.size: must be a whole number, got true"),
    "text for a number": ("size: 1; share: x", r"it.yaml:8: arms.it.share: must be a number, got"),
    "not one of": ("size: 1; kind: c", r"arms.it.kind: must be 'a' or 'b', got 'c'"),
    "not a list": ("size: 1; sizes: 3", r"arms.it.sizes: must be a list, got 3"),
    "a wrong item": (
        "size: 1; sizes: [1, x]",
        r"arms.it.sizes.1: must be a whole number, got 'x'",
    ),
    "a wrong pair": ("size: 1; pair: [1]", r"arms.it.pair: has too few items, got \[1\]"),
    "no such file": ("size: 1; file: no.txt", r"it.yaml:8: arms.it.file: no.txt: no such file or"),
    "not a mapping": (
        "size: 1; table: 3",
        r"arms.it.table: must be a mapping of keys to values, got 3",
    ),
}


@pytest.mark.parametrize("case", SCENARIO_ERRORS)
def test_a_key_that_does_not_fit(case: str, loaded: Any) -> None:
    keys, pattern = SCENARIO_ERRORS[case]
    with pytest.raises(ScenarioError) as caught:
        loaded(GOOD, keys)
    one_line(caught.value, pattern)


def test_keys_for_a_class_without_any(loaded: Any) -> None:
    with pytest.raises(ScenarioError, match=r"it.yaml:7: arms.it.size: .* R takes no parameters"):
        loaded(INIT.format("pass"), "size: 1")


def test_what_params_refuse_themselves(loaded: Any) -> None:
    rule = "    def __post_init__(self):\n            raise ValueError('size is odd')\n"
    text = GOOD.replace("    def __init__", f"    {rule}    def __init__", 1)
    with pytest.raises(ScenarioError, match=r"it.yaml:5: arms.it: R.Params refuses: size is odd"):
        loaded(text, "size: 1")


def one_line(error: UserError, pattern: str) -> None:
    text = str(error)
    assert "\n" not in text
    assert re.search(pattern, text), text
