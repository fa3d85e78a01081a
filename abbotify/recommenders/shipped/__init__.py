"""The shipped recommenders: a module each, or one for some of a kind, with keys and code.

A scenario finds them by this folder. Whatever is imported beside `scenario` is imported when it is
used: `abbotify schema` reads the keys alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from abbotify.scenario.recommenders import Pick, RecommenderSpec, Size

if TYPE_CHECKING:
    from abbotify.files.yaml import KeyPath
    from abbotify.recommenders.candidate_table import CandidateTable
    from abbotify.scenario import Scenario
    from abbotify.world.base import World


class TableRecommender(RecommenderSpec):
    """A recommender that is a candidate table; it may be somebody's fallback."""

    stands_in: ClassVar[bool] = True

    def table(self, world: World, scenario: Scenario, key: KeyPath) -> CandidateTable:
        """The table.

        Args:
            world: what it recommends from, and to whom.
            scenario: resolves paths, and places errors.
            key: where the recommender stands in the scenario file.

        Raises:
            ScenarioError: a file is missing, or neither file nor catalogue has the lists.
            DataError: a file is malformed or does not fit the catalogue.
        """
        raise NotImplementedError


class Learner(RecommenderSpec):
    """A recommender that is trained on the log before it serves; `size` tracks a list.

    The module `home` has `fit(params, log, seed, progress)`, which returns what is `Fitted`, and
    `lowered(params, arrays, world)`, a table or a ranker; it needs the libraries of `extra`.
    """

    learns: ClassVar[bool] = True
    size: Size = 50
    pick: Pick = "uniform"

    @property
    def home(self) -> str:
        """The module with the code, imported when it is used."""
        # An arm's class is made of the recommender's.
        return next(kind.__module__ for kind in type(self).__mro__ if is_shipped(kind))

    @property
    def extra(self) -> str:
        """The extra that has its libraries; empty for none."""
        return ""


class OnlineLearner(RecommenderSpec):
    """A recommender that learns from every answer."""

    def built(self, world: World, scenario: Scenario, key: KeyPath) -> Any:
        """An object with `recommend` and `ended`, see `Recommender`; arguments as for `table`."""
        raise NotImplementedError


def is_shipped(kind: type) -> bool:
    """Whether a class is one of this folder's."""
    return kind.__module__.startswith(f"{__name__}.")
