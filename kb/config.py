"""The configuration, read once at the edge: environment, then `config.toml`, then defaults.

Only this module reads the environment. It opens nothing and creates no folder.
"""

from __future__ import annotations

import getpass
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import platformdirs

from kb.errors import UsageError

DEFAULT_MODEL = "all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class Config:
    """Where things are and how far they may go. Sizes in bytes, times in seconds."""

    library: Path
    cache: Path  # exported models; may be deleted at any time
    state: Path  # shared by all processes of this user: the pacing of arXiv calls
    model: str = DEFAULT_MODEL
    member: str = "me"  # who acts, for the events
    threads: int = 0  # of the encoder; 0: one a core
    parse_workers: int = 1
    parse_seconds: float = 120.0  # a file's parsing, at most
    parse_bytes: int = 2 * 1024**3  # a parser's memory, at most
    fetch_seconds: float = 60.0  # silence of a server, at most
    fetch_total_seconds: float = 600.0  # one fetch, at most
    fetch_bytes: int = 100 * 1024**2  # one file, at most
    fetch_redirects: int = 10
    fetch_tries: int = 4
    allow_addresses: tuple[str, ...] = ()  # networks that fetches may reach though not public
    user_agent: str = "kb (literature review; +https://pypi.org/project/kb)"
    suggest: bool = False  # propose what to tag in what has been taken in
    arxiv_api: str = "https://export.arxiv.org/api/query"
    arxiv_pdf: str = "https://arxiv.org/pdf"
    arxiv_pause: float = 3.0  # between calls, over all processes of this machine


def read_config(library: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration for `library`, else `KB_LIBRARY`, else the platform's data folder.

    `config.toml` in the user's configuration folder (or `KB_CONFIG`) and `KB_<FIELD>` variables set
    single fields; lists are written with commas in variables. Raises UsageError for a value or a
    name that does not fit.
    """
    env = os.environ if environ is None else environ
    values: dict[str, object] = {
        "library": library or Path(env.get("KB_LIBRARY") or platformdirs.user_data_path("kb")),
        "cache": Path(platformdirs.user_cache_path("kb")),
        "state": Path(platformdirs.user_state_path("kb")),
        "member": _user(env),
    }
    file = Path(env.get("KB_CONFIG") or platformdirs.user_config_path("kb") / "config.toml")
    known = {field.name: field.default for field in fields(Config)}
    for name, value in _file_values(file).items():
        if name not in known:
            raise UsageError(
                f"{file} sets “{name}”, which is no setting. Settings are: {', '.join(known)}."
            )
        if name != "library" or library is None:
            values[name] = _typed(name, value, known[name], str(file))
    for name, default in known.items():
        if name != "library" and (text := env.get(f"KB_{name.upper()}")):
            values[name] = _typed(name, text, default, f"KB_{name.upper()}")
    if library is None and env.get("KB_LIBRARY"):
        values["library"] = Path(env["KB_LIBRARY"])
    values["library"] = Path(str(values["library"])).expanduser().absolute()
    return Config(**values)  # type: ignore[arg-type]


def _user(env: Mapping[str, str]) -> str:
    try:
        return env.get("USER") or getpass.getuser()
    except (OSError, KeyError):  # no such user in the password file: a container
        return "me"


def _file_values(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not valid TOML: {error}.") from error


def _typed(name: str, value: object, default: object, where: str) -> object:
    try:
        if isinstance(default, tuple):
            items = value.split(",") if isinstance(value, str) else list(value)  # type: ignore[call-overload]
            return tuple(str(item).strip() for item in items if str(item).strip())
        if isinstance(default, bool):
            return {"true": True, "1": True, "false": False, "0": False}[str(value).lower()]
        if isinstance(default, int | float):
            return type(default)(str(value))
        return (
            Path(str(value)).expanduser() if name in {"library", "cache", "state"} else str(value)
        )
    except (TypeError, ValueError, KeyError) as error:
        kind = type(default).__name__
        raise UsageError(f"{where}: “{value}” is no {kind} for “{name}”.") from error
