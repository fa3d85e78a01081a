"""Arms: a recommender with the chain of those that stand in for it, so that every request is met.

A chain is the recommender, its fallback, that one's own fallback, and so on; the last of a chain
is uniform over the catalogue and never misses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from abbotify.errors import RecommenderFailure
from abbotify.recommenders.base import ERROR, MISS, OK, Request
from abbotify.recommenders.batch import FAILED, MISSED, Answers, Requests
from abbotify.recommenders.candidate_table import CandidateTable
from abbotify.recommenders.failures import FailureBook, described
from abbotify.recommenders.pick import PickFunction
from abbotify.recommenders.ranked_lists import Ranker
from abbotify.scenario.base import Latency
from abbotify.scenario.recommenders import Service
from abbotify.world.base import IntArray


@dataclass(frozen=True)
class Link:
    """One recommender of a chain.

    Attributes:
        name: its name in the scenario file.
        purpose: what its draws are for; by its depth in the chain.
        table: what it lowers to, or None.
        why_not: why it has no table; empty when it has one.
        answer: a request -> a track or None. A table never raises; any other Python may.
        ranker: lists made on demand that the answers come from, or None.
        batch: many requests -> their answers, or None. It raises when these cannot be told apart.
        couples: what one user does may change what another one gets.
        ended: told when a session is over, or None: a request without an answer.
        trained: False for a recommender that has to be trained before it can be asked.
        batchable: it couples, and would not if it had a method `recommend_batch`.
    """

    name: str
    purpose: int
    table: CandidateTable | None
    why_not: str
    answer: PickFunction
    ranker: Ranker | None = None
    batch: Callable[[Requests], Answers] | None = None
    couples: bool = False
    ended: Callable[[Request], Any] | None = None
    trained: bool = True
    batchable: bool = False


@dataclass(frozen=True)
class Arm:
    """What a user of an arm is served by.

    Attributes:
        name: the arm's name.
        chain: the recommender, then its fallbacks; the last never misses.
        latency: how long a request takes, in ms; fixed, or a distribution.
        on_error: `fallback`, or `stop` to end the run.
        service: the arm's own queue, or None.
        failures: what went wrong, until somebody takes it.
    """

    name: str
    chain: tuple[Link, ...]
    latency: Latency = 0
    on_error: str = "fallback"
    service: Service | None = None
    failures: FailureBook = field(default_factory=FailureBook, compare=False, repr=False)

    @property
    def lowers(self) -> bool:
        """Whether the whole chain is tables, so that nobody has to be asked."""
        return all(link.table is not None for link in self.chain)

    @property
    def why_not(self) -> str:
        """Why the arm does not lower; empty when it does."""
        return "; ".join(link.why_not for link in self.chain if link.why_not)

    @property
    def trained(self) -> bool:
        """Whether the arm can serve."""
        return self.chain[0].trained

    @property
    def couples(self) -> str:
        """Why what one user does may change what others get; empty when it cannot."""
        return "; ".join(link.why_not for link in self.chain if link.couples)

    @property
    def batchable(self) -> bool:
        """Whether all that couple in the chain would not, if they answered batches."""
        return all(link.batchable for link in self.chain if link.couples)

    @property
    def listens(self) -> bool:
        """Whether somebody of the chain wants to be told when a session is over."""
        return any(link.ended is not None for link in self.chain)

    def end(self, request: Request) -> None:
        """Tells the chain that a session is over; `previous` and `time` are its last track's.

        Raises:
            RecommenderFailure: a recommender raised, and the arm says `on_error: stop`.
        """
        for link in self.chain:
            if link.ended is not None:
                try:
                    link.ended(request)
                except KeyboardInterrupt:
                    raise
                except BaseException as error:  # as in `_answer`
                    self._judge(link, request, error)

    def recommend(self, request: Request) -> tuple[int, int]:
        """The next track, and whether it is the recommender's own: OK, MISS or ERROR.

        MISS and ERROR say that a fallback answered; ERROR, that a link of the chain raised or
        returned something that is no track of the catalogue.

        Raises:
            RecommenderFailure: there was such an error, and the arm says `on_error: stop`.
        """
        return self._first_answer(self.chain, request, MISS)

    def fallback(self, request: Request) -> tuple[int, int]:
        """The next track by the fallback, as when the recommender's answer came too late.

        Returns:
            the track, and OK, or ERROR when a fallback raised or left the catalogue.

        Raises:
            RecommenderFailure: a fallback failed, and the arm says `on_error: stop`.
        """
        return self._first_answer(self.chain[1:], request, OK)

    def _first_answer(
        self, links: tuple[Link, ...], request: Request, missed: int
    ) -> tuple[int, int]:
        """The first answer of some links, and the outcome; `missed` is that of a miss."""
        outcome = OK
        for link in links:
            track = self._answer(link, request)
            if track >= 0:
                return track, outcome
            outcome = ERROR if track == FAILED else max(outcome, missed)
        raise AssertionError(f"the chain of {self.name} can miss")

    def answer_batch(self, depth: int, requests: Requests) -> IntArray:
        """The answers of one link of the chain to many requests: tracks, MISSED and FAILED.

        A batch that fails as a whole is asked again one by one.

        Raises:
            RecommenderFailure: there was an error, and the arm says `on_error: stop`.
        """
        link = self.chain[depth]
        assert link.batch is not None, f"{link.name} does not answer batches"
        try:
            answers = link.batch(requests)
        except KeyboardInterrupt:
            raise
        except BaseException:  # one request may have failed for all
            return np.array([self._answer(link, request) for request in requests], np.int64)
        for place, error in answers.wrong.items():
            if self.on_error == "stop":
                self._answer(link, requests[place])  # tells what is wrong, if it is wrong alone too
            self._judge(link, requests[place], error)
        return answers.tracks

    def _answer(self, link: Link, request: Request) -> int:
        """A track, MISSED or FAILED."""
        try:
            track = link.answer(request)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a recommender that exits is no reason to end a run
            self._judge(link, request, error)
            return FAILED
        return MISSED if track is None else track

    def _judge(self, link: Link, request: Request, error: BaseException) -> None:
        self.failures.note(self.name, link.name, request, error)
        if self.on_error == "stop":
            who = f"user {request.user}, session {request.session}, step {request.step}"
            what = f"{link.name} failed for {who}: {described(error)}"
            raise RecommenderFailure(what, key=f"arms.{self.name}") from error
