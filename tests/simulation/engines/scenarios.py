"""Scenarios generated: plain data, as it would stand in a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

from hypothesis import strategies as st

from tests.simulation.engines.surroundings import SIZES

Keys = dict[str, Any]
Choose = Callable[[Sequence[Any]], Any]  # options -> one of them

DAY_MS: Final = 86_400_000
PICKS: Final = ("uniform", "rank", "first_unseen")
# Of a plug-in's table: keys and picks that go together, and what else it may have.
TABLES: Final = (
    *(
        {"key": key, "pick": pick}
        for key in ("NOTHING", "USER", "ARTIST", "PREVIOUS", "FIRST", "USER_FIRST")
        for pick in ("UNIFORM", "RANK", "FIRST_UNSEEN", "WEIGHTED")
    ),
    {"key": "PREVIOUS", "pick": "ANCHORED"},
    {"key": "ARTIST", "pick": "UNIFORM", "exclude": True},
)
TINY: Final = {"epochs": 2, "embedding_size": 5, "batch_size": 64}
LEARNERS: Final[tuple[Keys, ...]] = (
    {"recommender": "item2item"},
    {"recommender": "item2item", "key": "previous", "together": "user", "shrinkage": 0.0},
    {"recommender": "item2item", "key": "first", "pick": "first_unseen"},
    {"recommender": "neural", **TINY},
    {"recommender": "neural", **TINY, "pick": "first_unseen"},
    {"recommender": "neural", **TINY, "pick": "rank", "anchor": "previous"},
    {"recommender": "neural", **TINY, "anchor": "previous", "optimizer": "adam"},
    {"recommender": "neural", **TINY, "user_aware": False},
    {"recommender": "neural", **TINY, "user_embedding": False, "anchor": "previous"},
    {"recommender": "mine.py:FromLog"},
)


LATENCIES: Final = (
    0, 1, 40, DAY_MS // 3, DAY_MS,
    *({"distribution": "exponential", "mean": mean} for mean in (0.3, 900.0, 4e6, 8.64e7)),
    *(
        {"distribution": "uniform", "low": low, "high": high}
        for low, high in ((0, 0), (5, 5000), (0, DAY_MS))
    ),
    *(
        {"distribution": "lognormal", "median": median, "sigma": sigma}
        for median in (0.1, 700.0, 8.64e7)
        for sigma in (0.0, 1.0, 5.0)
    ),
)  # fmt: skip

# Of a queue that users share: many that take no time, or as long as a wait that expires.
SERVICE_TIMES: Final = (
    0, 1, 100, 90_000, DAY_MS // 50,
    *({"distribution": "exponential", "mean": mean} for mean in (0.3, 900.0, 600_000.0)),
    {"distribution": "uniform", "low": 0, "high": 2},
)  # fmt: skip


@cache
def _below(n: int) -> st.SearchStrategy[int]:
    # The only strategy, made once for each n: a new one for each choice takes 20 times as long.
    return st.integers(0, n - 1)


@st.composite
def meetings(draw: st.DrawFn) -> Keys:
    """A scenario in which some arms have queues, or learn from everybody they serve."""

    def choose(options: Sequence[Any]) -> Any:
        return options[draw(_below(len(options)))]

    data = draw(scenarios())
    tracks, served = data["world"]["catalogue"]["tracks"], data["arms"]
    trained = any(phase["phase"] == "train" for phase in data["timeline"])
    learning = next((arm for arm in served.values() if arm in _untrained(served)), None)
    for name, arm in served.items():
        if choose([False, True]) and not (trained and arm is learning):
            kept = {key: arm[key] for key in ("weight", "latency_ms", "fallback") if key in arm}
            served[name] = arm = {**_learner(choose, tracks), **kept}
        if choose([False, True]):
            arm["service"] = _service(choose)
        arm["latency_ms"] = (
            choose(SERVICE_TIMES) if choose([True, True, False]) else choose(LATENCIES)
        )
    if choose([False, True]):
        data["service"] = _service(choose)
    return data


@st.composite
def scenarios(draw: st.DrawFn) -> Keys:
    """A whole scenario whose users do not meet; some may be in no arm."""

    def choose(options: Sequence[Any]) -> Any:
        return options[draw(_below(len(options)))]

    tracks, users = choose(SIZES), choose(range(1, 31))
    artists, learning = choose(range(1, min(tracks, 12) + 1)), choose(range(4)) == 3
    served = arms(choose, tracks, learning)
    often = choose([0.1, 1.0, 3.0, 8.0])
    catalogue = {"tracks": tracks, "artists": artists, "genres": choose(range(1, artists + 1))}
    per_user = choose([True, False])
    arrivals = {"visits_per_day": often} if per_user else {"sessions": often * users}
    return {
        "name": "generated",
        "seeds": {
            "world": choose(range(4)),
            "dynamics": choose([1, 0, 2**63, 2**64 - 1, choose(range(10_000))]),
        },
        "world": {
            "catalogue": {"source": "synthetic", **catalogue, "dims": choose(range(4, 41))},
            "users": {"source": "synthetic", "count": users, **_traits(choose)},
        },
        "arrivals": {**arrivals, "profile": choose(["flat", "evening"])},
        "listener": {
            "session_budget": choose([1, 2, 5, 40]),
            "artist_discount_gamma": choose([0.0, 0.5, 0.8, 1.0]),
            "interest_neighbours": choose(range(1, 11)),
            "max_tracks": choose([1, 2, 7, 30, 400] if users < 4 else [1, 2, 7, 30]),
            "skip_below": choose([0.0, 0.3, 0.57, 1.0]),
        },
        "timeline": _timeline(choose, list(served), learning),
        "arms": _reordered(choose, served),
        **_experiments(choose, list(served)),
        "shards": choose([1, 2, 3]),
    }


def _reordered(choose: Choose, served: dict[str, Keys]) -> dict[str, Keys]:
    """The arms with the last one, the one that may learn, anywhere in the file."""
    items = list(served.items())
    items.insert(choose(range(len(items))), items.pop())
    return dict(items)


def arms(choose: Choose, tracks: int, learning: bool) -> dict[str, Keys]:
    """Two to four arms; with `learning` the last one is to be trained."""
    made = [_recommender(choose, tracks, 3) for _ in range(choose([2, 3]))]
    if learning:
        made.append(dict(choose(LEARNERS)))
        if choose([False, True]):
            made[-1]["fallback"] = _recommender(choose, tracks, 1)
    for arm in made:
        arm["weight"] = choose([1.0, 0.3, 5.0])
        arm["latency_ms"] = choose(LATENCIES)
    return {f"arm {place}": arm for place, arm in enumerate(made)}


def _recommender(choose: Choose, tracks: int, depth: int) -> Keys:
    """A recommender with up to `depth` fallbacks."""
    chosen = choose([_shipped, _shipped, _table, _batch])(choose, tracks)
    if depth and choose([False, True]):
        named = choose(["random", "sticky_artist", "sticky_artist_mixed", "top_pop", "", "", ""])
        chosen["fallback"] = named or _recommender(choose, tracks, depth - 1)
    return dict(chosen)


def _shipped(choose: Choose, tracks: int) -> Keys:
    """A shipped recommender that needs no training."""
    lists, pick = f"{tracks}-{choose(['full', 'gaps'])}", {"pick": choose(PICKS)}
    anchor = {"anchor": choose(["first", "previous"])}
    options: list[Keys] = [
        {"recommender": "random"},
        {"recommender": "sticky_artist"},
        {"recommender": "sticky_artist_mixed", "below": choose([0.3, 0.0, 1.0])},
        {"recommender": "top_pop", "size": choose(range(1, 21)), **pick},
        {"recommender": "top_pop", "file": f"top-{lists}.json", **pick},
        {"recommender": "indexed", "file": f"users-{lists}.jsonl", **pick},
        {"recommender": "contextual", "file": f"tracks-{lists}.jsonl", **anchor, **pick},
        {"recommender": "i2i", "file": f"tracks-{lists}.jsonl"},
    ]
    return dict(choose(options))


def _untrained(served: dict[str, Keys]) -> list[Keys]:
    """The arms that are trained before they serve."""
    names = {learner["recommender"] for learner in LEARNERS}
    return [arm for arm in served.values() if arm["recommender"] in names]


def _service(choose: Choose) -> Keys:
    """A queue, crowded or not."""
    service: Keys = {"replicas": choose([1, 1, 2, 5, 1_000_000])}
    if choose([False, True]):
        service["timeout_ms"] = choose([0, 1, 100, 90_000, DAY_MS])
    if choose([False, True]):
        service["patience_ms"] = choose([0, 1, 1000, DAY_MS])
    return service


def _learner(choose: Choose, tracks: int) -> Keys:
    """A recommender that learns from everybody it serves, or may."""
    size = {"size": choose([1, 5, 30]), "skip_heard": choose([True, False])}
    plugin = {"miss": choose([0, 5]), "outside": choose([0, 5]), "fails": choose([0, 3])}
    lists = {"candidates": "file", "file": f"tracks-{tracks}-gaps.jsonl"}
    options: list[Keys] = [
        {"recommender": "bandit", **size},
        {"recommender": "bandit", "policy": "linucb", "candidates": "artist", **size},
        {"recommender": "bandit", **lists, **size},
        {"recommender": "mine.py:Learns", **plugin},
        {"recommender": "mine.py:LearnsAtEnd", **plugin},
        {"recommender": "mine.py:Alone", **plugin},
    ]
    return dict(choose(options))


def _table(choose: Choose, tracks: int) -> Keys:
    """A plug-in that gives a table of any kind."""
    kind, seed, below = choose(TABLES), choose(range(100)), choose([0, 30, 100])
    return {"recommender": "mine.py:Table", "seed": seed, **kind, "below": below}


def _batch(choose: Choose, tracks: int) -> Keys:
    """A plug-in that answers in batches."""
    return {
        "recommender": choose(["mine.py:Batch", "mine.py:OnlyBatch"]),
        "miss": choose([0, 2, 5]),
        "outside": choose([0, 2, 5]),
        "fails": choose([0, 0, 3, 40]),
        "form": choose(["int64", "int32", "values"]),
    }


def _traits(choose: Choose) -> Keys:
    """Users' interests, bias and sharpness."""
    several: Keys = {"one_and_binomial": [4, 0.5]}
    return {
        "interests": choose([1, 3, several]),
        "bias": choose([-2.0, 5.0, {"uniform": [0.0, 10.0]}]),
        "sharpness": choose([0.5, 1.0, {"uniform_or_inverse": [1.0, 2.0]}]),
    }


def _timeline(choose: Choose, names: list[str], learning: bool) -> list[Keys]:
    """Phases; an arm that learns is the last of `names`, and trained before it serves."""
    ready = names[:-1] if learning else names
    phases: list[Keys] = []
    if choose([False, True]):
        phases.append({"phase": "pre", "days": choose([1, 2]), "recommender": choose(ready)})
    if learning or choose([False, True]):
        traffic = {ready[0]: 0.75, ready[1]: 0.25}
        phases.append({"phase": "collect", "days": choose([1, 2]), "traffic": traffic})
    experiment: Keys = {"phase": "experiment", "days": choose([1, 2, 3])}
    if learning:
        phases.append({"phase": "train"})
        if choose([False, True]):
            training = choose(["pooled", "own", "frozen"])
            experiment |= {"retrain": "daily", "training": training}
    return [*phases, experiment]


def _experiments(choose: Choose, names: list[str]) -> Keys:
    """One experiment, or two that overlap."""
    traffic = [1.0, 0.6, [0.3, 1.0]]
    first = {"name": "AB", "control": names[0], "traffic": choose(traffic)}
    if choose(range(4)) < 3:
        return {"experiment": first}
    second = {"name": "LAYER", "control": names[1], "arms": names[:2], "traffic": choose(traffic)}
    return {"experiments": choose([[first, second], [second, first]])}
