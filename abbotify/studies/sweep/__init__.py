"""A scenario run under every combination of some of its settings."""

from abbotify.studies.sweep.sweep import Setting, Sweep, Varied, sweep, varied

__all__ = ["Setting", "Sweep", "Varied", "sweep", "varied"]
