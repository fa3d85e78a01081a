"""Code of the user's own that lies, breaks or takes what is not its own: counted or told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify.recommenders.base import WrongAnswer, checked, shown, whole
from abbotify.recommenders.batch import FAILED, MISSED, answers_of
from abbotify.recommenders.failures import described
from tests.conftest import Command
from tests.hostile.conftest import assert_refused
from tests.hostile.files import base, changed, write_scenario

TRACKS = 60


class Lies(int):
    """Between any two numbers, equal to all, and another number when it is converted."""

    def _yes(self, other: Any) -> bool:
        return True

    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = _yes
    __hash__ = int.__hash__

    def __int__(self) -> int:
        return 3

    __index__ = __trunc__ = __int__


class Mute(int):
    """Raises whatever is asked of it."""

    def _no(self, *args: Any) -> Any:
        raise SystemExit("no")

    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = __int__ = __index__ = _no
    __repr__ = __str__ = __format__ = __bool__ = _no
    __hash__ = int.__hash__


class Masked:
    """Says it is an integer."""

    __class__ = int  # type: ignore[assignment]

    def __index__(self) -> int:
        return 3

    def __le__(self, other: Any) -> bool:
        return True

    __lt__ = __gt__ = __ge__ = __le__


class Wordless:
    def __repr__(self) -> str:
        raise SystemExit("no")


class Odd:
    def __repr__(self) -> Any:
        return 7


GOOD = [3, Lies(3), Mute(3), np.int8(3), np.uint64(3), np.int64(3)]
BAD: list[Any] = [
    *(Lies(-1), Lies(60), Mute(60), Mute(-7), Masked(), Wordless(), Odd(), True, np.True_),
    *(3.0, np.float64(3.0), np.array(3), np.array([3]), "3", b"3", (3,), {3}, 3 + 0j, object()),
    *(10**400, np.uint64(2**64 - 1), float("nan"), type, NotImplemented, ...),
]


@pytest.mark.parametrize("value", GOOD, ids=lambda value: type(value).__name__)
def test_an_integer_counts_for_what_it_is(value: Any) -> None:
    found = checked(value, TRACKS)
    assert type(found) is int
    assert found == 3


@pytest.mark.parametrize("value", BAD, ids=lambda value: type(value).__name__)
def test_anything_else_is_a_wrong_answer_whatever_it_says(value: Any) -> None:
    with pytest.raises(WrongAnswer) as caught:
        checked(value, TRACKS)
    text = described(caught.value)
    assert text.startswith("returned ")
    assert len(text) < 200
    assert "\n" not in text


@pytest.mark.parametrize("value", BAD, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("as_array", [False, True], ids=["list", "array"])
def test_in_a_batch_too(value: Any, as_array: bool) -> None:
    found: Any = [5, value, None, -1]
    if as_array:
        found = np.empty(4, object)
        found[:] = [5, 0, None, -1]
        found[1] = value
    try:
        answers = answers_of(found, 4, TRACKS)
    except ValueError:  # a list of arrays has a shape of its own, or none
        assert isinstance(value, np.ndarray | tuple)
        return
    expected = MISSED if whole(value) == -1 else FAILED
    assert answers.tracks.tolist() == [5, expected, MISSED, MISSED]
    assert list(answers.wrong) == ([1] if expected == FAILED else [])


class Long:
    """An array of one length that is another when it is gone through."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array([1, None], object)

    def __iter__(self) -> Any:
        return iter([1] * 9)


def test_a_batch_has_one_length() -> None:
    assert answers_of(Long(), 2, TRACKS).tracks.tolist() == [1, MISSED]


class Silent(Exception):
    def __str__(self) -> str:
        raise SystemExit("no")

    __repr__ = __str__


class Meta(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise SystemExit("no")


class Nameless(Exception, metaclass=Meta):
    pass


@pytest.mark.parametrize(
    "error",
    [Silent(), Nameless("x"), Exception("\ud800\n\x1b[2J" + "x" * 10**6), Exception(Wordless())],
    ids=["str raises", "no name", "long and odd", "odd arguments"],
)
def test_any_exception_can_be_told(error: BaseException) -> None:
    text = described(error)
    assert 0 < len(text) < 1000
    assert "\n" not in text
    assert shown(error)


RAISES = {
    "str raises": "raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})()",
    "repr raises": "raise type('E', (ValueError,), {'__repr__': lambda self: 1 / 0})()",
    "str exits": "raise type('E', (Exception,), {'__str__': lambda self: sys.exit(3)})()",
    "base exception": "raise type('E', (BaseException,), {})('x')",
    "exits": "sys.exit(0)",
    "exits hard": "raise SystemExit",
    "generator exit": "raise GeneratorExit",
    "stop iteration": "raise StopIteration",
    "group": "raise BaseExceptionGroup('x', [SystemExit(1)])",
    "surrogates": "raise Exception('\\ud800')",
    "a cause that is odd": "raise Exception('x') from type('E', (Exception,), {})()",
    "recursion": "return self.recommend(request)",
    "memory": "raise MemoryError",
    "writes the world": "self.world.catalogue.vectors[:] = 0",
    "writes the users": "self.world.users.bias[:] = 100",
    "writes what is near": "self.world.nearest.fill(0)",
    "changes a title": "self.world.catalogue.titles[0] = 'x'",
    "changes an artist": "self.world.catalogue.artists.append('x')",
    "changes a field": "self.world.catalogue.dims = 1",
    "changes what was played": "request.played.append(1)",
    "lies": "return type('L', (int,), {'__le__': lambda *a: True, '__lt__': lambda *a: True})(-5)",
    "repr of an answer raises": "return type('R', (), {'__repr__': lambda self: 1 / 0})()",
}
OWN = """
import sys

class Own:
    def __init__(self, params, world):
        self.world = world

    def recommend(self, request):
        {code}
"""
BATCH = OWN.replace("recommend(self, request)", "recommend_batch(self, requests)")


def written(folder: Path, code: str) -> None:
    (folder / "data" / "own.py").write_text(code, encoding="utf-8")


def small(**arm: Any) -> dict[str, Any]:
    """Only the recommender of the user's own against a control that it must not touch."""
    data = changed(base(), "arms.own", {"recommender": "data/own.py:Own", **arm})
    data["arms"] = {name: data["arms"][name] for name in ("random", "top", "own")}
    return data


@pytest.mark.parametrize("code", RAISES.values(), ids=RAISES)
def test_whatever_is_raised_is_an_error_of_that_recommender(
    abbotify: Command, fresh: Path, code: str
) -> None:
    written(fresh, OWN.replace("{code}", code))
    write_scenario(fresh, small())
    finished = abbotify("run", fresh / "s.yaml", "--out", fresh / "out")
    assert (finished.code, finished.err) == (0, "")
    report = json.loads((fresh / "out" / "report.json").read_text(encoding="utf-8"))
    arms = {arm["name"]: arm for arm in report["arms"]}
    own = arms["own"]["counters"]
    assert own["errors"] == own["requests"] - arms["own"]["sessions"] > 0
    assert arms["random"]["counters"]["errors"] == 0
    manifest = json.loads((fresh / "out" / "manifest.json").read_text(encoding="utf-8"))
    (entry,) = manifest["errors"]
    assert entry["arm"] == "own"
    assert entry["count"] == own["errors"]
    write_scenario(fresh, small(on_error="stop"))
    before = (fresh / "out" / "report.json").read_bytes()
    stopped = abbotify("run", fresh / "s.yaml", "--out", fresh / "out")
    assert stopped.code == 2
    assert stopped.err.startswith("abbotify: arms.own: data/own.py:Own failed for user ")
    assert stopped.err.count("\n") == 1
    assert (fresh / "out" / "report.json").read_bytes() == before


WRITES = {
    "the catalogue": "world.catalogue.vectors[:] = 0",
    "popularity": "world.catalogue.popularity *= 2",
    "durations": "world.catalogue.duration_ms.sort()",
    "a user's interests": "world.users.interests.tracks[0] = 1",
    "all users": "import numpy as np; np.copyto(world.users.gamma, 0)",
    "by a flag": "world.catalogue.vectors.setflags(write=True)",
    "names": "world.catalogue.genres.clear()",
}


@pytest.mark.parametrize("code", WRITES.values(), ids=WRITES)
def test_a_constructor_that_writes_to_the_world_is_refused(
    abbotify: Command, fresh: Path, code: str
) -> None:
    written(fresh, OWN.replace("self.world = world", code))
    write_scenario(fresh, small())
    assert_refused(abbotify, fresh, ("own.py:6", "Own(params, world) raised"))


@pytest.mark.parametrize("name", ["log.time.sort()", "catalogue.vectors[:] = 0", "log.row[0] = 1"])
def test_a_training_that_writes_is_refused(abbotify: Command, fresh: Path, name: str) -> None:
    code = OWN.replace("{code}", "return 1") + (
        "    def fit(self, log, catalogue):\n"
        f"        {name}\n"
        "        return {'a': log.row}\n"
        "    def restore(self, arrays): pass\n"
    )
    written(fresh, code)
    data = small()
    data["timeline"].insert(1, {"phase": "train"})
    write_scenario(fresh, data)
    assert_refused(abbotify, fresh, ("own.py:11", "read-only"))


def test_a_model_is_not_changed_by_who_serves_it(abbotify: Command, fresh: Path) -> None:
    code = OWN.replace("{code}", "return 1") + (
        "    def fit(self, log, catalogue): return {'a': log.row}\n"
        "    def restore(self, arrays): arrays['a'][:] = 0\n"
    )
    written(fresh, code)
    data = small()
    data["timeline"].insert(1, {"phase": "train"})
    write_scenario(fresh, data)
    assert_refused(abbotify, fresh, ("own.py:11", "read-only"))


@pytest.mark.parametrize("where", ["recommend", "recommend_batch"])
def test_the_control_is_the_same_beside_one_that_writes(
    abbotify: Command, fresh: Path, where: str
) -> None:
    """What users of the control hear, to the bit, whatever another arm tries."""
    controls = []
    for code in ("pass", "self.world.catalogue.vectors[:] = 0"):
        written(fresh, (OWN if where == "recommend" else BATCH).replace("{code}", code))
        write_scenario(fresh, small())
        assert abbotify("run", fresh / "s.yaml", "--out", fresh / "out").code == 0
        report = json.loads((fresh / "out" / "report.json").read_text(encoding="utf-8"))
        controls.append(report["arms"][0]["metrics"])
    assert controls[0] == controls[1]


STREAMS = {
    "closes": "sys.stdout.close(); sys.stderr.close()",
    "closes by with": "exec('with sys.stdout, sys.stderr: pass')",
    "replaces": "import io; sys.stdout = io.StringIO(); sys.stderr = None",
    "goes elsewhere": "import os; os.chdir('/')",
    "leaves a thread": "import threading as t; t.Thread(target=t.Event().wait).start()",
    "makes numpy strict": "import numpy; numpy.seterr(all='raise')",
    "makes warnings errors": "import warnings; warnings.simplefilter('error')",
}


@pytest.mark.parametrize("code", STREAMS.values(), ids=STREAMS)
def test_what_all_share_is_left_to_the_run(fresh: Path, code: str) -> None:
    """When it is made and whenever it is asked; a thread for each request may be refused."""
    asked = "return 1" if "Thread" in code else f"{code}; return 1"
    written(fresh, OWN.replace("self.world = world", code).replace("{code}", asked))
    write_scenario(fresh, small())
    finished = subprocess.run(
        [sys.executable, "-m", "abbotify", "run", "s.yaml", "--out", "out"],
        cwd=fresh,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.endswith("\nReport: out/report.html\n")
    assert (fresh / "out" / "report.html").is_file()
    assert finished.stdout.count("recommend_batch") == 1  # what would make it fast, once
