"""The options that several commands share, and how their texts are read."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Exit, Option

from abbotify import __version__

if TYPE_CHECKING:
    from abbotify.report.inputs import Question
    from abbotify.scenario import Scenario
    from abbotify.simulation.parallel.executor import Workers as AnyWorkers
    from abbotify.stats.non_inferiority import GuardrailSpec


def _print_version(value: bool) -> None:
    if value:
        print(f"abbotify {__version__}")
        raise Exit


VersionOption = Annotated[
    bool, Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
]
ScenarioFile = Annotated[Path, Argument(metavar="SCENARIO", help="The scenario file (YAML).")]
Overrides = Annotated[
    list[str] | None,
    Option("--set", metavar="KEY.PATH=VALUE", help="Override a value of the scenario."),
]
SeedOption = Annotated[
    int | None,
    Option(
        min=0, help="Set seeds.dynamics; users keep their arms (--set seeds.split=2 draws others)."
    ),
]
EngineOption = Annotated[str, Option(help="Engine: auto, compiled or simpy.")]
Workers = Annotated[int, Option(min=1, help="Number of processes.")]
ClusterOption = Annotated[
    str | None,
    Option(metavar="WHERE", help="Dask cluster in place of processes: local:4 or tcp://host:8786."),
]
SendsFiles = Annotated[
    bool,
    Option("--cluster-sends-files", help="Its workers share no disk with the run folder."),
]
Resume = Annotated[
    bool, Option("--resume", help="Go on with an interrupted run; leave a finished one.")
]
Quiet = Annotated[bool, Option("--quiet", help="Show no progress bar.")]
RunFolder = Annotated[Path | None, Option(help="The folder of the run; default reports/NAME.")]
LogFiles = Annotated[
    list[Path],
    Argument(metavar="LOG...", help="Logs: botify JSON lines, Parquet files or a run folder."),
]
ArmNames = Annotated[
    str | None, Option(metavar="C=random,T1=sticky", help="Display names of the arms.")
]
Weights = Annotated[
    str | None,
    Option(metavar="C=1,T1=1", help="Intended split of users, for the sample ratio check."),
]
SkipBelow = Annotated[
    float, Option(help="Listened fraction below which a track counts as skipped.")
]
Success = Annotated[
    list[str] | None, Option(metavar="METRIC", help="Success metric; may be repeated.")
]
Guardrails = Annotated[
    list[str] | None,
    Option(
        metavar="METRIC:MARGIN",
        help="Guardrail metric and non-inferiority margin, in per cent of the control "
        "(latency:5) or in the metric's units (latency:=10); latency is mean_request_latency.",
    ),
]
EstimatorOption = Annotated[str, Option(help="Estimator for the decision: auto, mean or cuped.")]
ListFormat = Annotated[
    str | None, Option(help="Format of the lists: tracks, recommendations or users.")
]


def load_scenario(path: Path, overrides: list[str] | None, seed: int | None) -> Scenario:
    """The scenario of the first three options."""
    from abbotify.scenario import load

    return load(path, overrides or (), seed)


def workers_of(workers: int, cluster: str | None, sends_files: bool) -> AnyWorkers:
    """Who runs units of work, from --workers, --cluster and --cluster-sends-files."""
    from abbotify.simulation.parallel.executor import Cluster

    return workers if cluster is None else Cluster(cluster, sends_files)


def form_of(text: str | None) -> Any:
    """The form of an export, or None for the usual one."""
    from abbotify.errors import UserError
    from abbotify.simulation.export import FORMS

    if text is not None and text not in FORMS:
        raise UserError(
            f"must be {', '.join(FORMS[:-1])} or {FORMS[-1]}, got {text!r}", key="--form"
        )
    return text


def pairs_of(text: str | None, option: str) -> dict[str, str]:
    """Label -> text, from `C=random,T1=sticky`."""
    from abbotify.errors import UserError

    pairs: dict[str, str] = {}
    for part in (text or "").split(","):
        label, equals, name = (piece.strip() for piece in part.partition("="))
        if not part.strip():
            continue
        if not (label and equals and name) or label in pairs:
            raise UserError(f"must read C=...,T1=..., got {text!r}", key=option)
        pairs[label] = name
    return pairs


def numbers_of(text: str | None) -> dict[str, float]:
    """Label -> number, from `C=1,T1=2`."""
    from abbotify.errors import UserError

    try:
        return {name: float(value) for name, value in pairs_of(text, "--weights").items()}
    except ValueError:
        raise UserError(f"must read C=1,T1=2, got {text!r}", key="--weights") from None


def question_of(success: list[str] | None, guardrail: list[str] | None, estimator: str) -> Question:
    """What `--success time --guardrail latency:5 --estimator mean` ask of an analysis."""
    from abbotify.errors import UserError
    from abbotify.report.inputs import Question

    if estimator not in ("auto", "mean", "cuped"):
        raise UserError(f"must be auto, mean or cuped, got {estimator!r}", key="--estimator")
    names = tuple(_metric_of(text, "--success") for text in success or ())
    rails = tuple(map(_rail_of, guardrail or ()))
    for option, given in (("--success", names), ("--guardrail", [r.metric for r in rails])):
        if len(set(given)) < len(given):
            raise UserError(f"names a metric twice: {', '.join(given)}", key=option)
    plain = Question(rails=rails, estimator=estimator)  # type: ignore[arg-type]
    return replace(plain, success=names) if names else plain


def _rail_of(text: str) -> GuardrailSpec:
    """A guardrail from `latency:5` (per cent) or `latency:=10` (the metric's units)."""
    from abbotify.errors import UserError
    from abbotify.stats.non_inferiority import METRIC, PERCENT, GuardrailSpec

    name, colon, margin = text.rpartition(":")
    absolute = margin.startswith("=")
    try:
        most = float(margin.removeprefix("="))
    except ValueError:
        most = math.nan
    if not (colon and 0 < most < math.inf and (absolute or most < 100)):
        what = "must read METRIC:PER CENT (latency:5) or METRIC:=UNITS (latency:=10)"
        raise UserError(f"{what}, got {text!r}", key="--guardrail")
    return GuardrailSpec(_metric_of(name, "--guardrail"), most, METRIC if absolute else PERCENT)


def _metric_of(text: str, option: str) -> str:
    from difflib import get_close_matches

    from abbotify.errors import UserError
    from abbotify.metrics.definitions import METRICS

    name = {"latency": "mean_request_latency"}.get(text, text)
    if name in METRICS:
        return name
    near = get_close_matches(text, METRICS, 1)
    hint = f"; did you mean {near[0]}?" if near else f" ({', '.join(METRICS)})"
    raise UserError(f"no metric is named {text!r}{hint}", key=option)
