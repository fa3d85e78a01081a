"""Values of the scenario file that are wrong, each with what the line must name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.hostile.files import DELETE, HUGE

Case = tuple[str, Any, tuple[str, ...]]

TOO_LONG = "x" * 5000
WHOLE = (
    "seeds.world",
    "seeds.dynamics",
    "listener.session_budget",
    "listener.max_tracks",
    "listener.interest_neighbours",
    "timeline.1.days",
    "metrics.retained_days",
    "shards",
)
NOT_WHOLE = (-1, 0.5, True, "two", None, HUGE, [1], {"a": 1}, float("nan"))
REAL = (
    "arrivals.sessions",
    "arms.random.weight",
    "listener.artist_discount_gamma",
    "listener.skip_below",
    "experiment.alpha",
    "experiment.traffic",
)
NOT_REAL = (-0.1, True, "half", float("inf"), float("nan"), 1e300, {"a": 1})
NOT_LATENCIES = (-3, 86_400_001, "slow", {"distribution": "exponential"})
NOT_NAMES = ("", "a/b", "..", "x" * 101, 7, None, ["a"], "a\x00b", "a\nb", "\x7f")
NOT_EXPERIMENTS = ("", "a/b", "x" * 101, 7, ["a"], "a\nb")
MAPPINGS = ("world", "arrivals", "timeline", "arms", "experiment", "metrics", "log")
NOT_MAPPINGS = (7, "text", [[1]], True)
PATHS = (
    "world.catalogue.tracks",
    "world.catalogue.embeddings",
    "world.users.file",
    "arms.indexed.file",
    "arms.context.file",
    "arms.i2i.file",
    "arms.top.file",
)
NOT_PATHS = ("nowhere", "", 7, None, TOO_LONG, "${NO_SUCH_VARIABLE}/x", "a\x00b", "data")
MAY_BE_NULL = ("seeds.world", "seeds.dynamics", "arms.context.file", "arms.top.file")


def key(path: str, value: Any, *named: str) -> Case:
    """A wrong value; the line names the last key if nothing else is said."""
    return path, value, named or (path.rsplit(".", 1)[-1],)


def by_kind() -> Iterator[Case]:
    """Every key of a kind with every value that is not of that kind."""
    for paths, values in (
        (WHOLE, NOT_WHOLE),
        (REAL, NOT_REAL),
        (("arms.random.latency_ms",), NOT_LATENCIES),
        (("name",), NOT_NAMES),
        (("experiment.name",), NOT_EXPERIMENTS),
        (MAPPINGS, NOT_MAPPINGS),
        (PATHS, NOT_PATHS),
    ):
        for path in paths:
            for value in values:
                if value is not None or path not in MAY_BE_NULL:
                    yield key(path, value, *(["data"] if value == "data" else []))


TIMELINE = (
    key("timeline", []),
    key("timeline", [{"phase": "collect", "days": 1, "traffic": {"random": 1.0}}]),
    key("timeline.0.phase", "collected", "phase"),
    key("timeline.0.phase", DELETE, "phase"),
    key("timeline.0.traffic", {"random": 0.5, "top": 0.4}, "sum to 1"),
    key("timeline.0.traffic", {"nobody": 1.0}, "nobody"),
    key("timeline.0.traffic", {}, "traffic"),
    key("timeline.1.days", 3651, "days"),
    key("timeline.1.days", 3650, "timeline"),
    key("timeline.0", {"phase": "pre", "days": 1, "recommender": "nobody"}, "nobody"),
    key("arrivals", DELETE),
    key("arrivals.visits_per_day", 1.0, "arrivals"),
    key("arrivals.profile", "morning", "profile"),
)
EXPERIMENT = (
    key("experiment", DELETE),
    key("experiment.control", DELETE),
    key("experiment.control", "randm", "random"),
    key("experiment.control", 7),
    key("experiment.traffic", [0.5, 0.2]),
    key("experiment.traffic", []),
    key("experiment.traffic", 0.0, "none of the"),
    key("experiment.traffic", 1e-12, "none of the"),
    key("experiment.arms", ["random"]),
    key("experiment.arms", ["random", "random"]),
    key("experiment.arms", ["random", "nobody"], "nobody"),
    key("experiments", [{"name": "A", "control": "random"}]),
)
METRICS = (
    key("metrics.success", [], "success"),
    key("metrics.success", ["happiness"], "success"),
    key("metrics.success", ["time", "time"], "success"),
    key("metrics.report", [], "report"),
    key("metrics.report", "none", "report"),
    key("metrics.guardrails", ["happiness"], "guardrails"),
    key("metrics.guardrails", ["mean_time_per_session"], "guardrails"),
    key("metrics.guardrails", ["time", "time"], "guardrails"),
    key("metrics.guardrails", [{"metric": "time", "margin": -1}], "margin"),
    key("metrics.guardrails", [{"metric": "time", "margin": 1, "absolute": 1}], "guardrails"),
    key("metrics.guardrails", [{"margin": 1}], "guardrails"),
    key("metrics.quantiles", [0.5, 0.5], "quantiles"),
    key("metrics.quantiles", [1.0], "quantiles"),
    key("metrics.bootstrap", "yes", "bootstrap"),
    key("metrics.segments", {"by": "shoe_size"}, "by"),
    key("metrics.segments", {}, "segments"),
    key("metrics.segments", {"by": "bias", "bounds": [2.0, 1.0]}, "bounds"),
    key("metrics.segments", {"by": "bias", "quantiles": 1}, "quantiles"),
    key("metrics.segments", {"by": "bias", "file": "x"}, "segments"),
    key("metrics.segments", {"file": "nowhere.jsonl"}, "segments"),
    key("monitoring.window_days", 99, "window_days"),
    key("monitoring.planned_users", 0, "planned_users"),
    key("monitoring.spending", "haybittle", "spending"),
    key("metrics.population", "everybody", "population"),
)
RUN = (
    key("log.level", "debug", "level"),
    key("log.botify", "yes", "botify"),
    key("log", {"level": "users", "botify": True}, "botify"),
    key("service", {"replicas": -1}, "replicas"),
    key("service", 3, "service"),
    key("shards", 0, "shards"),
    key("retrain", True, "retrain"),
    key("arm", {}, "arms"),
    key("listener.budget", 5, "budget"),
)
ARMS = (
    key("arms", DELETE),
    key("arms", {}),
    key("arms", {"random": {"recommender": "random"}}, "arm"),
    key("arms.i2i.weight", 1e-9, "i2i"),
    key("arms.random.latency", 5, "latency_ms"),
    key("arms.random.recommender", "randem", "recommender"),
    key("arms.random.recommender", DELETE, "recommender"),
    key("arms.random.recommender", 7, "recommender"),
    key("arms.random.recommender", None, "recommender"),
    key("arms.random.fallback", "nobody", "fallback"),
    key("arms.random.fallback", {"recommender": "indexed"}, "file"),
    key("arms.random.on_error", "ignore", "on_error"),
    key("arms.random.service", {"replicas": 0}, "replicas"),
    key("arms.top.size", 0, "size"),
    key("arms.top.pick", "any", "pick"),
    key("arms.context.anchor", "middle", "anchor"),
)
PLUGIN = (
    key("arms.own.recommender", "data/own.py:Other", "Other"),
    key("arms.own.recommender", "data/nowhere.py:Own", "nowhere.py"),
    key("arms.own.recommender", "no_such_module:Own", "no_such_module"),
    key("arms.own.recommender", "data/a\x00b.py:Own", "recommender"),
    key("arms.own.recommender", f"data/{TOO_LONG}.py:Own", "recommender"),
    key("arms.own.recommender", "data/own.py:", "recommender"),
    key("arms.own.recommender", "data:Own", "data"),
    key("arms.own.size", DELETE, "size"),
    key("arms.own.size", "three", "size"),
    key("arms.own.colour", "red", "colour"),
)
WORLD = (
    key("world.catalogue.source", "spotify", "source"),
    key("world.users.source", "spotify", "source"),
    key("world.users.source", "lastfm", "users"),
    key("world.catalogue.dims", 8, "dims"),
    key("world.catalogue", {"source": "synthetic", "tracks": 5, "artists": 6}, "artists"),
    key("world.catalogue", {"source": "synthetic", "tracks": 0}, "tracks"),
    key("world.catalogue", {"source": "planted", "groups": {}}, "groups"),
    key("world.catalogue", {"source": "planted", "groups": {"a": 0.123}}, "groups"),
    key("world.catalogue", {"source": "lastfm", "folder": "data"}, "data"),
    key("world.catalogue", {"source": "lists", "users": "data/users.jsonl", "files": []}),
    key("world.users", {"count": 0}, "count"),
    key("world.users", {"bias": {"uniform": [1]}}, "uniform"),
    key("world.users", {"bias": {"normal": [0, 1]}}, "bias"),
    key("world.users", {"interests": 0}, "interests"),
)
VALUES = (
    *by_kind(),
    *TIMELINE,
    *EXPERIMENT,
    *METRICS,
    *RUN,
    *ARMS,
    *PLUGIN,
    *WORLD,
)
