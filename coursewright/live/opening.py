"""A store and its key, opened together: a key is made for a new store alone."""

from pathlib import Path

from coursewright.live.keys import Keys, key_of
from coursewright.live.store import Store


def opened(store: str | Path, key: str | Path | None) -> tuple[Store, Keys, str]:
    """The store, its key, and the key's place in words.

    Raises `InputError` where one of them cannot be used, or where they do not belong together.  A store that
    was moved or copied is looked for under its new place, so that its old key has to be named.
    """
    place = str(store) if "://" in str(store) else str(Path(store).resolve())
    there = Store(store) if "://" in place or Path(store).exists() else None
    try:
        begun = there is not None and there.begun()
        keys, key_place = key_of(key, place, make=not begun)
        there = there or Store(store)
        there.matches(keys.code("check").hex(), key_place)
    except BaseException:
        if there is not None:
            there.close()
        raise
    return there, keys, key_place
