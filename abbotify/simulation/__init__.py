"""A scenario played: days, shards, trainings and the worlds that tell the truth."""
