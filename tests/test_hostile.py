"""Whatever is wrong is told in one line that names it; whatever is right runs."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.conftest import Finished

Plain = dict[str, Any]
Break = Callable[[Path], object]
Command = Callable[..., "Finished"]

TRACKS, USERS = 60, 40
HUGE = 10**30


def base() -> Plain:
    """A scenario that reads every kind of file."""
    return {
        "name": "files",
        "world": {
            "catalogue": {
                "source": "botify",
                "tracks": "data/tracks.jsonl",
                "embeddings": "data/vectors.npy",
            },
            "users": {"source": "botify", "file": "data/users.jsonl"},
        },
        "arrivals": {"sessions": 60},
        "timeline": [
            {"phase": "collect", "days": 1, "traffic": {"random": 0.5, "top": 0.5}},
            {"phase": "experiment", "days": 1},
        ],
        "arms": {
            "random": {"recommender": "random"},
            "indexed": {"recommender": "indexed", "file": "data/lists.jsonl"},
            "context": {"recommender": "contextual", "file": "data/similar.jsonl"},
            "i2i": {"recommender": "i2i", "file": "data/similar.jsonl"},
            "top": {"recommender": "top_pop", "file": "data/top.json"},
            "own": {"recommender": "data/own.py:Own", "size": 3},
        },
        "experiment": {"name": "FILES", "control": "random"},
    }


OWN = """
from dataclasses import dataclass

class Own:
    @dataclass(frozen=True)
    class Params:
        size: int

    def __init__(self, params, world):
        self.size = params.size

    def recommend(self, request):
        return request.previous % self.size
"""


def track_lines() -> list[Plain]:
    return [
        {"track": t, "artist": f"a{t % 9}", "title": f"t{t}", "genre": f"g{t % 3}", "pop": t + 1.0}
        for t in range(TRACKS)
    ]


def user_lines() -> list[Plain]:
    return [
        {"user": u, "interests": [u, (7 * u) % TRACKS], "consume_bias": 1.0} for u in range(USERS)
    ]


def write_lines(path: Path, lines: list[Plain]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def write_files(folder: Path) -> None:
    data = folder / "data"
    data.mkdir(parents=True)
    write_lines(data / "tracks.jsonl", track_lines())
    write_lines(data / "users.jsonl", user_lines())
    vectors = np.random.default_rng(1).normal(size=(TRACKS, 4)).astype(np.float32)
    np.save(data / "vectors.npy", vectors)
    write_lines(data / "lists.jsonl", [{"user": u, "tracks": [u, u + 1]} for u in range(USERS)])
    similar = [{"track": t, "recommendations": [(t + 1) % TRACKS, 0]} for t in range(TRACKS)]
    write_lines(data / "similar.jsonl", similar)
    (data / "top.json").write_text(json.dumps(list(range(20))))
    (data / "own.py").write_text(OWN)
    write_scenario(folder, base())


def write_scenario(folder: Path, scenario: Plain) -> None:
    (folder / "s.yaml").write_text(yaml.safe_dump(scenario, sort_keys=False, allow_unicode=True))


def everything(folder: Path) -> dict[str, Any]:
    """Names and what is in them, so that a change of either shows."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        if "__pycache__" not in path.parts:
            found[str(path)] = path.stat().st_size if path.is_file() else None
    return found


# --- Values of the scenario file: (key path, value, what the line must name) ---

DELETE = object()
TOO_LONG = "x" * 5000


def key(path: str, value: Any, *named: str) -> tuple[str, Any, tuple[str, ...]]:
    return path, value, named or (path.rsplit(".", 1)[-1],)


def wrong_values() -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    value: Any
    whole = (
        "seeds.world",
        "seeds.dynamics",
        "listener.session_budget",
        "listener.max_tracks",
        "listener.interest_neighbours",
        "timeline.1.days",
        "metrics.retained_days",
        "shards",
    )
    for path in whole:
        for value in (-1, 0.5, True, "two", None, HUGE, [1], {"a": 1}, float("nan")):
            if path.startswith("seeds.") and value is None:
                continue
            yield key(path, value)
    real = (
        "arrivals.sessions",
        "arms.random.weight",
        "listener.artist_discount_gamma",
        "listener.skip_below",
        "experiment.alpha",
        "experiment.traffic",
    )
    for path in real:
        for value in (-0.1, True, "half", float("inf"), float("nan"), 1e300, {"a": 1}):
            yield key(path, value)
    for value in (-3, 86_400_001, "slow", {"distribution": "exponential"}):
        yield key("arms.random.latency_ms", value)
    names = ("", "a/b", "..", "x" * 101, 7, None, ["a"], "a\x00b", "a\nb", "\x7f")
    for value in names:
        yield key("name", value)
    for value in ("", "a/b", "x" * 101, 7, ["a"], "a\nb"):
        yield key("experiment.name", value)
    for path in ("world", "arrivals", "timeline", "arms", "experiment", "metrics", "log"):
        for value in (7, "text", [[1]], True):
            yield key(path, value)
    yield key("arrivals", DELETE)
    yield key("arms", DELETE)
    yield key("experiment", DELETE)
    yield key("experiment.control", DELETE)
    yield key("arms", {})
    yield key("arms", {"random": {"recommender": "random"}}, "arm")
    yield key("timeline", [])
    yield key("timeline", [{"phase": "collect", "days": 1, "traffic": {"random": 1.0}}])
    yield key("timeline.0.phase", "collected", "phase")
    yield key("timeline.0.phase", DELETE, "phase")
    yield key("timeline.0.traffic", {"random": 0.5, "top": 0.4}, "sum to 1")
    yield key("timeline.0.traffic", {"nobody": 1.0}, "nobody")
    yield key("timeline.0.traffic", {}, "traffic")
    yield key("timeline.1.days", 3651, "days")
    yield key("timeline.1.days", 3650, "timeline")
    yield key("timeline.0", {"phase": "pre", "days": 1, "recommender": "nobody"}, "nobody")
    yield key("experiment.control", "randm", "random")
    yield key("experiment.control", 7)
    yield key("experiment.traffic", [0.5, 0.2])
    yield key("experiment.traffic", [])
    yield key("experiment.traffic", 0.0, "none of the")
    yield key("experiment.traffic", 1e-12, "none of the")
    yield key("arms.i2i.weight", 1e-9, "i2i")
    yield key("experiment.arms", ["random"])
    yield key("experiment.arms", ["random", "random"])
    yield key("experiment.arms", ["random", "nobody"], "nobody")
    yield key("experiments", [{"name": "A", "control": "random"}])
    yield key("metrics.success", [], "success")
    yield key("metrics.success", ["happiness"], "success")
    yield key("metrics.success", ["time", "time"], "success")
    yield key("metrics.report", [], "report")
    yield key("metrics.report", "none", "report")
    yield key("metrics.guardrails", ["time"], "guardrails")
    yield key("metrics.population", "everybody", "population")
    yield key("log.level", "debug", "level")
    yield key("log.botify", "yes", "botify")
    yield key("log", {"level": "users", "botify": True}, "botify")
    yield key("arrivals.visits_per_day", 1.0, "arrivals")
    yield key("arrivals.profile", "morning", "profile")
    yield key("retrain", True, "retrain")
    yield key("arm", {}, "arms")
    yield key("listener.budget", 5, "budget")
    yield key("arms.random.latency", 5, "latency_ms")
    yield key("arms.random.recommender", "randem", "recommender")
    yield key("arms.random.recommender", DELETE, "recommender")
    yield key("arms.random.recommender", 7, "recommender")
    yield key("arms.random.recommender", None, "recommender")
    yield key("arms.random.fallback", "nobody", "fallback")
    yield key("arms.random.fallback", {"recommender": "indexed"}, "file")
    yield key("arms.random.on_error", "ignore", "on_error")
    yield key("arms.random.service", {"replicas": 0}, "replicas")
    yield key("service", {"replicas": -1}, "replicas")
    yield key("service", 3, "service")
    yield key("arms.top.size", 0, "size")
    yield key("arms.top.pick", "any", "pick")
    yield key("arms.context.anchor", "middle", "anchor")
    for path in (
        "world.catalogue.tracks",
        "world.catalogue.embeddings",
        "world.users.file",
        "arms.indexed.file",
        "arms.context.file",
        "arms.i2i.file",
        "arms.top.file",
    ):
        for value in ("nowhere", "", 7, None, TOO_LONG, "${NO_SUCH_VARIABLE}/x", "a\x00b", "data"):
            if not (value is None and path in ("arms.context.file", "arms.top.file")):
                yield path, value, ("data" if value == "data" else path.rsplit(".", 1)[-1],)
    yield key("arms.own.recommender", "data/own.py:Other", "Other")
    yield key("arms.own.recommender", "data/nowhere.py:Own", "nowhere.py")
    yield key("arms.own.recommender", "no_such_module:Own", "no_such_module")
    yield key("arms.own.recommender", "data/a\x00b.py:Own", "recommender")
    yield key("arms.own.recommender", f"data/{TOO_LONG}.py:Own", "recommender")
    yield key("arms.own.recommender", "data/own.py:", "recommender")
    yield key("arms.own.recommender", "data:Own", "data")
    yield key("arms.own.size", DELETE, "size")
    yield key("arms.own.size", "three", "size")
    yield key("arms.own.colour", "red", "colour")
    yield key("world.catalogue.source", "spotify", "source")
    yield key("world.users.source", "spotify", "source")
    yield key("world.users.source", "lastfm", "users")
    yield key("world.catalogue.dims", 8, "dims")
    yield key("world.catalogue", {"source": "synthetic", "tracks": 5, "artists": 6}, "artists")
    yield key("world.catalogue", {"source": "synthetic", "tracks": 0}, "tracks")
    yield key("world.catalogue", {"source": "planted", "groups": {}}, "groups")
    yield key("world.catalogue", {"source": "planted", "groups": {"a": 0.123}}, "groups")
    yield key("world.catalogue", {"source": "lastfm", "folder": "data"}, "data")
    yield key("world.catalogue", {"source": "lists", "users": "data/users.jsonl", "files": []})
    yield key("world.users", {"count": 0}, "count")
    yield key("world.users", {"bias": {"uniform": [1]}}, "uniform")
    yield key("world.users", {"bias": {"normal": [0, 1]}}, "bias")
    yield key("world.users", {"interests": 0}, "interests")
    yield key("shards", 0, "shards")


def changed(scenario: Plain, path: str, value: Any) -> Plain:
    scenario = copy.deepcopy(scenario)
    here: Any = scenario
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parents:
        here = here[part] if isinstance(part, int) else here.setdefault(part, {})
    if value is DELETE:
        del here[last]
    else:
        here[last] = value
    return scenario


def shown(value: Any) -> str:
    return "nothing" if value is DELETE else repr(value)[:25]


VALUES = list(wrong_values())


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    write_files(folder)
    return folder


def assert_refused(abbotify: Command, folder: Path, named: tuple[str, ...]) -> None:
    before = everything(folder)
    finished = abbotify("run", folder / "s.yaml", "--out", folder / "out")
    assert finished.code == 2, finished
    assert finished.out == ""
    assert finished.err.startswith("abbotify: ")
    assert finished.err.count("\n") == 1
    assert len(finished.err) < 8000
    assert "Traceback" not in finished.err
    assert [word for word in named if word not in finished.err] == [], finished.err
    assert everything(folder) == before


@pytest.mark.parametrize(
    ("path", "value", "named"),
    VALUES,
    ids=[f"{path}={shown(value)}" for path, value, _ in VALUES],
)
def test_a_wrong_value_is_told(
    abbotify: Command, workspace: Path, path: str, value: Any, named: tuple[str, ...]
) -> None:
    write_scenario(workspace, changed(base(), path, value))
    assert_refused(abbotify, workspace, named)


# --- Scenario files that are no scenarios ---

SCENARIOS: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n \n# nothing\n",
    "a list": b"- a\n- b\n",
    "a text": b"hello",
    "a number": b"7",
    "null": b"null",
    "broken": b"name: [1, 2\n",
    "tabs": b"name: a\n\tarms: 1\n",
    "two documents": b"name: a\n---\nname: b\n",
    "twice the key": b"name: a\nname: b\n",
    "a key that is no text": b"1: a\n",
    "a list as key": b"[1, 2]: a\n",
    "code": b"name: !!python/object/apply:os.system [id]\n",
    "a foreign tag": b"name: !thing a\n",
    "an alias of nothing": b"name: *a\n",
    "an alias of itself": b"a: &a [*a]\n",
    "many laughs": b"a: &a [1,1,1,1,1,1,1,1,1]\n"
    + b"".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n".encode()
        for i in range(12)
    ),
    "deep": b"a: " + b"[" * 5000 + b"]" * 5000,
    "latin 1": "name: é\n".encode("latin-1"),
    "zeros": bytes(100),
    "noise": bytes(range(256)) * 4,
    "half a UTF-16": "name: a\n".encode("utf-16")[:-1],
    "a date": b"name: 2020-01-01\n",
}


@pytest.mark.parametrize("content", SCENARIOS.values(), ids=SCENARIOS)
def test_a_file_that_is_no_scenario_is_told(
    abbotify: Command, workspace: Path, content: bytes
) -> None:
    (workspace / "s.yaml").write_bytes(content)
    assert_refused(abbotify, workspace, ("s.yaml",))


def test_a_folder_is_no_scenario(abbotify: Command, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").mkdir()
    assert_refused(abbotify, tmp_path, ("s.yaml",))


def test_a_scenario_that_links_to_itself_is_told(abbotify: Command, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").symlink_to(tmp_path / "s.yaml")
    finished = abbotify("run", tmp_path / "s.yaml", "--out", tmp_path / "out")
    assert (finished.code, finished.err.count("\n")) == (2, 1)
    assert "s.yaml" in finished.err


# --- Data files ---

JSON_LINES = ("tracks.jsonl", "users.jsonl", "lists.jsonl", "similar.jsonl")
JUNK: dict[str, bytes] = {
    "empty": b"",
    "blank lines": b"\n\n  \n",
    "zeros": bytes(64),
    "noise": bytes(range(256)),
    "latin 1": '{"é": 1}'.encode("latin-1"),
    "a broken line": b'{"track": 0, "user": 0',
    "a list": b"[1, [2]]\n",
    "a number": b"7\n",
    "a text": b'"x"\n',
    "null": b"null\n",
    "an object without keys": b"{}\n",
    "NaN": b'{"track": NaN, "user": NaN}\n',
    "deep": b"[" * 100_000,
    "a huge number": b'{"track": 1' + b"0" * 5000 + b', "user": 1' + b"0" * 5000 + b"}\n",
    "twice the key": b'{"track": 0, "track": 0, "user": 0, "user": 0}\n',
    "a number for an object": b'{"track": true, "user": true}\n',
}
FILES = (*JSON_LINES, "top.json", "vectors.npy")
WRONG_FILES = [(name, kind) for name in FILES for kind in JUNK]


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    write_files(tmp_path / "w")
    return tmp_path / "w"


@pytest.mark.parametrize(("name", "kind"), WRONG_FILES, ids=["-".join(c) for c in WRONG_FILES])
def test_a_file_of_junk_is_told(abbotify: Command, fresh: Path, name: str, kind: str) -> None:
    (fresh / "data" / name).write_bytes(JUNK[kind])
    assert_refused(abbotify, fresh, (name,))


@pytest.mark.parametrize("name", [*FILES, "own.py"])
@pytest.mark.parametrize("how", ["missing", "a folder", "unreadable", "a loop"])
def test_a_file_that_cannot_be_read_is_told(
    abbotify: Command, fresh: Path, name: str, how: str
) -> None:
    path = fresh / "data" / name
    if how == "unreadable":
        if os.geteuid() == 0:
            pytest.skip("root reads everything")
        path.chmod(0)
    else:
        path.unlink()
    if how == "a folder":
        path.mkdir()
    if how == "a loop":
        path.symlink_to(path)
    finished = abbotify("run", fresh / "s.yaml", "--out", fresh / "out")
    assert (finished.code, finished.out) == (2, "")
    assert finished.err.count("\n") == 1
    assert name in finished.err
    assert not (fresh / "out").exists()


def with_line(number: int, **values: Any) -> Callable[[Path], None]:
    """Changes keys of one line of a file; a value of DELETE removes the key."""

    def change(path: Path) -> None:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for name, value in values.items():
            if value is DELETE:
                del lines[number][name]
            else:
                lines[number][name] = value
        write_lines(path, lines)

    return change


def with_text(number: int, text: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        lines = path.read_text().splitlines()
        lines[number] = text
        path.write_text("\n".join(lines) + "\n")

    return change


NOT_IDS: tuple[Any, ...] = (-1, 1.5, True, None, "1", [1], {}, HUGE, 2**63)
NOT_LISTS: tuple[Any, ...] = (
    *([TRACKS], [-1], [0.5], [True], ["1"], [None], [HUGE], [[1]]),
    *(7, "1", {}, None),
)
LINES: dict[str, tuple[str, Callable[[Path], None], tuple[str, ...]]] = {
    f"{file} {name}={value!r}": (file, with_line(3, **{name: value}), (f"{file}:4", name))
    for file, name in (
        ("tracks.jsonl", "track"),
        ("users.jsonl", "user"),
        ("lists.jsonl", "user"),
        ("similar.jsonl", "track"),
    )
    for value in NOT_IDS
}
LINES |= {
    f"{file} {name}={value!r}": (file, with_line(3, **{name: value}), (f"{file}:4", name))
    for file, name in (
        ("users.jsonl", "interests"),
        ("lists.jsonl", "tracks"),
        ("similar.jsonl", "recommendations"),
    )
    for value in NOT_LISTS
}
LINES |= {
    f"users.jsonl {name}={value!r}": (
        "users.jsonl",
        with_line(3, **{name: value}),
        ("users.jsonl:4", name),
    )
    for name in (
        "consume_bias",
        "consume_sharpness",
        "session_budget",
        "interest_neighbours",
        "artist_discount_gamma",
    )
    for value in ("1", [1], True, HUGE**20, -(HUGE**20))
}
LINES |= {
    "an artist that is a number": ("tracks.jsonl", with_line(3, artist=7), ("tracks.jsonl:4",)),
    "no title": ("tracks.jsonl", with_line(3, title=DELETE), ("tracks.jsonl:4", "title")),
    "a popularity below 0": ("tracks.jsonl", with_line(3, pop=-1), ("tracks.jsonl:4", "pop")),
    "a popularity of infinity": (
        "tracks.jsonl",
        with_text(3, '{"track": 3, "artist": "a", "title": "t", "pop": Infinity}'),
        ("tracks.jsonl:4",),
    ),
    "a gap in the tracks": ("tracks.jsonl", with_line(3, track=TRACKS), ("tracks.jsonl", "3")),
    "a track twice": ("tracks.jsonl", with_line(3, track=2), ("tracks.jsonl:4", "2")),
    "a user twice": ("users.jsonl", with_line(3, user=2), ("users.jsonl:4", "2")),
    "a list twice": ("lists.jsonl", with_line(3, user=2), ("lists.jsonl:4", "2")),
    "a track's list twice": ("similar.jsonl", with_line(3, track=2), ("similar.jsonl:4", "2")),
    "no interests": ("users.jsonl", with_line(3, interests=[]), ("users.jsonl:4", "interests")),
    "interests gone": ("users.jsonl", with_line(3, interests=DELETE), ("users.jsonl:4",)),
    "a broken line of tracks": ("tracks.jsonl", with_text(5, "{"), ("tracks.jsonl:6",)),
    "a broken line of users": ("users.jsonl", with_text(5, "{]"), ("users.jsonl:6",)),
    "a broken line of lists": ("lists.jsonl", with_text(5, "nope"), ("lists.jsonl:6",)),
    "a lone surrogate": (
        "tracks.jsonl",
        with_text(3, '{"track": 3, "artist": "a", "title": "\\ud800"}'),
        ("tracks.jsonl:4",),
    ),
}


@pytest.mark.parametrize(("name", "change", "named"), LINES.values(), ids=LINES)
def test_a_wrong_line_is_told(
    abbotify: Command,
    fresh: Path,
    name: str,
    change: Callable[[Path], None],
    named: tuple[str, ...],
) -> None:
    change(fresh / "data" / name)
    assert_refused(abbotify, fresh, named)


ARRAYS: dict[str, Any] = {
    "one dimension": np.zeros(TRACKS, np.float32),
    "three dimensions": np.zeros((TRACKS, 2, 2), np.float32),
    "no dimension": np.float32(1),
    "too few rows": np.zeros((TRACKS - 1, 4), np.float32),
    "too many rows": np.zeros((TRACKS + 1, 4), np.float32),
    "no columns": np.zeros((TRACKS, 0), np.float32),
    "float64": np.zeros((TRACKS, 4)),
    "integers": np.zeros((TRACKS, 4), np.int32),
    "NaN": np.full((TRACKS, 4), np.nan, np.float32),
    "infinity": np.full((TRACKS, 4), np.inf, np.float32),
    "too large to square": np.full((TRACKS, 4), 1e30, np.float32),
    "texts": np.full((TRACKS, 4), "a"),
    "objects": np.full((TRACKS, 4), None, object),
    "complex": np.zeros((TRACKS, 4), np.complex64),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_wrong_embeddings_are_told(abbotify: Command, fresh: Path, array: Any) -> None:
    np.save(fresh / "data" / "vectors.npy", array)
    assert_refused(abbotify, fresh, ("vectors.npy",))


def test_cut_embeddings_are_told(abbotify: Command, fresh: Path) -> None:
    path = fresh / "data" / "vectors.npy"
    for length in (1, 6, 100, 500):
        content = path.read_bytes()
        path.write_bytes(content[:length])
        assert_refused(abbotify, fresh, ("vectors.npy",))
        path.write_bytes(content)


TOP: tuple[Any, ...] = (
    [0, 0],
    [TRACKS],
    [-1],
    [1.5],
    [True],
    ["1"],
    [None],
    [[0]],
    [],
    {"a": 1},
    7,
    "x",
    [HUGE],
)


@pytest.mark.parametrize("value", TOP, ids=map(repr, TOP))
def test_a_wrong_list_of_top_tracks_is_told(abbotify: Command, fresh: Path, value: Any) -> None:
    (fresh / "data" / "top.json").write_text(json.dumps(value))
    assert_refused(abbotify, fresh, ("top.json",))


PLUGINS = {
    "broken": "class Own(:\n",
    "raises when imported": "raise RuntimeError('no\\nluck')\n",
    "exits when imported": "import sys\nsys.exit(3)\n",
    "imports nothing there": "import nothing_of_that_name\n",
    "no class": "Own = 7\n",
    "no recommend": "class Own:\n    def __init__(self, params, world): pass\n",
    "raises when made": OWN.replace("self.size = params.size", "raise ValueError('no\\\\nluck')"),
    "wrong arguments": OWN.replace("(self, params, world)", "(self)"),
    "null bytes": "class Own:\n    x = '\x00'\n",
}


@pytest.mark.parametrize("code", PLUGINS.values(), ids=PLUGINS)
def test_a_wrong_plugin_is_told(abbotify: Command, fresh: Path, code: str) -> None:
    (fresh / "data" / "own.py").write_text(code)
    assert_refused(abbotify, fresh, ("own.py",))


ANSWERS = ("-1", str(TRACKS), "0.5", "'1'", "True", "[1]", str(HUGE), "1 // 0", "object()")


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_wrong_answer_is_told_or_replaced(abbotify: Command, fresh: Path, answer: str) -> None:
    code = OWN.replace("request.previous % self.size", answer)
    (fresh / "data" / "own.py").write_text(code)
    write_scenario(fresh, changed(base(), "arms.own.on_error", "stop"))
    assert_refused(abbotify, fresh, ("own",))
    small = changed(
        base(), "arms", {name: base()["arms"][name] for name in ("random", "top", "own")}
    )
    write_scenario(fresh, small)
    assert abbotify("run", fresh / "s.yaml", "--out", fresh / "out").code == 0


# --- Output folders ---


def out_file(folder: Path) -> Path:
    (folder / "out").write_text("mine")
    return folder / "out"


def out_below_a_file(folder: Path) -> Path:
    return out_file(folder) / "deeper"


def out_with_things(folder: Path) -> Path:
    (folder / "out").mkdir()
    (folder / "out" / "mine").write_text("mine")
    return folder / "out"


def out_that_loops(folder: Path) -> Path:
    (folder / "out").symlink_to(folder / "out")
    return folder / "out"


def out_too_long(folder: Path) -> Path:
    return folder / ("x" * 300)


@pytest.mark.parametrize(
    "make", [out_file, out_below_a_file, out_with_things, out_that_loops, out_too_long]
)
def test_an_output_that_cannot_be_used_is_told(
    abbotify: Command, fresh: Path, make: Callable[[Path], Path]
) -> None:
    out = make(fresh)
    before = everything(fresh)
    finished = abbotify("run", fresh / "s.yaml", "--out", out)
    assert (finished.code, finished.err.count("\n")) == (2, 1)
    assert out.name in finished.err
    assert everything(fresh) == before


# --- What is odd but right ---


def runs(abbotify: Command, folder: Path, scenario: Plain) -> Plain:
    write_scenario(folder, scenario)
    finished = abbotify("run", folder / "s.yaml", "--out", folder / "out")
    assert finished.code == 0, finished.err
    assert finished.err == ""
    text = (folder / "out" / "report.json").read_text()
    document: Plain = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    return document


def test_every_kind_of_file_runs(abbotify: Command, fresh: Path) -> None:
    document = runs(abbotify, fresh, base())
    assert len(document["arms"]) == 6


ODD = {
    "Unicode names": {"name": "été 😀 <b>", "arms.random.latency_ms": 7},
    "one track": {"world.catalogue": {"tracks": 1, "artists": 1, "genres": 1, "dims": 1}},
    "one dimension": {"world.catalogue": {"tracks": 9, "artists": 9, "genres": 9, "dims": 1}},
    "two users": {"world.users": {"count": 2}, "arrivals.sessions": 40},
    "hardly any session": {"arrivals.sessions": 1e-9},
    "a budget of one": {"listener.session_budget": 1},
    "sessions of one track": {"listener.max_tracks": 1},
    "everything is skipped": {"listener.skip_below": 1.0},
    "nothing is skipped": {"listener.skip_below": 0.0},
    "no second track of an artist": {"listener.artist_discount_gamma": 0.0},
    "users who love all": {"world.users": {"bias": -1e6, "sharpness": 1.0, "count": 20}}
    | {"listener.max_tracks": 30},
    "users who hate all": {"world.users": {"bias": 1e6, "sharpness": 1.0, "count": 20}},
    "more shards than users": {"shards": 1000},
    "a visit a minute": {"arrivals": {"visits_per_day": 1000}, "world.users": {"count": 4}},
    "slow answers": {"arms.random.latency_ms": 86_400_000},
    "the largest seeds": {"seeds": {"world": 2**64 - 1, "dynamics": 2**64 - 1}},
    "a queue": {"service": {"replicas": 1, "timeout_ms": 1, "patience_ms": 0}}
    | {"arms.random.latency_ms": 5000},
}


@pytest.mark.parametrize("changes", ODD.values(), ids=ODD)
def test_odd_worlds_run(abbotify: Command, tmp_path: Path, small: Plain, changes: Plain) -> None:
    for path, value in changes.items():
        small = changed(small, path, value)
    runs(abbotify, tmp_path, small)


def test_one_user_is_too_few_for_two_arms(abbotify: Command, tmp_path: Path, small: Plain) -> None:
    write_scenario(tmp_path, changed(small, "world.users", {"count": 1}))
    assert_refused(abbotify, tmp_path, ("none of the 1 users",))


# --- Any valid scenario runs ---

latencies = st.one_of(
    st.integers(0, 100_000),
    st.builds(lambda m: {"distribution": "exponential", "mean": m}, st.floats(0.1, 1e5)),
    st.builds(
        lambda low, more: {"distribution": "uniform", "low": low, "high": low + more},
        st.integers(0, 1000),
        st.integers(0, 1000),
    ),
    st.builds(
        lambda median, sigma: {"distribution": "lognormal", "median": median, "sigma": sigma},
        st.floats(0.1, 1e4),
        st.floats(0, 3),
    ),
)
services = st.fixed_dictionaries(
    {"replicas": st.integers(1, 3)},
    optional={"timeout_ms": st.integers(0, 10**6), "patience_ms": st.integers(0, 10**6)},
)
names = st.sampled_from(["random", "sticky_artist", "sticky_artist_mixed", "top_pop"])
arms = st.fixed_dictionaries(
    {"recommender": names},
    optional={
        "weight": st.sampled_from([0.5, 1, 2.5]),
        "latency_ms": latencies,
        "fallback": names,
        "service": services,
    },
)
arrivals = st.one_of(
    st.fixed_dictionaries(
        {"sessions": st.floats(1, 60), "profile": st.sampled_from(["flat", "evening"])}
    ),
    st.fixed_dictionaries({"visits_per_day": st.floats(0.1, 3)}),
)
listeners = st.fixed_dictionaries(
    {"max_tracks": st.integers(1, 60)},
    optional={
        "session_budget": st.integers(1, 10),
        "artist_discount_gamma": st.floats(0, 1),
        "interest_neighbours": st.integers(1, 60),
        "skip_below": st.floats(0, 1),
    },
)


@st.composite
def scenarios(draw: st.DrawFn) -> Plain:
    chosen = draw(st.lists(arms, min_size=2, max_size=4))
    labels = [f"arm {n}" for n in range(len(chosen))]
    scenario: Plain = {
        "name": "any",
        "seeds": {"world": draw(st.integers(0, 2**64 - 1)), "dynamics": draw(st.integers(0, 99))},
        "world": {
            "catalogue": {"tracks": draw(st.integers(2, 40)), "artists": 2, "genres": 1, "dims": 3},
            "users": {"count": 60},
        },
        "arrivals": draw(arrivals),
        "listener": draw(listeners),
        "timeline": [{"phase": "experiment", "days": draw(st.integers(1, 2))}],
        "arms": {label: dict(arm) for label, arm in zip(labels, chosen, strict=True)},
        "shards": draw(st.sampled_from(["auto", 1, 3])),
        "log": {"level": draw(st.sampled_from(["events", "sessions", "users"]))},
        "metrics": {"population": draw(st.sampled_from(["exposed", "assigned"]))},
    }
    if draw(st.booleans()):
        share = {label: 1 / len(labels) for label in labels}
        scenario["timeline"].insert(0, {"phase": "collect", "days": 1, "traffic": share})
    if draw(st.booleans()):
        scenario["timeline"].insert(0, {"phase": "pre", "days": 1, "recommender": labels[0]})
    if draw(st.booleans()):
        scenario["service"] = draw(services)
    control = draw(st.sampled_from(labels))
    first: Plain = {"name": "ONE", "control": control, "traffic": draw(st.sampled_from([1.0, 0.8]))}
    if draw(st.booleans()):
        scenario["experiment"] = first
    else:
        scenario["experiments"] = [first, {"name": "TWO", "control": labels[0], "arms": labels[:2]}]
    scenario["log"]["botify"] = scenario["log"]["level"] == "events"
    return scenario


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scenario=scenarios())
def test_any_valid_scenario_runs(abbotify: Command, tmp_path: Path, scenario: Plain) -> None:
    document = runs(abbotify, tmp_path, scenario)
    sessions = sum(arm["sessions"] for arm in document["arms"])
    assert all(arm["tracks"] >= arm["sessions"] for arm in document["arms"])
    assert sessions >= sum(arm["users"] for arm in document["arms"])
