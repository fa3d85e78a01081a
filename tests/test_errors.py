"""A user's mistake is one line that any terminal can show."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify import errors
from abbotify.errors import DataError, UserError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UserError("no"), "no"),
        (UserError("no", file="a.yaml"), "a.yaml: no"),
        (UserError("no", file=Path("a.yaml"), line=3), "a.yaml:3: no"),
        (UserError("no", file="a.yaml", line=3, key="arms.b"), "a.yaml:3: arms.b: no"),
        (UserError("no", key="arms.b"), "arms.b: no"),
        (UserError("no", line=3), "no"),
        (DataError("two\nlines\tand  spaces"), "two lines and spaces"),
        (DataError("\x1b[2J\x00\ud800"), "\\x1b[2J\\x00\\ud800"),
    ],
)
def test_the_line(error: UserError, expected: str) -> None:
    assert str(error) == expected


@given(st.text(), st.text(), st.text(), st.integers(1, 9))
def test_any_text_makes_one_printable_line(what: str, file: str, key: str, line: int) -> None:
    text = str(UserError(what, file=file, line=line, key=key))
    assert text.isprintable()
    assert len(text.splitlines()) <= 1


def test_the_tree_of_the_docstring() -> None:
    tree = {
        "AbbotifyError": Exception,
        "UserError": errors.AbbotifyError,
        "ScenarioError": UserError,
        "DataError": UserError,
        "PluginError": UserError,
        "OutputError": UserError,
        "RecommenderFailure": UserError,
    }
    assert errors.__doc__ is not None
    for name, base in tree.items():
        assert name in errors.__doc__
        assert issubclass(getattr(errors, name), base)


def test_the_parts_are_kept() -> None:
    error = DataError("no", file=Path("x"), line=2, key="k")
    assert (error.what, error.file, error.line, error.key) == ("no", "x", 2, "k")
