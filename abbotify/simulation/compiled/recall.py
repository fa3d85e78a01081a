"""What a session has had already: a scan of its tracks, or tables when it is long."""

from __future__ import annotations

from typing import Final

from abbotify.jit import inlined_unmanaged, unmanaged
from abbotify.simulation.compiled.arrays import Index, Int, Memory

# A session so long is looked up in tables of the whole catalogue: up to here a scan of its tracks
# is faster, beyond it would be quadratic.
LONG: Final = 256


@inlined_unmanaged
def earlier(
    index: Index, memory: Memory, base: Int, step: Int, track: Int, artist: Int
) -> tuple[bool, Int]:
    """Whether the session has had a track, and the last step with an artist, or -1."""
    if step >= LONG:
        session = index.sessions[0]
        repeated = index.tracks[track] == session
        last = index.places[artist] if index.artists[artist] == session else -1
        index.tracks[track] = index.artists[artist] = session
        index.places[artist] = step
        return repeated, last
    repeated = False
    for i in range(base, base + step):  # no early end: vector instructions
        repeated |= memory.tracks[i] == track
    for i in range(step - 1, -1, -1):
        if memory.artists[base + i] == artist:
            return repeated, i
    return repeated, -1


@unmanaged
def enter(index: Index, memory: Memory, base: Int, plays: Int) -> None:
    """Enters the plays of a session that has become long."""
    index.sessions[0] += 1
    session = index.sessions[0]
    for i in range(plays):
        artist = memory.artists[base + i]
        index.tracks[memory.tracks[base + i]] = index.artists[artist] = session
        index.places[artist] = i
