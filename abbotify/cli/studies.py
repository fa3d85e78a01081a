"""The commands of studies over many runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from typer import Argument, Exit, Option

from abbotify.cli.options import (
    EngineOption,
    Overrides,
    Quiet,
    Resume,
    ScenarioFile,
    SeedOption,
    Workers,
    load_scenario,
)
from abbotify.cli.terminal import comparison_tables, notice, print_table, progress_bars


def sweep(
    scenario: ScenarioFile,
    vary: Annotated[
        list[str], Option(metavar="KEY.PATH=1,2,3", help="Setting and the values to try.")
    ],
    out: Annotated[Path | None, Option(help="Output folder; default reports/NAME-sweep.")] = None,
    seed: SeedOption = None,
    overrides: Overrides = None,
    workers: Workers = 1,
    resume: Resume = False,
    quiet: Quiet = False,
) -> None:
    """Run a scenario for every combination of settings: one table, one chart."""
    described = load_scenario(scenario, overrides, seed)
    from abbotify.studies import sweep as study
    from abbotify.studies.sweep import report as sweep_report

    folder = out or Path("reports") / f"{described.name}-sweep"
    keys = [study.varied(text) for text in vary]
    with progress_bars(quiet) as progress:
        result = study.sweep(
            scenario, keys, folder, overrides or (), seed, workers, progress, resume
        )
    sweep_report.write(result, folder)
    print(f"{sweep_report.sentence(result)}\n")
    print_table(sweep_report.effects(result))
    print()
    for name, key, spread in sweep_report.matters(result):
        print(f"{name}: {key} moves the effect by {sweep_report.range_text(result, spread)}")
    print(f"\nSweep: {folder / 'sweep.html'}")
    if result.failures:
        raise Exit(2)


def compare(
    run_a: Annotated[Path, Argument(metavar="RUN_A", help="A run folder.")],
    run_b: Annotated[Path, Argument(metavar="RUN_B", help="Another run folder.")],
    out: Annotated[
        Path | None, Option(help="Output folder for compare.html, .md and .csv.")
    ] = None,
) -> None:
    """Compare two runs: settings that differ, checks, decisions, effects, levels."""
    from abbotify.studies.compare import compare_runs
    from abbotify.studies.compare import report as compare_report

    if out is not None:
        compare_report.check(out, (run_a, run_b))
    comparison = compare_runs(run_a, run_b)
    if out is not None:  # before anything is printed: what reads that may go away
        compare_report.write(comparison, out)
    comparison_tables(comparison)
    if out is not None:
        print(f"\nComparison: {out / 'compare.html'}")


def power(
    scenario: ScenarioFile,
    mde: Annotated[
        float | None,
        Option(metavar="PCT", help="Minimum detectable effect: plan the number of users."),
    ] = None,
    users: Annotated[
        int | None, Option(help="Users of all arms: compute the detectable effect.")
    ] = None,
    days: Annotated[
        int | None, Option(help="Days of the experiment: compute the detectable effect.")
    ] = None,
    wanted: Annotated[float, Option("--power", help="Target power.")] = 0.8,
    out: Annotated[Path | None, Option(help="Output folder for power.csv, .md and .html.")] = None,
    engine: EngineOption = "auto",
    seed: SeedOption = None,
    overrides: Overrides = None,
    workers: Workers = 1,
    quiet: Quiet = False,
) -> None:
    """Plan sample size or detectable effect, with and without CUPED.

    Runs the scenario with everybody in the control arm and uses these users as the pilot.

    Effects on amounts (time, sessions) multiply users' values, so their variance grows.

    Effects on shares are added to them.
    """
    described = load_scenario(scenario, overrides, seed)
    from abbotify.studies import power as study
    from abbotify.studies.power import notes as power_notes
    from abbotify.studies.power import report as power_report

    question = study.Question(mde, users, days, wanted)
    if out is not None:
        power_report.check(out)
    with progress_bars(quiet) as progress:
        planned = study.power_study(described, question, workers, progress, engine)
    if out is not None:
        power_report.write(planned, out)
    print(f"{power_notes.sentence(planned)}\n")
    print_table(power_report.metrics(planned))
    if planned.guardrails:
        print()
        print_table(power_report.guardrails(planned))
    print("\n" + "\n".join(power_notes.notes(planned)))
    if out is not None:
        print(f"\nPower: {out / 'power.html'}")


def validate(
    scenario: ScenarioFile,
    replications: Annotated[
        int, Option(metavar="N", help="Number of simulated experiments.")
    ] = 2000,
    users: Annotated[
        int | None,
        Option(metavar="N", help="Users of each experiment; default as in the scenario."),
    ] = None,
    out: Annotated[
        Path | None, Option(help="Output folder; default reports/NAME-validate.")
    ] = None,
    seed: SeedOption = None,
    overrides: Overrides = None,
    workers: Workers = 1,
    resume: Resume = False,
    quiet: Quiet = False,
) -> None:
    """Repeat an experiment with known effects: error rates and coverage of each method."""
    described = load_scenario(scenario, overrides, seed)
    from abbotify.studies import validation

    folder = out or Path("reports") / f"{described.name}-validate"
    with progress_bars(quiet) as progress:
        result = validation.validate(
            described, folder, replications, users, workers, progress, resume, notice
        )
    print_table(validation.report.terminal_table(result))
    print(f"\n{validation.report.verdict(result)}\n\nValidation: {folder / 'validate.html'}")
    if result.failures:
        raise Exit(3)


COMMANDS: Final = (sweep, compare, power, validate)
