"""What a listener remembers: each play counts for its artist, a repeated track gives nothing."""

from __future__ import annotations

from abbotify.simulation.listener.session import Memory

ARTISTS = [0, 0, 0, 1, 1]  # of tracks 0 .. 4


def test_every_earlier_play_of_the_artist_discounts() -> None:
    memory = Memory(ARTISTS, 0.8, 0)
    #         a track of the first one's artist, another artist's, the first artist's again
    assert memory.hear(1) == 0.8
    assert memory.hear(3) == 1.0
    assert memory.hear(2) == 0.8 * 0.8
    assert memory.hear(4) == 0.8
    assert memory.played == [0, 1, 3, 2, 4]


def test_a_repeated_track_is_worth_nothing_but_counts() -> None:
    memory = Memory(ARTISTS, 0.5, 0)
    assert memory.hear(0) == 0.0  # the first track again: the second play of its artist
    assert memory.hear(1) == 0.25
    assert memory.hear(1) == 0.0
    assert memory.hear(2) == 0.0625
    assert memory.played == [0, 0, 1, 1, 2]


def test_powers_are_repeated_products() -> None:
    memory = Memory([0] * 20, 0.7, 0)
    power = 1.0
    for track in range(1, 20):
        power *= 0.7
        assert memory.hear(track) == power


def test_no_discount_and_full_discount() -> None:
    assert Memory(ARTISTS, 1.0, 0).hear(1) == 1.0
    assert Memory(ARTISTS, 0.0, 0).hear(1) == 0.0
    assert Memory(ARTISTS, 0.0, 0).hear(3) == 1.0
