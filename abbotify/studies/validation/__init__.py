"""Operating characteristics of the program's methods in the world of one scenario."""

from abbotify.studies.validation import report
from abbotify.studies.validation.characteristics import Validation
from abbotify.studies.validation.study import FEWEST, validate

__all__ = ["FEWEST", "Validation", "report", "validate"]
