"""How many users an experiment needs, and what it can find."""

from abbotify.studies.power.study import PowerStudy, Question, power_study

__all__ = ["PowerStudy", "Question", "power_study"]
