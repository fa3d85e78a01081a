"""Hypothesis strategies for what a recommender meets."""

from __future__ import annotations

from hypothesis import strategies as st

from abbotify.recommenders.base import Play, Request
from abbotify.recommenders.candidate_table import HISTORY
from abbotify.rng import seed_word
from abbotify.testing.generated import requests_of
from abbotify.world.base import World


@st.composite
def requests(draw: st.DrawFn, world: World, max_tracks: int = 30) -> Request:
    """Any request that can be made in a world.

    Args:
        draw: given by Hypothesis.
        world: whose users and tracks.
        max_tracks: how long the session may be so far.
    """
    play = st.builds(
        Play,
        st.integers(0, len(world.catalogue) - 1),
        st.integers(0, 100).map(lambda hundredths: hundredths / 100),
    )
    row = draw(st.integers(0, len(world.users) - 1))
    plays = draw(st.lists(play, min_size=1, max_size=max_tracks))
    before = draw(st.lists(play, max_size=HISTORY))
    number = draw(st.integers(1 if before else 0, 1000))
    seed = seed_word(draw(st.integers(0, 2**64 - 1)))
    return requests_of(int(world.users.ids[row]), row, number, before, plays, seed)[-1]
