"""The arrays of a world before a source says more."""

from __future__ import annotations

from abbotify.world.base import TRACK_MS, unnamed_tracks


def test_of_unnamed_tracks_nothing_is_known_but_their_number() -> None:
    catalogue = unnamed_tracks(3)
    assert len(catalogue) == 3
    assert (catalogue.dims, catalogue.vectors.shape) == (0, (3, 0))
    assert [catalogue.artists[i] for i in catalogue.artist] == ["artist 0", "artist 1", "artist 2"]
    assert list(catalogue.titles) == ["track 0", "track 1", "track 2"]
    assert catalogue.genre.tolist() == [-1, -1, -1]
    assert catalogue.popularity.tolist() == [1.0, 1.0, 1.0]
    assert catalogue.duration_ms.tolist() == [TRACK_MS] * 3
    assert catalogue.recommendations is None
