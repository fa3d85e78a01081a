"""The command line: with `studies`, the only place that prints or exits.

Exit codes: 0 success, 1 an internal fault, 2 the user's mistake, in one line.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer import Argument, Option

from abbotify.cli import studies
from abbotify.cli.options import (
    ArmNames,
    ClusterOption,
    EngineOption,
    EstimatorOption,
    Guardrails,
    ListFormat,
    LogFiles,
    Overrides,
    Quiet,
    Resume,
    RunFolder,
    ScenarioFile,
    SeedOption,
    SendsFiles,
    SkipBelow,
    Success,
    VersionOption,
    Weights,
    Workers,
    form_of,
    load_scenario,
    numbers_of,
    pairs_of,
    question_of,
    workers_of,
)
from abbotify.cli.process import (
    discard_output,
    end_cleanly_on_signals,
    fail,
    fail_for_resources,
    leave,
    too_few_addresses,
)
from abbotify.cli.terminal import (
    headline_table,
    notice,
    print_anywhere,
    progress_bars,
    streams_kept,
)

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Simulate listeners, A/B-test recommenders on them, and estimate treatment effects.",
)

_LIGHT: Final = frozenset({"schema", "new", "--help", "--version"})  # no numbers, little memory

_UsageError: Final[Any] = typer.BadParameter.__base__  # typer gives it no name of its own


def process() -> None:
    """Runs the command line as a process of its own, which ends with it."""
    try:
        main()
    except SystemExit as end:
        leave(end.code)
        raise


def main() -> None:
    """Runs the command line; translates errors into exit codes."""
    from abbotify.errors import AbbotifyError, UserError, of_an_interrupt

    # Imports make objects by the hundred thousand that stay: collections every 700 of them took
    # 0.2 s of the 1.4 s that all imports of a run take.
    gc.set_threshold(10_000, 50, 100)
    printable = print_anywhere()
    end_cleanly_on_signals()
    if (limited := too_few_addresses()) and not _LIGHT & {*sys.argv[1:]}:
        fail(limited, 1)
    try:
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False)
        sys.stdout.flush()
        if not printable and not code:
            fail("standard output is closed; files are complete", 1)
    except UserError as error:
        fail(str(error), 2)
    except AbbotifyError as error:
        fail(str(error), 1)
    except _UsageError as error:
        fail(" ".join(error.format_message().split()), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except BrokenPipeError:
        discard_output()  # its reader has gone
        sys.exit(0)
    except Exception as error:
        if of_an_interrupt(error):
            code = 130
        else:
            fail_for_resources(error)
            raise
    if code == 130:  # what typer makes of an interrupt
        fail("interrupted", 130)
    sys.exit(code or 0)


@app.command()
def run(
    scenario: ScenarioFile,
    out: RunFolder = None,
    engine: EngineOption = "auto",
    seed: SeedOption = None,
    overrides: Overrides = None,
    workers: Workers = 1,
    cluster: ClusterOption = None,
    cluster_sends_files: SendsFiles = False,
    resume: Resume = False,
    quiet: Quiet = False,
) -> None:
    """Run a scenario and write its report."""
    described = load_scenario(scenario, overrides, seed)
    from abbotify import pipeline

    folder = out or Path("reports") / described.name
    those = workers_of(workers, cluster, cluster_sends_files)
    with progress_bars(quiet) as progress:
        result = pipeline.run(described, folder, those, progress, engine, resume, notice)
    headline_table(result)
    for note in result.run.notes:
        print(f"\nNote: {note}.")
    print(f"\nReport: {folder / 'report.html'}")


@app.command()
def check(
    scenario: ScenarioFile,
    out: RunFolder = None,
    engine: EngineOption = "auto",
    seed: SeedOption = None,
    overrides: Overrides = None,
) -> None:
    """Dry run: validate the scenario and show its plan and warnings."""
    described = load_scenario(scenario, overrides, seed)
    from abbotify.cli.check import describe
    from abbotify.simulation.prepare import ready

    with streams_kept():
        plan = ready(described, out or Path("reports") / described.name, engine)
    print(describe(plan))


@app.command()
def schema() -> None:
    """Print the JSON Schema of the scenario file, for editors."""
    from abbotify import scenario

    print(json.dumps(scenario.schema(), indent=2))


@app.command()
def analyze(
    logs: LogFiles,
    experiment: Annotated[str, Option(help="Name of the experiment in the log.")],
    out: Annotated[Path, Option(help="The folder of the report.")],
    control: Annotated[str | None, Option(help="Name of the control arm in the log.")] = None,
    arms: ArmNames = None,
    weights: Weights = None,
    alpha: Annotated[float, Option(help="Significance level.")] = 0.05,
    skip_below: SkipBelow = 0.3,
    success: Success = None,
    guardrail: Guardrails = None,
    estimator: EstimatorOption = "auto",
    quiet: Quiet = False,
) -> None:
    """Analyse an event log and write the same report as for a run."""
    from abbotify import analysis

    question = question_of(success, guardrail, estimator)
    with progress_bars(quiet) as progress:
        progress("log", 0, 0)
        result = analysis.analyze(
            logs,
            experiment=experiment,
            control=control,
            arms=pairs_of(arms, "--arms"),
            out=out,
            weights=numbers_of(weights),
            alpha=alpha,
            skip_below=skip_below,
            question=question,
        )
    headline_table(result)
    print(f"\nReport: {out / 'report.html'}")


@app.command()
def train(
    scenario: ScenarioFile,
    arm: Annotated[str, Option(help="Name of the arm to train.")],
    export: Annotated[Path, Option(metavar="FILE", help="Output file of its lists (JSON lines).")],
    form: ListFormat = None,
    seed: SeedOption = None,
    overrides: Overrides = None,
    workers: Workers = 1,
    quiet: Quiet = False,
) -> None:
    """Train one arm on the collected log and write its lists in botify's format."""
    described, shape = load_scenario(scenario, overrides, seed), form_of(form)
    from abbotify.errors import UserError
    from abbotify.simulation import export as deploy

    if not export.parent.is_dir():
        raise UserError(f"{export}: there is no folder {export.parent}", key="--export")
    with progress_bars(quiet) as progress:
        deployed = deploy.train(described, arm, workers, progress)
    wanted = deploy.export(deployed, export, shape)
    model = deployed.training.model
    last = f", last loss {model.curve[-1].loss:.4f}" if model.curve else ""
    print(f"{arm}: {model.plays:,} plays, {deployed.training.seconds:.1f} s{last}")
    print(f"Lists of {wanted}: {export}")
    keys = ", ".join(f"{key}: {value}" for key, value in deploy.reader(deployed, export).items())
    print(f"Arm that serves them: {{{keys}}}")


@app.command()
def report(run_dir: Annotated[Path, Argument(metavar="RUN_DIR")]) -> None:
    """Render the report of a run folder again from its report.json."""
    from abbotify.report import read, write

    result = read(run_dir)
    write(result, run_dir, _manifest_of(run_dir))
    headline_table(result)
    print(f"\nReport: {run_dir / 'report.html'}")


@app.command()
def new(folder: Annotated[Path, Argument(metavar="DIR")]) -> None:
    """Create a workspace with scenarios/, recommenders/ and reports/."""
    from abbotify.cli import workspace

    for path in workspace.create(folder):
        print(path)
    print(f"\nNext: cd {folder} && abbotify run scenarios/quickstart.yaml")


for _command in studies.COMMANDS:
    app.command()(_command)


@app.callback()
def _common(version: VersionOption = False) -> None:
    pass


def _manifest_of(run_dir: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads((run_dir / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) else None
