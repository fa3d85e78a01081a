"""Engines: from a unit of work and the state before it to events and the state after it."""

from abbotify.engine.base import (
    Codes,
    Counts,
    DayPlan,
    Engine,
    SessionFacts,
    Setup,
    State,
    Unit,
    UnitResult,
)

__all__ = ["Codes", "Counts", "DayPlan", "Engine", "SessionFacts", "Setup", "State", "Unit", "UnitResult"]
