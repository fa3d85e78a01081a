"""The shipped recommenders: a module each, or one for some of a kind, with keys and code.

A scenario finds them by this folder. Whatever is imported beside `scenario` is imported when it is
used: `abbotify schema` reads the keys alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from abbotify.errors import UserError
from abbotify.scenario.recommenders import Dims, Pick, RecommenderSpec, Size

if TYPE_CHECKING:
    from abbotify.files.folders import Arrays
    from abbotify.files.yaml import KeyPath
    from abbotify.recommenders.candidate_table import CandidateTable
    from abbotify.recommenders.ranked_lists import Ranker
    from abbotify.recommenders.training_log import Fitted, OnPass, TrainingLog
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
    `lowered(params, arrays, world)`; it needs the libraries of `extra`.
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

    def fit(self, log: TrainingLog, scenario: Scenario, key: KeyPath, progress: OnPass) -> Fitted:
        """What a training leaves.

        Args:
            log: all it learns from.
            scenario: its seed; resolves paths, and places errors.
            key: where the recommender stands in the scenario file.
            progress: called after each epoch.

        Raises:
            UserError: an extra is missing, or there is nothing to learn from.
        """
        seed, place = scenario.seeds.dynamics, self.code_place(scenario, key)
        fitted: Fitted = import_module(self.home).fit(self, log, seed, progress, *place)
        return fitted

    def lowered(
        self, arrays: Arrays, world: World, scenario: Scenario, key: KeyPath
    ) -> CandidateTable | Ranker:
        """What serves, made of the arrays that a training left; arguments as for `fit`.

        Raises:
            UserError: an extra is missing, or code of the user's own raises.
        """
        place = self.code_place(scenario, key)
        lists: CandidateTable | Ranker = import_module(self.home).lowered(
            self, arrays, world, *place
        )
        return lists

    def code_place(self, scenario: Scenario, key: KeyPath) -> tuple[Any, ...]:
        """Further arguments of `home`'s functions: where code of the user's own lies."""
        return ()

    def check(self, world: World, scenario: Scenario, key: KeyPath) -> None:
        """Refuses what could not be trained later, before anything is played.

        Raises:
            UserError: as `fit`, as far as it shows without a log.
        """
        try:
            self.require(world, scenario, key)
        except UserError as error:
            if error.key is not None or error.file is not None:
                raise
            raise scenario.error(error.what, key) from error

    def require(self, world: World, scenario: Scenario, key: KeyPath) -> None:
        """Imports the libraries of `extra`; arguments as for `check`."""
        from abbotify.recommenders.extras import require

        if self.extra:
            require(self.recommender, self.extra)


class Factorisation(Learner):
    """A learner that serves lists of users, or of tracks, by their factors; see `factors`."""

    factors: Dims = 64
    key: Literal["user", "previous", "first"] = "user"

    def lowered(
        self, arrays: Arrays, world: World, scenario: Scenario, key: KeyPath
    ) -> CandidateTable:
        """See `Learner`."""
        from abbotify.recommenders.factors import lowered

        return lowered(self, arrays, world)


class OnlineLearner(RecommenderSpec):
    """A recommender that learns from every answer."""

    def built(self, world: World, scenario: Scenario, key: KeyPath) -> Any:
        """An object with `recommend` and `ended`, see `Recommender`; arguments as for `table`."""
        raise NotImplementedError


def is_shipped(kind: type) -> bool:
    """Whether a class is one of this folder's."""
    return kind.__module__.startswith(f"{__name__}.")
