"""Whatever code of the user's own gets, it cannot change it for others, and nothing is copied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify.recommenders.candidate_table import CandidateTable, Key, Pick
from abbotify.recommenders.plugins.load import Loaded, fit_plugin, load_plugin, readonly
from abbotify.scenario import Scenario
from abbotify.scenario.recommenders import Plugin
from abbotify.testing import generated_log, small_world
from abbotify.world.base import Lists, World

RECORDING = """
class R:
    def __init__(self, params, world):
        self.got = {"world": world}
    def fit(self, log, catalogue):
        self.got |= {"log": log, "catalogue": catalogue}
        return {"best": log.track[:3]}
    def restore(self, arrays):
        self.got["arrays"] = arrays
    def recommend(self, request):
        return None
"""


@pytest.fixture
def loaded(tmp_path: Path, scenario_of: Callable[[str], Scenario]) -> Any:
    """Loads class R of a text for a world, with a model if there is one."""

    def load(text: str, world: World, model: Any = None) -> Loaded:
        (tmp_path / "mine.py").write_text(text, encoding="utf-8")
        scenario = scenario_of("it:\n    recommender: mine.py:R")
        spec = scenario.arms["it"]
        assert isinstance(spec, Plugin)
        return load_plugin(spec, world, scenario, ("arms", "it"), model)

    return load


def parts(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """All that can be reached from a value, with its place."""
    yield place, value
    if is_dataclass(value):
        for field in fields(value):
            yield from parts(getattr(value, field.name), f"{place}.{field.name}")
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from parts(part, f"{place}[{name!r}]")
    elif isinstance(value, tuple):
        for number, part in enumerate(value):
            yield from parts(part, f"{place}[{number}]")


def assert_fixed(value: Any, least: int) -> None:
    """Nothing in it can be written to, and there are that many arrays."""
    arrays = 0
    for place, part in parts(value):
        assert not isinstance(part, list | dict | set | bytearray), place
        if isinstance(part, Mapping):
            with pytest.raises(TypeError):
                part["new"] = 1  # type: ignore[index]
        if isinstance(part, np.ndarray):
            arrays += 1
            with pytest.raises(ValueError, match="read-only"):
                part[...] = 0
            with pytest.raises(ValueError, match="WRITEABLE"):
                part.setflags(write=True)
    assert arrays >= least


def test_all_that_a_plugin_gets_is_fixed_and_shared(loaded: Any) -> None:
    world, log = small_world(), generated_log(small_world())
    learner = loaded(RECORDING, world)
    fit_plugin(learner, log, world.catalogue)
    got = learner.recommender.got
    assert_fixed(got["world"], 15)
    assert_fixed(got["catalogue"], 7)
    assert_fixed(got["log"], 6)
    model = {"a": np.zeros(3), "b": np.zeros((2, 0))}
    served = loaded(RECORDING, world, model)
    assert_fixed(served.recommender.got["arrays"], 2)
    assert np.shares_memory(served.recommender.got["arrays"]["a"], model["a"])
    assert np.shares_memory(got["world"].catalogue.vectors, world.catalogue.vectors)
    assert np.shares_memory(got["world"].users.interests.tracks, world.users.interests.tracks)
    assert np.shares_memory(got["log"].time, log.time)


def test_names_that_are_made_up_when_asked_stay_so() -> None:
    from abbotify.world.names import Titles

    titles = Titles(1_000_000_000)
    assert readonly(titles) is titles


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((3, 4), np.float32),
        np.zeros((6, 4))[::2, ::-1],
        np.zeros(0, np.int64),
        np.zeros((4, 0)),
        np.array(7),
        np.array([True, False]),
        np.zeros(3, np.float16),
        np.zeros(3, ">i4"),
        np.array(["a", "b"]),
        np.array(["2026-01-01"], "datetime64[D]"),
    ],
    ids=lambda values: f"{values.dtype}{values.shape}",
)
def test_any_array_is_the_same_and_fixed(values: Any) -> None:
    fixed = readonly(values)
    assert (fixed.dtype, fixed.shape) == (values.dtype, values.shape)
    np.testing.assert_array_equal(fixed, values)
    assert not fixed.flags.writeable
    assert values.size == 0 or np.shares_memory(fixed, values)
    assert values.flags.writeable, "the owner's own array"


TABLE = """
import numpy as np
from abbotify import CandidateTable, Key, Lists, Pick
class Table(CandidateTable):
    def check(self, world): pass
class R:
    def __init__(self, params, world):
        self.tracks = np.arange(5, dtype=np.int32)
    def recommend(self, request):
        return 1
    def candidates(self):
        return KIND(Key.NOTHING, Lists(np.array([0, 5]), self.tracks), Pick.UNIFORM)
"""


def test_a_table_that_is_changed_later_stays_what_was_checked(loaded: Any) -> None:
    made = loaded(TABLE.replace("KIND", "CandidateTable"), small_world())
    made.recommender.tracks[:] = 10**6
    assert made.table.lists.tracks.tolist() == [0, 1, 2, 3, 4]


def test_a_table_of_a_class_of_ones_own_is_checked_all_the_same(loaded: Any) -> None:
    text = TABLE.replace("KIND", "Table")
    assert type(loaded(text, small_world()).table) is CandidateTable
    with pytest.raises(Exception, match="track 60 is not between 0 and 59"):
        loaded(text.replace("np.arange(5", "56 + np.arange(5"), small_world())


def test_a_copy_of_a_table_is_equal_in_every_part() -> None:
    other = CandidateTable(Key.NOTHING, Lists(np.array([0, 2]), np.array([3, 4])), Pick.UNIFORM)
    lists = Lists(np.array([0, 2, 3]), np.array([1, 2, 0]))
    table = CandidateTable(
        Key.USER, lists, Pick.WEIGHTED, np.array([0.5, 1.0, 2.0]), below=30, otherwise=other
    )
    pairs = np.array([2, 5])
    paired = CandidateTable(Key.USER_FIRST, lists, Pick.UNIFORM, None, pairs=pairs)
    ascending = Lists(np.array([0, 2, 3]), np.array([1, 2, 0]))
    apart = CandidateTable(Key.USER, ascending, Pick.UNIFORM, exclude_previous=True)
    for one in (table, paired, apart):
        for (place, mine), (_, copied) in zip(parts(one), parts(one.copy()), strict=True):
            if isinstance(mine, np.ndarray):
                np.testing.assert_array_equal(mine, copied, place)
                assert not np.shares_memory(mine, copied), place
            elif not is_dataclass(mine) and not isinstance(mine, tuple):
                assert mine == copied, place
