"""Every estimator on generated users whose truth is known: the table in docs/calibration.md."""

from abbotify.studies.calibration.themes import Calibration, calibrate
from abbotify.studies.calibration.trials import FULL, SMALL, Effort, Row

__all__ = ["FULL", "SMALL", "Calibration", "Effort", "Row", "calibrate"]
