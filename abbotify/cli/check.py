"""The plan of a run in text, before it starts: world, days, arms, engine, warnings."""

from __future__ import annotations

from collections.abc import Sequence

from abbotify.eventlog.schema import arm_label
from abbotify.recommenders.arms import Arm
from abbotify.scenario import Scenario
from abbotify.scenario.timeline import Collect, ExperimentDays, Phase, Pre, Train
from abbotify.simulation.assignment import Layer
from abbotify.simulation.coupling import slowing
from abbotify.simulation.engine import COMPILED
from abbotify.simulation.potential_outcomes import POOLED, counterfactual_worlds, retrainings
from abbotify.simulation.prepare import Plan
from abbotify.simulation.scenario_warnings import cautions


def describe(plan: Plan) -> str:
    """The plan as lines of text: world, arms, days, expected sessions, engine and why."""
    parts = [
        [f"Scenario  {plan.scenario.name}"],
        _world(plan),
        [*_timeline(plan), _sessions(plan)],
        _arms(plan),
        *(_experiment(plan, layer) for layer in plan.schedule.layers),
        _engine(plan),
        _truth(plan),
        [f"Warning   {text}" for text in cautions(plan.schedule, plan.world, plan.arms)],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _world(plan: Plan) -> list[str]:
    catalogue, users, spec = plan.world.catalogue, plan.world.users, plan.scenario.world
    return [
        f"World     {len(catalogue):,} tracks by {len(catalogue.artists):,} artists, "
        f"{catalogue.dims} dimensions ({spec.catalogue.source})",
        f"          {len(users):,} users ({spec.users.source})",
        *(f"          Note: {note}" for note in plan.world.notes),
    ]


def _timeline(plan: Plan) -> list[str]:
    lines: list[str] = []
    first = 0
    for phase in plan.scenario.timeline:
        last = first + phase.days - 1
        days = f"day {first}" if first == last else f"days {first}-{last}"
        if last < first:
            days = f"before {first}"
        lines.append(f"{'Timeline' if not lines else '':9} {days:12} {_phase(phase, plan.arms)}")
        first = last + 1
    return lines


def _sessions(plan: Plan) -> str:
    scenario = plan.scenario
    arrivals = scenario.arrivals
    if arrivals.sessions is not None:
        total = f"{arrivals.sessions * scenario.days:,.0f} in total"
        return f"Sessions  {arrivals.sessions:,.0f} expected a day ({total})"
    most = len(plan.world.users) * (arrivals.visits_per_day or 0.0)
    return (
        f"Sessions  up to {most:,.0f} expected a day ({most * scenario.days:,.0f} in total): "
        "a gap starts where the last session ends"
    )


def _phase(phase: Phase, arms: Sequence[Arm]) -> str:
    match phase:
        case Pre():
            return f"pre: everybody gets {phase.recommender}"
        case Collect():
            shares = (f"{name} {share:.4g}" for name, share in phase.traffic.items())
            return f"collect: {', '.join(shares)}"
        case Train():
            learning = [arm.name for arm in arms if not arm.trained]
            return f"train: {', '.join(learning) or 'no arm learns'}"
        case ExperimentDays():
            again = phase.retrain == "daily"
            return f"experiment, trained daily ({phase.training})" if again else "experiment"


def _arms(plan: Plan) -> list[str]:
    width = max(len(arm.name) for arm in plan.arms)
    lines = []
    for arm in plan.arms:
        chain = " > ".join(dict.fromkeys(link.name for link in arm.chain))
        unused = "" if arm.name in plan.schedule.serving_arms else " (serves nobody)"
        lines.append(f"  {arm.name:{width}}  {chain}, {_service(plan.scenario, arm)}{unused}")
    return ["Arms      recommender > fallbacks, service", *lines]


def _service(scenario: Scenario, arm: Arm) -> str:
    latency, service = arm.latency, arm.service or scenario.service
    duration = f"{latency} ms" if isinstance(latency, int) else f"{latency.distribution} latency"
    if service is None:
        return duration
    shared = " shared" if arm.service is None else ""
    plural = "s" * (service.replicas > 1)
    return f"{duration}, {service.replicas}{shared} replica{plural} with a queue"


def _experiment(plan: Plan, layer: Layer) -> list[str]:
    codes = layer.codes(plan.world.users.ids, len(layer.traffic) - 1)
    width = max(len(name) for name in layer.arms)
    lines = [
        f"  {arm_label(code):3} {name:{width}}  {int((codes == code).sum()):>9,} users"
        for code, name in enumerate(layer.arms)
    ]
    outside = int((codes < 0).sum())
    if outside:
        lines.append(f"      {'(outside)':{width}}  {outside:>9,} users")
    return [f"Experiment {layer.name}", *lines]


def _engine(plan: Plan) -> list[str]:
    compiled = plan.engine == COMPILED
    which = "simpy (event-driven), as requested; the compiled engine gives the same log."
    if plan.coupled:
        slow = slowing(plan.schedule, plan.arms)
        together = "compiled: users are coupled, and played together in the order of time."
        return [
            f"Engine    {together if compiled else which}",
            f"          Coupled: {plan.coupled}; one unit of work over all users and days.",
            *([f"          Note: {slow}."] if slow else []),
        ]
    if compiled:
        which = "compiled: users are independent, and every arm has lists or answers in batches."
    count, days = len(plan.shards), plan.scenario.days
    units = f"{count} shard{'s' * (count > 1)} x {days} day{'s' * (days > 1)}"
    answering = [arm for arm in plan.arms if arm.trained and not arm.lowers]
    return [
        f"Engine    {which}",
        f"          {units}.",
        *(f"          Requests to {arm.name} are batched: {arm.why_not}." for arm in answering),
    ]


def _truth(plan: Plan) -> list[str]:
    """What the true effects take: more runs of days, more trainings."""
    if not plan.scenario.truth:
        return []
    schedule = plan.schedule
    worlds = counterfactual_worlds(plan, plan.learning)
    equal = sum(world.equal_data for world in worlds)
    again = len(retrainings(schedule)) * sum(len(world.learning) for world in worlds)
    days, what = len(schedule.experiment_days), "the experiment's days"
    if plan.coupled:
        days, what = plan.scenario.days, "all days, since users are coupled"
    twice = f", {equal} of them again with equal data" if equal else ""
    lines = [
        f"Truth     {len(worlds)} more runs of {what} ({days}): "
        f"everybody under each of {len(worlds) - equal} arms{twice}",
        f"          {again} more trainings.",
    ]
    if again and not equal:
        lines.append(f"          {POOLED[0].upper()}{POOLED[1:]}.")
    return lines
