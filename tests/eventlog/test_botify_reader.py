"""botify's lines as one log: ties, open ends, midnight, experiments by name."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.errors import DataError
from abbotify.eventlog import botify_reader
from abbotify.eventlog.botify_lines import Columns
from abbotify.eventlog.botify_reader import read_botify
from abbotify.eventlog.schema import MS_PER_DAY
from tests.eventlog.botify_lines import EVENT, last, line, write


@pytest.mark.parametrize("content", [[], ["", " "], ["?"]])
def test_a_log_without_events_is_refused(tmp_path: Path, content: list[str]) -> None:
    with pytest.raises(DataError, match="holds no event"):
        read_botify(write(tmp_path / "log", *content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.jsonl: the file cannot be read"):
        read_botify(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="cannot be read"):
        read_botify(tmp_path)
    with pytest.raises(DataError, match="no file"):
        read_botify([])


def test_sessions_run_up_to_each_last(tmp_path: Path) -> None:
    # Users interleave, lines are out of order, equal timestamps keep the order of the lines: the
    # "last" of user 1 at 30 comes before the "next" of its following session.
    path = write(
        tmp_path / "log",
        line(user=2, timestamp=5, track=50),
        line(user=1, timestamp=20, track=11),
        line(user=1, timestamp=10, track=10),
        last(user=1, timestamp=30, track=12),
        line(user=1, timestamp=30, track=13),
        last(user=1, timestamp=31, track=14),
        line(user=2, timestamp=6, track=51),
    )
    log = read_botify(path)
    found = log.events
    rows = zip(found.user, found.session, found.step, found.track, found.last, strict=True)
    assert [tuple(map(int, row)) for row in rows] == [
        (1, 0, 0, 10, 0),
        (1, 0, 1, 11, 0),
        (1, 0, 2, 12, 1),
        (1, 1, 0, 13, 0),
        (1, 1, 1, 14, 1),
        (2, 0, 0, 50, 0),
        (2, 0, 1, 51, 0),
    ]


@given(
    pieces=st.lists(st.sampled_from(["sound", "odd", "blank", "long", "dos"]), max_size=40),
    block=st.integers(1, 700),
    ended=st.booleans(),
)
def test_lines_are_whole_wherever_blocks_of_the_file_end(
    pieces: list[str], block: int, ended: bool
) -> None:
    kinds = {
        "sound": line(),
        "odd": line(more={"t": "12:30:00"}, url="http://x:80"),
        "blank": "  ",
        "long": line(more="é" * 900),
        "dos": line() + "\r",
    }
    texts = [kinds[piece] for piece in pieces]
    content = "\n".join(texts) + ("\n" if ended and texts else "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botify_reader, "_BLOCK", block)
        found = list(botify_reader._batches(io.BytesIO(content.encode())))
    stripped = [text.strip().encode() for text in texts]
    assert [text for _, batch in found for text in batch] == [t for t in stripped if t]
    numbers = [number for batch, _ in found for number in batch]
    assert numbers == [at for at, text in enumerate(stripped, 1) if text]
    columns = Columns()
    assert all(columns.extend(batch) == {} for _, batch in found)


def test_a_hole_in_the_file_is_one_long_line(tmp_path: Path) -> None:
    path = write(tmp_path / "log", *[last(user=n) for n in range(300)])
    with path.open("ab") as file:
        file.truncate(path.stat().st_size + (1 << 28))
    tracemalloc.start()
    try:
        log = read_botify(path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (log.lines, log.broken) == (301, 1)
    assert "longer than" in str(log.first_broken)
    assert most < 1 << 24


def test_files_are_one_log_in_the_order_given(tmp_path: Path) -> None:
    a = write(tmp_path / "a", last(track=2))
    b = write(tmp_path / "b", line(track=1))
    assert read_botify([b, a]).events.session.tolist() == [0, 0]
    assert read_botify([a, b]).events.session.tolist() == [0, 1]


def test_a_session_past_midnight_has_the_day_of_its_first_row(tmp_path: Path) -> None:
    start = EVENT["timestamp"]
    assert isinstance(start, int)
    path = write(
        tmp_path / "log",
        last(user=9, timestamp=start),
        line(timestamp=start + MS_PER_DAY - 1),
        last(timestamp=start + MS_PER_DAY),
        last(timestamp=start + MS_PER_DAY),
    )
    assert read_botify(path).events.day.tolist() == [0, 0, 1, 0]


def test_latencies_are_milliseconds(tmp_path: Path) -> None:
    path = write(tmp_path / "log", *(line(latency=ms / 1000) for ms in range(3000)))
    assert read_botify(path).events.latency_ms.tolist() == list(range(3000))
    path = write(tmp_path / "log", line(latency=0.00012345))
    assert read_botify(path).events.latency_ms.tolist() == [pytest.approx(0.12345, rel=1e-15)]


def test_arms_are_named_in_botify_order(tmp_path: Path) -> None:
    labels = ["T10", "B", "T2", "C", "T1", "A"]
    lines = [last(user=i, experiments={"NAME": label}) for i, label in enumerate(labels)]
    log = read_botify(write(tmp_path / "log", *lines, last(user=9, experiments={})))
    codes, names = log.events.arms["arm"]
    assert list(log.events.arms) == ["arm"]
    assert names == ("C", "T1", "T2", "T10", "A", "B")
    assert [names[code] for code in codes[:-1]] == labels
    assert codes[-1] == -1


def test_layered_experiments_have_columns_of_their_own(tmp_path: Path) -> None:
    path = write(
        tmp_path / "log",
        last(user=1, experiments={"ONE": "C", "TWO": "T1"}),
        last(user=2, experiments={"TWO": "C"}),
    )
    log = read_botify(path)
    found = {
        column: [None if code < 0 else label.names[code] for code in label.codes]
        for column, label in log.events.arms.items()
    }
    assert found == {"arm": ["C", None], "arm_ONE": ["C", None], "arm_TWO": ["T1", "C"]}
    other = read_botify(path, experiment="TWO")
    assert other.events.arms["arm"].codes.tolist() == [1, 0]
    with pytest.raises(DataError, match=r"'THREE' is no experiment of the log \(ONE, TWO\)"):
        read_botify(path, experiment="THREE")


def test_a_log_without_experiments_has_no_arms(tmp_path: Path) -> None:
    log = read_botify(write(tmp_path / "log", line(experiments={})))
    assert log.events.arms == {}


def test_more_arms_than_codes_are_refused(tmp_path: Path) -> None:
    lines = (last(experiments={"NAME": f"T{i}"}) for i in range(2**15))
    with pytest.raises(DataError, match="'NAME' has 32768 arms, more than 32767"):
        read_botify(write(tmp_path / "log", *lines))
