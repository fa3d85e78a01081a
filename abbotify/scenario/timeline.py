"""The phases of a scenario's timeline."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from abbotify.scenario.base import Days, Model, at_key

Shares = Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1)]


class Pre(Model):
    """Days before the experiment on which everybody gets one recommender (an arm's name)."""

    phase: Literal["pre"]
    days: Days
    recommender: str


class Collect(Model):
    """Days on which users are split among arms to collect a log."""

    phase: Literal["collect"]
    days: Days
    traffic: Shares

    @model_validator(mode="after")
    def _whole(self) -> Collect:
        total = sum(self.traffic.values())
        if abs(total - 1.0) > 1e-9:
            raise at_key(("traffic",), f"the shares must sum to 1, got {total:.10g}")
        return self


class Train(Model):
    """A training of all arms that learn, on the sessions of the collect phases before it."""

    phase: Literal["train"]

    @property
    def days(self) -> int:
        """Training takes no simulated time."""
        return 0


class ExperimentDays(Model):
    """The days of the experiment.

    With `retrain: daily` arms that learn are trained again at the start of each of its days:
    `pooled` on the sessions of everybody, `own` on those the arm itself has served, `frozen` on
    none of them, so that models stay as they are; always on the collect phases' as well.
    """

    phase: Literal["experiment"]
    days: Days
    retrain: Literal["never", "daily"] = "never"
    training: Literal["pooled", "own", "frozen"] = "pooled"

    @property
    def retraining(self) -> Literal["pooled", "own"] | None:
        """What models are trained on at the start of each of its days; None where they are not."""
        # The collect log is all a frozen model ever sees: training again would change nothing.
        return None if self.retrain == "never" or self.training == "frozen" else self.training


Phase = Annotated[Pre | Collect | Train | ExperimentDays, Field(discriminator="phase")]
