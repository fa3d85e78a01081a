"""A recommender with all that stand in for it."""

from __future__ import annotations

from typing import Any

import pytest

from abbotify.errors import ScenarioError
from abbotify.recommenders.build import build_arms, build_chain
from abbotify.recommenders.shipped.item2item import Item2Item
from abbotify.world.base import World

KEY = ("arms", "it")


def test_a_chain_has_purposes_by_depth_and_ends_in_random(scenario_of: Any, world: World) -> None:
    scenario = scenario_of("it: {recommender: top_pop, fallback: sticky_artist}")
    chain = build_chain(scenario.arms["it"], world, scenario, KEY)
    assert [link.name for link in chain] == ["top_pop", "sticky_artist", "random"]
    assert [link.purpose for link in chain] == [2, 3, 259]


def test_a_learner_without_a_model_cannot_serve_yet(
    scenario_of: Any, world: World, ask: Any
) -> None:
    scenario, params = scenario_of("it: {recommender: random}"), Item2Item(recommender="item2item")
    link = build_chain(params, world, scenario, KEY)[0]
    assert (link.trained, link.why_not) == (False, "item2item is not trained yet")
    with pytest.raises(AssertionError, match="item2item is asked before it is trained"):
        link.answer(ask())


def test_a_fallback_that_learns_is_refused(scenario_of: Any, world: World, tmp_path: Any) -> None:
    (tmp_path / "mine.py").write_text(
        "class R:\n"
        "    def __init__(self, params, world): ...\n"
        "    def recommend(self, request): ...\n"
        "    def fit(self, log, catalogue): ...\n"
        "    def restore(self, arrays): ...\n"
    )
    scenario = scenario_of("it: {recommender: top_pop, fallback: {recommender: mine.py:R}}")
    with pytest.raises(ScenarioError, match="a fallback cannot be trained"):
        build_arms(scenario, world)
