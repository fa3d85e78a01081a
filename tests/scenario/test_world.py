"""Where the catalogue and the users come from."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from abbotify.scenario.world import (
    CatalogueSpec,
    LastfmUsers,
    SyntheticCatalogue,
    SyntheticUsers,
    WorldSpec,
)

SYNTHETIC = {"tracks": 10, "artists": 5, "genres": 2, "dims": 4}


def test_a_source_that_is_left_out_is_synthetic() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(CatalogueSpec)
    assert adapter.validate_python(SYNTHETIC).source == "synthetic"
    assert adapter.validate_python({"source": "lastfm", "folder": "x"}).source == "lastfm"
    spec = WorldSpec.model_validate({"users": {"source": "lastfm", "folder": "x"}})
    assert isinstance(spec.users, LastfmUsers)
    assert WorldSpec.model_validate(spec.model_dump()) == spec


@pytest.mark.parametrize("value", [{"source": "spotify"}, {"source": 1}, 7, None, []])
def test_what_has_no_known_source(value: object) -> None:
    for part in ("catalogue", "users"):
        with pytest.raises(ValidationError, match="union_tag"):
            WorldSpec.model_validate({part: value})


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"artists": 11}, r"artists \(11\) must not exceed tracks \(10\)"),
        ({"genres": 6}, r"genres \(6\) must not exceed artists \(5\)"),
        ({"genre_share": 0.6, "artist_share": 0.5}, "must not exceed 1 together"),
    ],
)
def test_a_catalogue_is_nested(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(CatalogueSpec).validate_python({**SYNTHETIC, **keys})


def test_as_many_artists_as_tracks_are_a_catalogue() -> None:
    whole = {"tracks": 3, "artists": 3, "genres": 3, "genre_share": 0.5, "artist_share": 0.5}
    assert SyntheticCatalogue.model_validate(whole).genres == 3


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_a_planted_fraction_lies_between_nothing_and_all(fraction: float) -> None:
    planted = {"source": "planted", "groups": {"x": fraction}}
    with pytest.raises(ValidationError, match=r"groups\.x"):
        TypeAdapter(CatalogueSpec).validate_python(planted)


@pytest.mark.parametrize(
    ("trait", "kind"),
    [
        (2.0, "float"),
        ({"uniform": [0, 1]}, "Between"),
        ({"uniform_or_inverse": [1, 2]}, "BetweenOrInverse"),
    ],
)
def test_a_trait_is_a_number_or_drawn(trait: object, kind: str) -> None:
    users = SyntheticUsers.model_validate({"bias": trait})
    assert type(users.bias).__name__ == kind


def test_interests_are_a_number_or_drawn() -> None:
    assert SyntheticUsers.model_validate({"interests": 7}).interests == 7
    drawn = SyntheticUsers.model_validate({"interests": {"one_and_binomial": [9, 0.2]}})
    assert drawn.model_dump()["interests"] == {"one_and_binomial": (9, 0.2)}
    for interests in (0, {"one_and_binomial": [9, 1.2]}, {"one_and_binomial": [9.5, 0.2]}):
        with pytest.raises(ValidationError):
            SyntheticUsers.model_validate({"interests": interests})
