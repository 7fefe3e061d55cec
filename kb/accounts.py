"""Signing in with a name and a password: hashing, throttling, tokens.

It knows how secrets are checked. Who has an account, and what each may do, is the store's.
"""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kb.errors import Forbidden, UsageError
from kb.records import Member
from kb.store import Store

if TYPE_CHECKING:
    from argon2 import PasswordHasher

COOKIE = "kb_session"  # under which a browser keeps its token
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


class Accounts:
    """Signing in to one library. For any thread: each call opens the store for itself."""

    def __init__(self, library: Path) -> None:
        """The accounts of the library in that folder."""
        self._library = library

    def sign_in(self, name: str, password: str, *, address: str = "") -> str:
        """A token that stands for the member for `SESSION_HOURS`.

        Forbidden, in the same words whatever is wrong, for an unknown name, a wrong password and a
        disabled member; and after too many tries under that name or from that address.
        """
        name = name.strip()[:200]
        with Store(self._library) as store:
            _check(store, name, password, address)
            return _new_token(store, name)

    def member_of(self, token: str) -> Member | None:
        """Whom a token stands for now; None where it has expired or never was one."""
        if not token:
            return None
        with Store(self._library) as store:
            return store.members.signed_in(_digest(token))

    def sign_in_vouched(self, name: str) -> str:
        """A token for the member of that name, which somebody trusted has vouched for.

        Forbidden where there is no such member.
        """
        with Store(self._library) as store:
            found = [m for m in store.members.all() if m.name.casefold() == name.casefold()]
            if not found or not found[0].may("reader"):
                raise Forbidden(f"“{name}” has no account here. Ask an admin.")
            return _new_token(store, found[0].name)

    def sign_out(self, token: str) -> None:
        """Let a token stand for nobody from now on."""
        with Store(self._library) as store:
            store.members.sign_out(_digest(token))

    def change_password(self, token: str, old: str, new: str, *, address: str = "") -> None:
        """Another password for the member of that token, who is signed out everywhere.

        Forbidden as `sign_in` where the old one is wrong; UsageError for a new one that is no good.
        """
        member = self.member_of(token)
        if member is None:
            raise Forbidden("Sign in first.")
        kept = hashed(new)
        with Store(self._library, member=member.name) as store:
            _check(store, member.name, old, address)
            store.members.set_password(member.name, kept)


def _check(store: Store, name: str, password: str, address: str) -> None:
    """Forbidden unless the password is the member's; every failure counts against the next try."""
    from argon2.exceptions import Argon2Error, InvalidHashError

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


def _new_token(store: Store, name: str) -> str:
    token = secrets.token_urlsafe(32)
    store.members.sign_in(name, _digest(token), hours=SESSION_HOURS)
    return token


def _digest(token: str) -> str:
    """What is kept of a token: a copy of the library lets nobody in."""
    return hashlib.sha256(token.encode()).hexdigest()
