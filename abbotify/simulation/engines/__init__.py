"""Engines: from a unit of work and the state before it to events and the state after it."""

from abbotify.simulation.engine import (
    COMPILED,
    SIMPY,
    Codes,
    Counts,
    DayPlan,
    Engine,
    Morning,
    SessionFacts,
    Setup,
    State,
    Unit,
    UnitResult,
)

__all__ = [
    "COMPILED",
    "SIMPY",
    "Codes",
    "Counts",
    "DayPlan",
    "Engine",
    "Morning",
    "SessionFacts",
    "Setup",
    "State",
    "Unit",
    "UnitResult",
]
