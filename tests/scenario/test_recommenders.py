"""The shipped recommenders as a scenario finds them."""

from __future__ import annotations

import pickle

import pytest

from abbotify.scenario import recommenders
from abbotify.scenario.recommenders import name_of, shipped


def test_every_shipped_recommender_goes_by_its_name() -> None:
    for name, kind in shipped().items():
        assert kind.__module__.startswith("abbotify.recommenders.shipped.")
        assert name_of({"recommender": name}) == name


def test_only_tables_stand_in_and_bare_names_need_no_keys() -> None:
    bare = [name for name, kind in shipped().items() if kind.needs_no_keys]
    assert {"random", "sticky_artist", "sticky_artist_mixed", "top_pop"} == {*bare}
    assert all(shipped()[name].stands_in for name in bare)
    assert not any(kind.stands_in and kind.learns for kind in shipped().values())


@pytest.mark.parametrize("value", [None, "random", {}, {"recommender": 1}, {"recommender": "name"}])
def test_what_names_none_has_no_tag(value: object) -> None:
    assert name_of(value) == ""


def test_a_plugin_has_the_plugins_tag() -> None:
    assert name_of({"recommender": "file.py:Class"}) == "plugin"


def test_the_class_of_an_arm_is_known_in_other_processes() -> None:
    assert pickle.loads(pickle.dumps(recommenders.TopPopArm)) is recommenders.TopPopArm
    with pytest.raises(AttributeError):
        _ = recommenders.NothingArm
