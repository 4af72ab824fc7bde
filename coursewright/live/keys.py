"""The secrets of a store: the key that makes pseudonyms, and the token of a service; both outside the store.

A pseudonym is HMAC-SHA-256 of a learner's id under the key, cut to 16 bytes.  A plain hash would be undone by
guessing ids.  Ids are also kept sealed, so that who has the key can show a teacher the names that the host
uses: an id's own code is the start of the key stream that covers it (the SIV construction), and where key and
store lie in different places, neither tells anything alone.
"""

import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from coursewright.errors import InputError, reject

KEY, TOKEN = "COURSEWRIGHT_KEY", "COURSEWRIGHT_TOKEN"  # variables that hold the secret itself
BYTES = 32
CODE = 16  # bytes of a pseudonym
SHORTEST = 16  # characters of a token, and half of a key's


class Tokens(NamedTuple):
    """The token that opens all, and its place in words; and that of the teachers, where they have one."""

    platform: str
    place: str
    teachers: str | None = None


class Keys:
    """Pseudonyms, sealed texts and draws, all made by one secret key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def code(self, kind: str, *parts: str) -> bytes:
        """The code, 16 bytes, of `parts`; each `kind` has codes of its own."""
        text = "\x1f".join((kind, *(f"{len(part)}:{part}" for part in parts)))
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), sha256)[:CODE]

    def learner(self, name: str) -> bytes:
        """The pseudonym of a learner."""
        return self.code("learner", name)

    def draw(self, pseudonym: bytes, turn: int, purpose: str) -> float:
        """A number in [0, 1) that learner, turn and purpose decide."""
        return int.from_bytes(self.code(purpose, pseudonym.hex(), str(turn))[:6], "big") / 2**48

    def seal(self, text: str) -> bytes:
        """The text, to be read with the key alone."""
        plain = text.encode("utf-8", "surrogatepass")
        start = self.code("seal", text)
        return start + self._covered(start, plain)

    def unseal(self, sealed: bytes) -> str:
        """The text that `seal` covered."""
        start = sealed[:CODE]
        return self._covered(start, sealed[CODE:]).decode("utf-8", "surrogatepass")

    def _covered(self, start: bytes, text: bytes) -> bytes:
        blocks = range(-(-len(text) // 32))
        stream = b"".join(
            hmac.digest(self._key, b"stream" + start + b"%d" % block, sha256) for block in blocks
        )
        return bytes(a ^ b for a, b in zip(text, stream, strict=False))


def home() -> Path:
    """The folder of this person's secrets, outside every project."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "coursewright"


def key_of(path: str | Path | None, store: str, make: bool = True) -> tuple[Keys, str]:
    """The key of a store, and its place in words.

    It is that of the variable COURSEWRIGHT_KEY (hexadecimal, 64 letters or more), or of the file `path`;
    without a path, of a file for this store among the person's own settings.  A file that is not there is
    made where `make`, its owner's alone.  Raises `InputError` where it is no key, too open, or not there.
    """
    given = os.environ.get(KEY)
    if given and path is None:
        return Keys(_hexadecimal(KEY, given)), f"the variable {KEY}"
    place = Path(path) if path is not None else home() / f"{sha256(store.encode()).hexdigest()[:16]}.key"
    if not make and not place.exists():
        told = "is not there, and the store was begun with a key; key=FILE names that of a moved store"
        raise InputError(f"key = {place}: {told}", "key")
    return Keys(_hexadecimal(f"key {place}", _secret(place, "key", secrets.token_hex(BYTES)))), str(place)


def token_of(path: str | Path | None) -> tuple[str, str]:
    """The token that a service asks for, and its place in words; like `key_of` (COURSEWRIGHT_TOKEN)."""
    given = os.environ.get(TOKEN)
    place = Path(path) if path is not None else home() / "token"
    if given and path is None:
        token, where = given.strip(), f"the variable {TOKEN}"
    else:
        token, where = _secret(place, "token", secrets.token_urlsafe(BYTES)), str(place)
    return _long_enough(token, "token", where), where


def tokens_of(path: str | Path | None, teachers: str | Path | None) -> Tokens:
    """The token of all at `path` (see `token_of`), and the one in the file `teachers`, where that is named.

    Raises `InputError` where one cannot be used, and where both are the same.
    """
    token, place = token_of(path)
    if teachers is None:
        return Tokens(token, place)
    second = _secret(Path(teachers), "teachers", secrets.token_urlsafe(BYTES))
    _long_enough(second, "teachers", teachers)
    if second == token:
        raise reject("teachers", teachers, "another token than the platform's, which does all")
    return Tokens(token, place, second)


def _long_enough(token: str, field: str, where: object) -> str:
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(f"{field}: {where} must hold at least {SHORTEST} letters and digits", field)
    return token


def _hexadecimal(field: str, text: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) < BYTES:
        raise InputError(f"{field}: must hold {2 * BYTES} hexadecimal letters or more", "key")
    return key


def _secret(place: Path, field: str, fresh: str) -> str:
    """The text of a secret file; `fresh` is written where there is none."""
    try:
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = place.with_name(f".{place.name}.{os.getpid()}.{secrets.token_hex(4)}")
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(fresh + "\n")
            try:
                os.link(part, place)  # whole or not at all, and the first of two processes wins
            except FileExistsError:
                pass
            finally:
                part.unlink()
        if os.name != "nt" and place.stat().st_mode & 0o077:
            raise reject(field, place, f"its owner's alone (chmod 600 {place})")
        return place.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "no text"
        raise InputError(f"{field} = {place}: cannot be read or made ({why})", field) from error
