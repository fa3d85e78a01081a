"""What every recommender promises, as tests.

One subclass tests a recommender:

    class TestGenreRadio(RecommenderContract):
        recommender = "recommenders/genre_radio.py:GenreRadio"
        params = {"genre": "jazz"}
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from abbotify.digests import digest_data
from abbotify.errors import PluginError
from abbotify.files.folders import Arrays
from abbotify.files.yaml import Source
from abbotify.recommenders.base import Play, Recommender, Request, checked
from abbotify.recommenders.batch import FAILED, MISSED, Requests, answers_of, one_by_one
from abbotify.recommenders.candidate_table import fallback_purpose
from abbotify.recommenders.pick import TablePicker
from abbotify.recommenders.plugins.load import Loaded, answers_batches, fit_plugin, load_plugin
from abbotify.recommenders.plugins.params import built_params
from abbotify.recommenders.training_log import TrainingLog
from abbotify.scenario.load import from_source
from abbotify.scenario.recommenders import Plugin
from abbotify.testing.generated import generated_log, generated_requests, small_world
from abbotify.world.base import World

_KEY: Final = ("arms", "it")


class RecommenderContract:
    """A base class for the tests of one recommender of your own.

    Attributes:
        recommender: as in a scenario file: `recommenders/file.py:Class` or `module:Class`.
        params: its keys in the scenario file.
        root: the folder a relative path starts at.
    """

    recommender: ClassVar[str]
    params: ClassVar[Mapping[str, Any]] = {}
    root: ClassVar[str | os.PathLike[str]] = "."

    def world(self) -> World:
        """The world it is tried in; override it for one that has what the recommender needs."""
        return small_world()

    def requests(self) -> Sequence[Request]:
        """The requests it is tried with."""
        return generated_requests(self.world())

    def log(self) -> TrainingLog:
        """What a recommender that learns is trained on: the plays of the requests, as a log."""
        return generated_log(self.world())

    def build(self) -> Recommender:
        """The recommender, new each time; trained, if it learns."""
        return self._trained().recommender

    def test_equal_logs_give_equal_models(self) -> None:
        """Training is repeatable, leaves the log alone, and gives arrays of numbers."""
        models = []
        for _ in range(2):
            loaded, log = self._loaded(), self.log()
            if not loaded.learns:
                return
            models.append(fit_plugin(loaded, log, self.world().catalogue).arrays)
            assert digest_data(vars(log)) == digest_data(vars(self.log())), "fit changed its log"
        assert digest_data(models[0]) == digest_data(models[1]), "equal logs gave other arrays"

    def test_a_model_is_all_that_serving_needs(self) -> None:
        """Restored in a new object from copies of the arrays, it gives the same answers."""
        loaded = self._loaded()
        if not loaded.learns:
            return
        model = fit_plugin(loaded, self.log(), self.world().catalogue).arrays
        copies = {name: array.copy() for name, array in model.items()}
        trained, again = (answer_of(self._loaded(each).recommender) for each in (model, copies))
        for request in self.requests():
            first, second = trained(request), again(request)
            assert first == second, _changed(first, second, request, "restored from its arrays")

    def test_an_empty_log_is_met(self) -> None:
        """Trained on nothing it either says so in one line or serves, with misses."""
        loaded, log = self._loaded(), self.log()
        if not loaded.learns:
            return
        nothing = {f.name: getattr(log, f.name)[:0] for f in dataclasses.fields(log)[:6]}
        empty = dataclasses.replace(log, **nothing)
        try:
            arrays = fit_plugin(loaded, empty, self.world().catalogue).arrays
        except PluginError:
            return
        served = answer_of(self._loaded(arrays).recommender)
        for request in self.requests()[:50]:
            checked(served(request), len(self.world().catalogue))

    def test_answers_are_tracks_of_the_catalogue_or_none(self) -> None:
        """A track id 0 .. tracks - 1, or None; no bools, floats, or ids of elsewhere."""
        recommender, n_tracks = self.build(), len(self.world().catalogue)
        for request in self.requests():
            try:
                checked(answer_of(recommender)(request), n_tracks)
            except ValueError as error:
                raise AssertionError(f"{error}; asked {request}") from None

    def test_equal_requests_get_equal_answers(self) -> None:
        """No answer depends on who asked before: all draws come from the request.

        Asked in the reverse order, of a recommender of its own, and twice in a row.
        """
        requests = self.requests()
        recommender = self.build()
        forward = [answer_of(recommender)(request) for request in requests]
        again = self.build()
        backward = [answer_of(again)(request) for request in reversed(requests)]
        for request, first, second in zip(requests, forward, reversed(backward), strict=True):
            assert first == second, _changed(first, second, request, "asked in another order")
            third = answer_of(recommender)(request)
            assert first == third, _changed(first, third, request, "asked once more")

    def test_requests_are_left_alone(self) -> None:
        """`played` and `history` belong to the engine."""
        recommender = self.build()
        for request in self.requests():
            before = (list(request.played), list(request.history))
            answer_of(recommender)(request)
            after = (list(request.played), list(request.history))
            assert before == after, f"recommend changed its request: {before} became {after}"

    def test_candidates_agree_with_recommend(self) -> None:
        """The table, if there is one, gives the same answers, as somebody's fallback too."""
        loaded = self._trained()
        if loaded.table is None:
            return
        artist_of = self.world().catalogue.artist
        for purpose in (fallback_purpose(0), fallback_purpose(1)):
            picker = TablePicker(loaded.table, artist_of, purpose)
            for original in self.requests():
                request = original._replace(purpose=purpose)
                answer = answer_of(loaded.recommender)(request)
                pick = picker.pick(request)
                assert answer == pick, _changed(answer, pick, request, "picked from candidates()")

    def test_batches_agree_with_recommend(self) -> None:
        """`recommend_batch`, if there is one, gives the same answers, however it is asked.

        All requests together, in the reverse order, in batches of one, two, three, ..., and as
        somebody's fallback; -1 and None are a miss.
        """
        recommender = self.build()
        if not answers_batches(recommender):
            return
        n_tracks = len(self.world().catalogue)
        for purpose in (fallback_purpose(0), fallback_purpose(1)):
            requests = [request._replace(purpose=purpose) for request in self.requests()]
            alone = answers_alone(self.build(), requests, n_tracks)
            for how, batches in divided(len(requests)).items():
                again = self.build()
                for places in batches:
                    answers = answers_together(again, [requests[p] for p in places], n_tracks)
                    for place, answer in zip(places, answers, strict=True):
                        first = alone[place]
                        assert first == answer, _changed(first, answer, requests[place], how)

    def test_newcomers_are_served(self) -> None:
        """A user's very first request, with as short a history as there can be, raises nothing."""
        world, recommender = self.world(), self.build()
        for request in self.requests()[:50]:
            for time in (0.0, 1.0):
                first = request.previous
                plays = [Play(first, time)]
                fresh = request._replace(session=0, step=1, first=first, time=time, played=[first])
                for history in (plays, []):
                    answer = answer_of(recommender)(fresh._replace(history=history))
                    checked(answer, len(world.catalogue))

    def test_params_are_plain_values(self) -> None:
        """`Params` can be taken apart and put together again, and equal keys give equal ones."""
        plugin = type(self.build())
        scenario, spec = self._scenario()
        params, again = (built_params(spec, plugin, scenario, ("arms", "it")) for _ in range(2))
        if params is None:
            return
        assert params == again, f"equal keys gave {params} and {again}"
        fields = {field.name: getattr(params, field.name) for field in dataclasses.fields(params)}
        assert type(params)(**fields) == params, f"{params} is not what its fields make"

    def _scenario(self) -> tuple[Any, Plugin]:
        data = {
            "arrivals": {"sessions": 1},
            "arms": {
                "it": {"recommender": self.recommender, **self.params},
                "random": {"recommender": "random"},
            },
            "experiment": {"control": "random"},
        }
        source = Source(type(self).__name__, data, {})
        scenario = from_source(source, Path(self.root).resolve(), "contract")
        spec = scenario.arms["it"]
        assert isinstance(spec, Plugin), f"{self.recommender} does not name file.py:Class"
        return scenario, spec

    def _loaded(self, model: Arrays | None = None) -> Loaded:
        scenario, spec = self._scenario()
        return load_plugin(spec, self.world(), scenario, _KEY, model)

    def _trained(self) -> Loaded:
        """The recommender restored from its model, if it learns."""
        loaded = self._loaded()
        if not loaded.learns:
            return loaded
        return self._loaded(fit_plugin(loaded, self.log(), self.world().catalogue).arrays)


def _changed(first: Any, second: Any, request: Request, how: str) -> str:
    return f"{first} became {second} when {how}; asked {request}"


def answer_of(recommender: Any) -> Callable[[Request], Any]:
    """Its `recommend`, or what stands in for it where there is only `recommend_batch`."""
    alone: Callable[[Request], Any] | None = getattr(recommender, "recommend", None)
    return alone or one_by_one(recommender.recommend_batch)


def answers_alone(recommender: Any, requests: Sequence[Request], n_tracks: int) -> list[int]:
    """The answers to requests one by one, MISSED for a miss."""
    recommend = answer_of(recommender)
    answers = [checked(recommend(request), n_tracks) for request in requests]
    return [MISSED if track is None else track for track in answers]


def answers_together(recommender: Any, batch: Sequence[Request], n_tracks: int) -> list[int]:
    """The answers to requests asked as one batch, MISSED for a miss.

    Raises:
        AssertionError: an answer is no track, or the requests were changed.
    """
    requests = Requests.of(batch)
    before = digest_data(_columns(requests))
    returned = recommender.recommend_batch(requests)
    answers: list[int] = answers_of(returned, len(batch), n_tracks).tracks.tolist()
    assert before == digest_data(_columns(requests)), "recommend_batch changed its requests"
    for answer, request in zip(answers, batch, strict=True):
        assert answer != FAILED, f"answered with no track of the catalogue; asked {request}"
    return answers


def divided(n: int) -> dict[str, list[list[int]]]:
    """How -> the places of n requests, batch by batch."""
    growing: list[list[int]] = []
    start = 0
    while start < n:
        growing.append(list(range(start, min(start + len(growing) + 1, n))))
        start += len(growing[-1])
    return {
        "asked in one batch": [list(range(n))],
        "asked in a batch in the reverse order": [list(range(n))[::-1]],
        "asked in growing batches": growing,
    }


def _columns(requests: Requests) -> dict[str, Any]:
    columns = {name: v for name, v in vars(requests).items() if isinstance(v, np.ndarray)}
    return {**columns, "played": requests.played.tracks, "history": requests.history.tracks}
