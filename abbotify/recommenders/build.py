"""The arms of a scenario file as arms that can serve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from abbotify.files.folders import Arrays
from abbotify.files.yaml import KeyPath
from abbotify.recommenders.arms import Arm, Link
from abbotify.recommenders.base import Request, checked
from abbotify.recommenders.batch import Answers, Requests, answers_of, one_by_one
from abbotify.recommenders.candidate_table import CandidateTable, fallback_purpose, random_table
from abbotify.recommenders.pick import TablePicker
from abbotify.recommenders.plugins.load import answers_batches, load_plugin
from abbotify.recommenders.ranked_lists import Ranker, ranked
from abbotify.recommenders.shipped import Learner, OnlineLearner, TableRecommender
from abbotify.scenario import Scenario
from abbotify.scenario.recommenders import AnyArm, Plugin, RecommenderSpec, shipped
from abbotify.world.base import World


def build_arms(
    scenario: Scenario, world: World, models: Mapping[str, Arrays] | None = None
) -> tuple[Arm, ...]:
    """All arms of a scenario, in file order.

    Args:
        scenario: the description.
        world: what is recommended from, and to whom.
        models: name of an arm that learns -> the arrays of its model. Such an arm without a model
            cannot serve yet.

    Raises:
        UserError: a recommender cannot be built; see `TableRecommender.table` and `load_plugin`.
    """
    known = models or {}
    return tuple(
        build_arm(name, arm, world, scenario, known.get(name))
        for name, arm in scenario.arms.items()
    )


def build_arm(
    name: str, params: AnyArm, world: World, scenario: Scenario, model: Arrays | None = None
) -> Arm:
    """One arm of a scenario.

    Raises:
        UserError: a recommender cannot be built; see `TableRecommender.table` and `load_plugin`.
    """
    chain = build_chain(params, world, scenario, ("arms", name), model)
    return Arm(name, chain, params.latency_ms, params.on_error, params.service)


def build_chain(
    params: RecommenderSpec,
    world: World,
    scenario: Scenario,
    key: KeyPath,
    model: Arrays | None = None,
) -> tuple[Link, ...]:
    """A recommender and all that stand in for it, at least one; the last never misses.

    Args:
        params: the recommender's keys in the scenario file, its fallback among them.
        world: what it recommends from, and to whom.
        scenario: resolves paths, and places errors.
        key: where `params` stands in the scenario file.
        model: what the recommender itself has learned; its fallbacks do not learn.

    Raises:
        UserError: a recommender cannot be built; see `TableRecommender.table` and `load_plugin`.
    """
    links = [
        _link(part, depth, world, scenario, place, None if depth else model)
        for depth, (part, place) in enumerate(_parts(params, key))
    ]
    last = links[-1].table
    if len(links) == 1 or last is None or not last.never_misses:
        purpose = fallback_purpose(len(links))
        links.append(_table_link("random", purpose, random_table(world.catalogue), world))
    return tuple(links)


def _parts(params: RecommenderSpec, key: KeyPath) -> Iterator[tuple[RecommenderSpec, KeyPath]]:
    """A recommender, its fallback, that one's fallback, ..., each with its place in the file."""
    here: Any = params
    while here is not None:
        if isinstance(here, str):  # a bare name: all parameters at their defaults
            here = shipped()[here](recommender=here)
        yield here, key
        here, key = here.fallback, (*key, "fallback")


def _link(
    params: RecommenderSpec,
    depth: int,
    world: World,
    scenario: Scenario,
    key: KeyPath,
    model: Arrays | None,
) -> Link:
    purpose, name = fallback_purpose(depth), params.recommender
    if isinstance(params, Plugin):
        loaded = load_plugin(params, world, scenario, key, model)
        if loaded.learns and depth:
            raise scenario.error("a fallback cannot be trained", (*key, "recommender"))
        if loaded.table is not None:
            return _table_link(name, purpose, loaded.table, world)
        if loaded.ready:
            link = _python_link(name, purpose, loaded.recommender, loaded.why_not, world)
        else:
            link = _untrained_link(name, purpose, loaded.couples)
        learns_within = callable(getattr(loaded.recommender, "ended", None))
        return replace(link, batchable=link.couples and not learns_within)
    if isinstance(params, OnlineLearner):
        recommender = params.built(world, scenario, key)
        return _python_link(name, purpose, recommender, f"{name} learns from every answer", world)
    if isinstance(params, Learner):
        if model is None:
            return _untrained_link(name, purpose)
        return _table_link(name, purpose, params.lowered(model, world, scenario, key), world)
    assert isinstance(params, TableRecommender), f"{name} is of no kind that can be built"
    return _table_link(name, purpose, params.table(world, scenario, key), world)


def _table_link(name: str, purpose: int, lists: CandidateTable | Ranker, world: World) -> Link:
    if isinstance(lists, Ranker):
        why = f"{name} ranks tracks when asked"
        return Link(name, purpose, None, why, ranked(lists, purpose), ranker=lists)
    answer = TablePicker(lists, world.catalogue.artist, purpose).pick
    return Link(name, purpose, lists, "", answer)


def _python_link(name: str, purpose: int, recommender: Any, why_not: str, world: World) -> Link:
    """Any Python: unless it answers batches, it may learn from everybody it meets."""
    n_tracks = len(world.catalogue)
    recommend_batch: Any = getattr(recommender, "recommend_batch", None)
    recommend: Any = getattr(recommender, "recommend", None) or one_by_one(recommend_batch)

    def answer(request: Request) -> int | None:
        return checked(recommend(_copied(request, purpose)), n_tracks)

    if answers_batches(recommender):

        def batch(requests: Requests) -> Answers:
            return answers_of(recommend_batch(requests), len(requests), n_tracks)

        return Link(name, purpose, None, f"{name} answers in batches", answer, batch=batch)
    on_end, ended = getattr(recommender, "ended", None), None
    if callable(on_end):

        def ended(request: Request) -> None:
            on_end(_copied(request, purpose))

    return Link(name, purpose, None, why_not, answer, couples=True, ended=ended)


def _untrained_link(name: str, purpose: int, couples: bool = False) -> Link:
    def answer(request: Request) -> int | None:
        raise AssertionError(f"{name} is asked before it is trained")

    why = f"{name} is not trained yet"
    return Link(name, purpose, None, why, answer, couples=couples, trained=False)


def _copied(request: Request, purpose: int) -> Request:
    # Copies: whatever other people's code does to them, the listener's memory stays.
    played, history = tuple(request.played), tuple(request.history)
    if played is request.played and history is request.history and purpose == request.purpose:
        return request
    return request._replace(played=played, history=history, purpose=purpose)
