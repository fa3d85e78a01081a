"""The world: a catalogue of tracks and the users who listen to it, one file per source."""

from abbotify.world.base import Catalogue, Lists, Users, World, digest
from abbotify.world.load import load_world

__all__ = ["Catalogue", "Lists", "Users", "World", "digest", "load_world"]
