"""Faults: what is kept of a part that fails, and which errors are no fault of the part."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from abbotify.errors import OutputError
from abbotify.report.decision import UNDETERMINED
from abbotify.report.faults import Faults, first_errors
from abbotify.report.pages import render_markdown
from abbotify.report.result import Result


def raising(error: BaseException) -> Callable[[], int]:
    def fail() -> int:
        raise error

    return fail


def test_a_part_that_fails_is_replaced_and_named() -> None:
    faults = Faults()
    assert faults.attempt("effects", lambda: 3, 0) == 3
    assert not faults.entry
    assert not list(faults.checks())
    assert faults.attempt("effects", raising(ZeroDivisionError("by zero")), 0) == 0
    assert "ZeroDivisionError" in faults.entry["faults"]["effects"]
    (check,) = faults.checks()
    assert check.summary == "Not determined: effects (ZeroDivisionError: by zero)."
    assert (check.details or {})[UNDETERMINED] == {"effects": "ZeroDivisionError: by zero"}


@pytest.mark.parametrize("error", [OSError("full"), OutputError("full"), KeyboardInterrupt()])
def test_files_and_interrupts_are_raised(error: BaseException) -> None:
    with pytest.raises(type(error)):
        Faults().attempt("effects", raising(error), 0)


def test_strict_faults_raise() -> None:
    with pytest.raises(ZeroDivisionError):
        Faults(strict=True).attempt("effects", raising(ZeroDivisionError()), 0)


def test_first_errors_of_a_manifest(small: Result) -> None:
    entry = {
        "arm": "neural",
        "recommender": "mine",
        "kind": "ValueError",
        "count": 1200,
        "message": "no\nroom",
        "day": 3,
        "user": 7,
        "traceback": ["line 1", "line 2"],
    }
    (error,) = first_errors({"errors": [entry, "nonsense"]})
    assert (error.what, error.count) == ("neural · mine · ValueError", "1,200")
    assert (error.message, error.where) == ("no room", "day 3, user 7")
    assert error.traceback == ("line 1", "line 2")
    assert "  - line 2" in render_markdown(small, [error])


@pytest.mark.parametrize("manifest", [None, {}, {"errors": 3}, {"errors": [3]}])
def test_a_manifest_without_errors_has_none(manifest: object) -> None:
    assert first_errors(manifest) == ()
