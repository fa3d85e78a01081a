"""How many users an experiment needs, and what it can find."""

from abbotify.studies.power.request import Question
from abbotify.studies.power.study import PowerStudy, power_study

__all__ = ["PowerStudy", "Question", "power_study"]
