"""Everything that can go wrong, in one tree.

AbbotifyError
├── PageError              a page that cannot be made from data that is there: exit code 1
└── UserError              the user's mistake: one clear line, exit code 2
    ├── ScenarioError      the scenario file: unknown key, bad value, missing key
    ├── DataError          an input file: missing, malformed, inconsistent
    ├── PluginError        a recommender of the user's own that cannot be loaded
    ├── OutputError        the output folder cannot be used
    │   └── ResumeError    a run that is there is another one than that which is to go on
    ├── LostWorkers        processes or machines that die, and with them a unit of work
    └── RecommenderFailure a recommender failed while `on_error: stop` was set
"""

from __future__ import annotations

from pathlib import Path


class AbbotifyError(Exception):
    """The root of every error this package raises on purpose."""


class PageError(AbbotifyError):
    """A page of a report cannot be made: a fault of this program, and no loss of data."""

    def beside(self, folder: Path) -> PageError:
        """The same error with the folder that has the data, and what renders it again."""
        error = PageError(f"{folder}: {self}; the data is there, abbotify report renders it again")
        error.__cause__ = self.__cause__
        return error


class UserError(AbbotifyError):
    """A mistake of the user's, told in one line: what, the value got, the rule, and where.

    Args:
        what: the value got and the rule it breaks, without a trailing full stop.
        file: the file the mistake lies in.
        line: the line of that file, counted from 1.
        key: the key path inside the file, such as `arms.neural.learning_rate`.
    """

    def __init__(
        self,
        what: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        key: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.file = None if file is None else str(file)
        self.line = line
        self.key = key

    def __str__(self) -> str:
        place = self.file or ""
        if self.file is not None and self.line is not None:
            place += f":{self.line}"
        parts = [part for part in (place, self.key, self.what) if part]
        # One line that any terminal can show, whatever a file name or a value contains.
        line = " ".join(": ".join(parts).split())
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)


class ScenarioError(UserError):
    """The scenario file breaks a rule."""


class DataError(UserError):
    """An input file is missing, malformed or inconsistent."""


class PluginError(UserError):
    """A recommender of the user's own cannot be loaded or breaks its contract."""


class OutputError(UserError):
    """The output folder cannot be used."""


class ResumeError(OutputError):
    """A run cannot go on: what is there comes from other settings, data, code or versions."""


class LostWorkers(UserError):
    """What runs units of work has died, again and again: too little memory, or a lost scheduler."""


class RecommenderFailure(UserError):
    """A recommender failed, and its arm says `on_error: stop`."""


def of_an_interrupt(error: BaseException) -> bool:
    """Whether an interrupt caused an error: closing a file that it hit may raise another."""
    while error.__context__ is not None:
        error = error.__context__
        if isinstance(error, KeyboardInterrupt):
            return True
    return False
