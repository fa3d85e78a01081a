"""Questions over many runs of a scenario."""

from abbotify.studies.sweep import Setting, Sweep, Varied, sweep, varied

__all__ = ["Setting", "Sweep", "Varied", "sweep", "varied"]
