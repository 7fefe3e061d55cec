"""Signing in with a name and a password: hashing, throttling, tokens.

It knows how secrets are checked. Who has an account, and what each may do, is the store's.
"""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from typing import TYPE_CHECKING

from kb.errors import Forbidden, UsageError
from kb.records import Member
from kb.store import Store

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST = 10  # characters of a password; NIST SP 800-63B asks for length and no mixtures
LONGEST = 1024  # hashing takes memory and time: nobody may ask for more
SESSION_HOURS = 12.0  # a working day; then one signs in again
TRIES = 10
"""Failed tries under one name or from one address that are answered within `MINUTES`."""
MINUTES = 15.0


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()  # argon2id with the low-memory parameters of RFC 9106


@cache
def _nobodys() -> str:
    """A hash that no password fits, so that an unknown name takes as long as a wrong password."""
    return _hasher().hash(secrets.token_hex())


def hashed(password: str) -> str:
    """The hash to keep of a password. UsageError where it is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(f"A password has {SHORTEST} to {LONGEST} characters.")
    return _hasher().hash(password)


def sign_in(store: Store, name: str, password: str, *, address: str = "") -> str:
    """A token that stands for the member for `SESSION_HOURS`.

    Forbidden, in the same words whatever is wrong, for an unknown name, a wrong password and a
    disabled member; and after too many tries under that name or from that address.
    """
    from argon2.exceptions import Argon2Error, InvalidHashError

    name = name.strip()[:200]
    sources = [f"name:{name}", *([f"address:{address}"] if address else [])]
    if any(store.members.failures(each, minutes=MINUTES) >= TRIES for each in sources):
        raise Forbidden(f"Too many tries failed. Wait {MINUTES:.0f} minutes, or ask an admin.")
    kept = store.members.password(name)
    try:
        _hasher().verify(kept or _nobodys(), password[:LONGEST])
        right = bool(kept)
    except (Argon2Error, InvalidHashError):
        right = False
    if not right:
        store.members.failed(*sources)
        raise Forbidden("Name and password do not fit. Try again, or ask an admin.")
    token = secrets.token_urlsafe(32)
    store.members.sign_in(name, _digest(token), hours=SESSION_HOURS)
    return token


def member_of(store: Store, token: str) -> Member | None:
    """Whom a token stands for now; None where it has expired or never was one."""
    return store.members.signed_in(_digest(token)) if token else None


def sign_out(store: Store, token: str) -> None:
    """Let a token stand for nobody from now on."""
    store.members.sign_out(_digest(token))


def _digest(token: str) -> str:
    """What is kept of a token: a copy of the library lets nobody in."""
    return hashlib.sha256(token.encode()).hexdigest()
