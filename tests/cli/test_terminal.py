"""What a terminal shows: tables, bars of progress, and texts it has no characters for."""

from __future__ import annotations

import io
import sys

import pytest

from abbotify.cli.terminal import (
    comparison_tables,
    headline_table,
    print_anywhere,
    print_table,
    progress_bars,
    streams_kept,
)
from abbotify.progress import silent
from abbotify.report import Result
from abbotify.report.table import Cell, Column, Row, Table
from abbotify.studies.compare.compare import compare
from tests.report.by_hand import hand_made

LONG = "a name " * 30


class Terminal(io.StringIO):
    """A stream that is a terminal's."""

    def isatty(self) -> bool:
        return True


def lines(printed: str) -> list[str]:
    return [line.rstrip() for line in printed.splitlines()]


def test_a_table_has_its_columns_but_no_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    columns = (Column("metric"), Column("effect", "of B", number=True), Column("", picture=True))
    rows = (
        Row((Cell("[bold]time[/]"), Cell("+1%", "[0%, +2%]"), Cell(svg="<svg/>"))),
        Row((Cell(LONG.strip()), Cell("–"), Cell())),
    )
    print_table(Table("not shown", columns, rows))
    head, *body = lines(capsys.readouterr().out)
    assert head.split() == ["metric", "effect", "(of", "B)"]
    assert body[0].startswith("[bold]time[/]")  # markup is text
    assert body[0].endswith("+1% [0%, +2%]")
    assert body[1].split("  ")[0] == LONG.strip()  # on one line, however long
    assert len(body) == 2


def test_the_headline_stands_above_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    headline_table(Result.from_dict(hand_made()))
    text = capsys.readouterr().out
    head, effect, _ = lines(text)[-3:]
    assert text.startswith("Ship neural: time per session rises by 10.0% against sticky")
    assert head.split() == ["metric", "arm", "effect", "interval", "p"]
    assert " ".join(effect.split()) == "Time per session neural +10.0% [+4.0%, +16.0%] 0.002"


def test_two_equal_runs_differ_in_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    result = Result.from_dict(hand_made())
    comparison_tables(compare(result, result, ("one", "two")))
    text = capsys.readouterr().out
    assert [line for line in lines(text) if line[:3] in ("A  ", "B  ")] == ["A  one", "B  two"]
    assert "Nothing differs: both were run alike." in text
    assert "Levels: the mean of each metric in each arm" in text


def test_what_a_terminal_cannot_show_is_put_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert print_anywhere()
    sys.stdout.write("−1 ± 2 × α…\N{NO-BREAK SPACE}夜\n")
    sys.stdout.flush()
    assert raw.getvalue() == b"-1 ? 2 x alpha... ?\n"


def test_a_closed_output_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert not print_anywhere()


def test_streams_come_back() -> None:
    @streams_kept()
    def replaced() -> None:
        sys.stdout = sys.stderr = io.StringIO()
        raise KeyError

    before = sys.stdout, sys.stderr
    with pytest.raises(KeyError):
        replaced()
    assert (sys.stdout, sys.stderr) == before


@pytest.mark.parametrize(("quiet", "stream"), [(True, Terminal()), (False, io.StringIO())])
def test_nothing_is_shown_where_nobody_looks(
    quiet: bool, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    with progress_bars(quiet) as progress:
        assert progress is silent
    assert stream.getvalue() == ""


def test_a_bar_has_what_is_done_and_its_note(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bars(quiet=False) as progress:
        progress("training [arm]", 1, 4, "loss 0.25")
        progress("training [arm]", 4, 4, "loss 0.20")
        progress("world", 0, 0)
    shown = terminal.getvalue()
    for text in ("training [arm]", "loss 0.20", "world"):
        assert text in shown
