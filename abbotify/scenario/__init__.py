"""The scenario file: YAML in, a frozen `Scenario` out, errors with file, line and key path."""

from abbotify.scenario.load import dump, load, plain, resolve, schema
from abbotify.scenario.scenario import Scenario

__all__ = ["Scenario", "dump", "load", "plain", "resolve", "schema"]
