"""What all oracles share: they must have been given the running episodes."""

from coursewright.envs.episodes import Episodes
from coursewright.errors import reject


def watched(episodes: Episodes | None) -> Episodes:
    """The running episodes; an oracle that was never given any cannot choose."""
    if episodes is None:
        raise reject("oracle", "not watching", "given the running episodes first (`watch`)")
    return episodes
