"""The analysis of an event log, simulated or real."""

from abbotify.analysis.pipeline import analyze

__all__ = ["analyze"]
