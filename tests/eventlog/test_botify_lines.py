"""botify's lines one by one: what is broken is left out and told, what is sound is taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.errors import DataError
from abbotify.eventlog import botify_reader
from abbotify.eventlog.botify_lines import Columns
from abbotify.eventlog.botify_reader import read_botify
from tests.eventlog.botify_lines import EVENT, last, line, without, write

BROKEN: list[tuple[str | bytes, str]] = [
    ('{"message": "next", "timest', "is no JSON"),
    (line() + line(), "is no JSON (Extra data"),
    (line() + ",", "is no JSON"),
    (b'{"message": "\xff\xfe"}', "is no JSON ('utf-8' codec"),
    ("\x00\x00", "is no JSON"),
    ("[" * 100_000, "is no JSON"),
    ("[]", "is no JSON object"),
    ('"next"', "is no JSON object"),
    ("null", "is no JSON object"),
    ("7", "is no JSON object"),
    *((without(key), f'lacks "{key}"') for key in list(EVENT)[:-1]),
    (without("user", message="last"), 'lacks "user"'),
    (line(message="skip"), 'has "message": "skip", not "next" or "last"'),
    (line(message=["next"]), 'has "message": ["next"]'),
    (line(message=None), 'has "message": null'),
    (line(timestamp=1.5), 'has "timestamp": 1.5, not a whole number of milliseconds'),
    (line(timestamp="1700000000000"), 'has "timestamp": "1700000000000"'),
    (line(timestamp=-1), 'has "timestamp": -1'),
    (line(timestamp=10**30), 'has "timestamp": 1000'),
    (line(user=-1), 'has "user": -1, not an id'),
    (line(user=True), 'has "user": true, not an id'),
    (line(user=1.0), 'has "user": 1.0'),
    (line(user=2**63), 'has "user": 9223372036854775808'),
    (line(user=None), 'has "user": null'),
    (line(track="10"), 'has "track": "10"'),
    (line(time=1.01), 'has "time": 1.01, not a number between 0 and 1'),
    (line(time=-0.01), 'has "time": -0.01'),
    (line(time=float("nan")), 'has "time": NaN'),
    (line(time=True), 'has "time": true'),
    (line(time="0.3"), 'has "time": "0.3"'),
    (line(time=10**400), 'has "time": 1000'),
    (line(latency=float("inf")), 'has "latency": Infinity, not a number of seconds'),
    (line(latency=-0.1), 'has "latency": -0.1'),
    (line(latency=1e308), 'has "latency": 1e+308'),
    (line(latency=[]), 'has "latency": []'),
    (line(recommendation=None), 'has "recommendation": null, not an id'),
    (line(recommendation=-1), 'has "recommendation": -1'),
    (line(experiments=None), 'has "experiments": null, not names of arms'),
    (line(experiments=["NAME"]), 'has "experiments": ["NAME"]'),
    (line(experiments={"NAME": 1}), 'has "experiments": {"NAME": 1}'),
    (line(experiments={"NAME": ["C"]}), 'has "experiments": {"NAME": ["C"]}'),
    (line(experiments={"NAME": ""}), 'has "experiments": {"NAME": ""}'),
    (line(experiments={"NAME": "\ud800"}), 'has "experiments": {"NAME": "\\ud800"}'),
]


@pytest.mark.parametrize(("broken", "reason"), BROKEN, ids=[reason for _, reason in BROKEN])
def test_a_broken_line_is_left_out_and_told(
    tmp_path: Path, broken: str | bytes, reason: str
) -> None:
    log = read_botify(write(tmp_path / "log", line(track=1), broken, last(track=2)))
    assert (log.lines, log.broken, len(log.events)) == (3, 1, 2)
    assert log.events.track.tolist() == [1, 2]
    assert f"{tmp_path / 'log'}:2: the line {reason}" in str(log.first_broken)
    with pytest.raises(DataError) as caught:
        read_botify(write(tmp_path / "log", line(track=1), broken, last(track=2), broken))
    assert f"log:2: the line {reason}" in str(caught.value)
    assert "2 of 4 lines are broken" in str(caught.value)
    assert "\n" not in str(caught.value)


SOUND = [
    line(remark="more", nested={"a": [1]}),
    without("experiments"),
    line(experiments={}),
    line(time=1, latency=0),
    line(user=2**63 - 1, track=0),
    last(),
    json.dumps({**EVENT, "message": "last", "recommendation": None}),
    json.dumps({**EVENT, "message": "last", "recommendation": "none"}),
    "  " + line() + " \r",
]


@pytest.mark.parametrize("sound", SOUND)
def test_a_sound_line_is_taken(tmp_path: Path, sound: str) -> None:
    log = read_botify(write(tmp_path / "log", sound))
    assert (len(log.events), log.broken, log.first_broken) == (1, 0, None)
    assert log.events.recommendation.tolist() == [-1 if '"last"' in sound else 20]


def test_a_share_of_broken_lines_is_let_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = [line()] * 195
    path = write(tmp_path / "log", line(), "?", *good, line(), line(), "?")
    assert read_botify(path).broken == 2  # 1 % of 200
    path = write(tmp_path / "log", line(), line(), "?", *good, "?", "?")
    with pytest.raises(DataError, match=r"log:3: the line is no JSON .*; 3 of 200 lines"):
        read_botify(path)
    monkeypatch.setattr(botify_reader, "BROKEN_SHARE", 0.5)
    assert read_botify(path).broken == 3


def test_one_broken_line_of_a_few_is_let_pass(tmp_path: Path) -> None:
    # The service was stopped while it wrote.
    assert read_botify(write(tmp_path / "log", line(), '{"mess')).broken == 1
    with pytest.raises(DataError, match="2 of 3 lines"):
        read_botify(write(tmp_path / "log", line(), '{"mess', "{"))


def test_a_line_is_named_in_its_own_file_and_blank_ones_count_for_places_only(
    tmp_path: Path,
) -> None:
    first = write(tmp_path / "a", *[line()] * 1500)
    second = write(tmp_path / "b", "", *[line()] * 1200, " ", "?")
    log = read_botify([first, second])
    assert (log.lines, log.broken) == (2701, 1)
    assert log.first_broken is not None
    assert (log.first_broken.file, log.first_broken.line) == (second, 1203)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from([2**63 - 1, 2**63, 10**400, 10**17, 10**17 + 1, 1e9, 1.1e9]),
    st.floats(),
    st.sampled_from(["next", "last", ""]),
    st.lists(st.integers(), max_size=1),
    st.dictionaries(st.sampled_from(["A", "\n"]), st.sampled_from(["C", "", 1]), max_size=2),
)


@given(st.lists(st.tuples(st.sampled_from([*EVENT, "more"]), VALUES), max_size=5))
def test_lines_are_judged_alike_together_and_alone(changes: list[tuple[str, Any]]) -> None:
    # Together, sound lines are checked in bulk; beside a broken one each line is checked alone.
    lines = [line(**{key: value}).encode() for key, value in changes]
    alone = [Columns().extend([text]) for text in lines]
    together = Columns()
    broken = together.extend([*lines, b"?"])
    assert broken == {i: found[0] for i, found in enumerate(alone) if found} | {
        len(lines): broken[len(lines)]
    }
    sound = [text for i, text in enumerate(lines) if i not in broken]
    bulk = Columns()
    assert bulk.extend(sound) == {}
    if sound:
        assert {k: v.tolist() for k, v in bulk.joined().items()} == {
            k: v.tolist() for k, v in together.joined().items()
        }
