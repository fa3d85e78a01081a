"""Operating characteristics of the program's methods in the world of one scenario."""

from abbotify.studies.validation.study import FEWEST, Validation, validate

__all__ = ["FEWEST", "Validation", "validate"]
