"""The analysis of an event log, simulated or real."""

from abbotify.analysis.pipeline import Question, analyze

__all__ = ["Question", "analyze"]
