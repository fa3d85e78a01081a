"""The scenario file: one experiment, described apart from its run."""

from __future__ import annotations

from pathlib import Path

from pydantic import PrivateAttr, model_validator

from abbotify.errors import ScenarioError
from abbotify.files.yaml import KeyPath, Source
from abbotify.scenario.checks import check
from abbotify.scenario.description import Description


class Scenario(Description):
    """One experiment: a world, arrivals, listeners, phases, arms, a split, metrics."""

    _source: Source = PrivateAttr(default=Source("scenario", {}, {}))
    _root: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        check(self)
        return self

    @property
    def source(self) -> Source:
        """The file this scenario was read from, with the lines of its keys."""
        return self._source

    @property
    def root(self) -> Path:
        """The folder that relative paths and plug-ins are resolved against."""
        return self._root

    def error(self, what: str, key: KeyPath) -> ScenarioError:
        """An error about a key of this scenario, with file and line."""
        return self._source.error(what, key)
