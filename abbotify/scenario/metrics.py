"""What an experiment is judged by: success metrics, guardrails, segments, looks at the data."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, get_args

from pydantic import Field, field_validator, model_validator

from abbotify.scenario.base import Days, FilePath, Model, Name, Tuple, at_key

MetricName = Literal[
    "time",
    "sessions",
    "tracks",
    "mean_time_per_session",
    "mean_tracks_per_session",
    "mean_request_latency",
    "minutes",
    "skip_rate",
    "repeat_rate",
    "artist_diversity",
    "retained",
    "timeouts",
]
if TYPE_CHECKING:
    PreName: TypeAlias = str
else:  # the same metrics, over the days before the experiment
    PreName = Literal[tuple(f"pre_{name}" for name in get_args(MetricName))]
UserAttribute = Literal["bias", "sharpness", "budget", "neighbours", "gamma"]
Percent = Annotated[float, Field(ge=0, lt=100)]

MARGIN: Final = 5.0  # per cent of the control, of a guardrail that names none


class Guardrail(Model):
    """A metric that must not get worse by more than a margin: `margin` per cent, or `absolute`."""

    metric: MetricName
    margin: Percent | None = None
    absolute: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"metric": data, "margin": MARGIN}
        if isinstance(data, dict) and data.get("margin") is None and data.get("absolute") is None:
            return data | {"margin": MARGIN}
        return data

    @model_validator(mode="after")
    def _one_margin(self) -> Guardrail:
        if self.margin is not None and self.absolute is not None:
            raise ValueError("needs one of margin and absolute, not both")
        return self


class Segments(Model):
    """Kinds of users whose effects are compared.

    By a value: cut into `quantiles` of about equal size, or at `bounds`; or by name in a file of
    JSON lines, {"user": 1, "segment": "new"}.
    """

    by: PreName | UserAttribute | None = None
    quantiles: Annotated[int, Field(ge=2, le=10)] | None = None
    bounds: Annotated[Tuple[float], Field(min_length=1, max_length=9)] | None = None
    file: FilePath | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Segments:
        if (self.by is None) == (self.file is None):
            raise ValueError("needs exactly one of by and file")
        if self.file is not None and (self.quantiles is not None or self.bounds is not None):
            raise ValueError("a file names the segments: no quantiles, no bounds")
        if self.quantiles is not None and self.bounds is not None:
            raise ValueError("needs one of quantiles and bounds, not both")
        if self.bounds is not None and not all(a < b for a, b in pairwise(self.bounds)):
            raise at_key(("bounds",), f"must ascend, got {list(self.bounds)}")
        return self


class CovariateFile(Model):
    """A covariate of one's own: JSON lines {"user": 1, "value": 3.2, "timestamp": -86400000}.

    The timestamp, in ms of the run, is when the last event behind the value was.
    """

    name: Name
    file: FilePath


class Monitoring(Model):
    """Looks at the first success metric, one a day.

    A user enters a look when `window_days` since the first session are over, with the value of
    those days. `planned_users` are those at which the looks' error is spent; default all assigned.
    """

    window_days: Days = 1
    spending: Literal["obrien_fleming", "pocock"] = "obrien_fleming"
    planned_users: Annotated[int, Field(ge=2, le=10**12)] | None = None


Quantile = Annotated[float, Field(gt=0, lt=1)]


class Metrics(Model):
    """What is judged, what must not be harmed, and what is shown.

    `estimator` is the estimate that decides: `cuped` adjusts for the days before the experiment,
    `auto` does so wherever there are such days.
    """

    success: Annotated[Tuple[MetricName], Field(min_length=1)] = ("mean_time_per_session",)
    guardrails: Tuple[Guardrail] = ()
    report: Literal["all"] | Annotated[Tuple[MetricName], Field(min_length=1)] = "all"
    estimator: Literal["auto", "mean", "cuped"] = "auto"
    population: Literal["exposed", "assigned"] = "exposed"
    retained_days: Days = 1
    quantiles: Annotated[Tuple[Quantile], Field(max_length=9)] = (0.1, 0.5, 0.9)
    bootstrap: bool = False
    segments: Segments | None = None
    covariates: Annotated[Tuple[PreName | CovariateFile], Field(max_length=10)] = ()

    @field_validator("covariates", mode="before")
    @classmethod
    def _from_before(cls, data: Any) -> Any:
        for number, name in enumerate(data if isinstance(data, list | tuple) else ()):
            if name in get_args(MetricName):
                what = (
                    f"{name} is counted after the first exposure, so the treatment may have moved "
                    f"it; pre_{name} is from before"
                )
                raise at_key((number,), what)
        return data

    @model_validator(mode="after")
    def _once(self) -> Metrics:
        guarded = [rail.metric for rail in self.guardrails]
        covariates = [each if isinstance(each, str) else each.name for each in self.covariates]
        shown = () if self.report == "all" else self.report
        for key, what, names in (
            ("success", "metric", self.success),
            ("report", "metric", shown),
            ("guardrails", "metric", guarded),
            ("covariates", "covariate", covariates),
            ("quantiles", "quantile", self.quantiles),
        ):
            if len(set(names)) < len(names):
                raise at_key((key,), f"names a {what} twice")
        for number, name in enumerate(guarded):
            if name in self.success:
                what = f"{name} is a success metric, which may not be worse at all"
                raise at_key(("guardrails", number), what)
        return self


USER_ATTRIBUTES: Final = get_args(UserAttribute)
