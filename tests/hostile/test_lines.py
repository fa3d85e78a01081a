"""A wrong line of a file is told with its number."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Command, small_scenario
from tests.hostile.conftest import assert_refused
from tests.hostile.files import DELETE, HUGE, TRACKS, write_lines


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


PLACES = {
    "world.catalogue": '{source: botify, tracks: "${HERE}", embeddings: "${HERE}"}',
    "world.users": '{source: botify, file: "${HERE}"}',
    "arms.sticky": '{recommender: indexed, file: "${HERE}"}',
    "metrics.segments": '{file: "${HERE}"}',
    "metrics.covariates": '[{name: age, file: "${HERE}"}]',
    "arms.sticky.recommender": "nowhere.py:Mine",
}


@pytest.mark.parametrize("key", PLACES)
@pytest.mark.parametrize("way", ["file", "set"])
def test_a_file_that_cannot_be_used_is_told_with_its_place(
    key: str, way: str, abbotify: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder in place of a file, a plug-in that is not there: the line, or --set, and the key."""
    monkeypatch.setenv("HERE", str(tmp_path))
    plain = small_scenario()
    if way == "file":
        *parents, last = key.split(".")
        here = plain
        for parent in parents:
            here = here.setdefault(parent, {})
        here[last] = yaml.safe_load(PLACES[key])
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(plain, sort_keys=False))
    options = ("--set", f"{key}={PLACES[key]}") if way == "set" else ()
    finished = abbotify("check", tmp_path / "s.yaml", *options)
    assert (finished.code, finished.err.count("\n")) == (2, 1)
    place = r" \(--set\): " if way == "set" else r":[1-9]\d*: "
    assert re.search(rf"s\.yaml{place}{re.escape(key)}", finished.err), finished.err
