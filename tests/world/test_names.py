from __future__ import annotations

import pickle

import pytest

from abbotify.world.names import (
    MODIFIERS,
    NOUNS,
    SCENES,
    STYLES,
    SYLLABLES,
    Artists,
    ArtistTracks,
    Genres,
    Made,
    Numbered,
    Titles,
    spread,
)


@pytest.mark.parametrize("words", [MODIFIERS, NOUNS, SYLLABLES, SCENES, STYLES])
def test_no_word_is_listed_twice(words: tuple[str, ...]) -> None:
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("names", [Titles(60_000), Artists(20_000), Genres(1_000)])
def test_made_names_are_distinct_and_made_of_words(names: Made) -> None:
    everything = list(names)
    assert len(set(everything)) == len(names)
    assert all(len(name.split()) in (2, 3) for name in everything)
    assert names[:10] == everything[:10]


def test_a_sequence_counts_from_both_ends() -> None:
    names = Numbered("track", 5)
    assert names[-1] == "track 4"
    assert names[1:3] == ["track 1", "track 2"]
    assert next(reversed(names)) == "track 4"
    assert "track 3" in names
    with pytest.raises(IndexError):
        names[5]


def test_the_tracks_of_an_artist_are_counted_from_one() -> None:
    names = ArtistTracks(("Meldor", "Vanlin"), 2)
    assert list(names) == [
        "Meldor - track 1",
        "Meldor - track 2",
        "Vanlin - track 1",
        "Vanlin - track 2",
    ]


def test_names_can_be_sent_to_another_process() -> None:
    assert list(pickle.loads(pickle.dumps(Titles(3)))) == list(Titles(3))


@pytest.mark.parametrize("size", [1, 2, 10, 468, 997])
def test_a_round_visits_every_place(size: int) -> None:
    assert sorted(spread(row, size)[1] for row in range(size)) == list(range(size))
    assert {spread(row, size)[0] for row in range(size)} == {0}
    assert spread(size, size)[0] == 1
