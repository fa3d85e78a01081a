"""Engines: from a unit of work and the state before it to events and the state after it."""

from abbotify.engine.base import DayPlan, Engine, Setup, State, Unit, UnitResult

__all__ = ["DayPlan", "Engine", "Setup", "State", "Unit", "UnitResult"]
