from __future__ import annotations

from pathlib import Path

import pytest

from kb.config import read_config
from kb.errors import UsageError


def read(tmp_path: Path, toml: str = "", **environ: str):
    file = tmp_path / "config.toml"
    file.write_text(toml)
    return read_config(None, {"KB_CONFIG": str(file), "KB_LIBRARY": str(tmp_path / "l"), **environ})


def test_the_argument_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    config = read(tmp_path, 'member = "file"\nthreads = 3', KB_MEMBER="environ")
    assert (config.member, config.threads) == ("environ", 3)
    assert config.library == tmp_path / "l"
    assert read_config(tmp_path / "x", {"KB_LIBRARY": "y"}).library == tmp_path / "x"


def test_without_anything_the_library_is_in_the_platforms_data_folder() -> None:
    assert read_config(None, {"KB_CONFIG": "/nowhere"}).library.parts[-1] == "kb"


def test_values_are_typed(tmp_path: Path) -> None:
    config = read(tmp_path, KB_PARSE_SECONDS="1.5", KB_ALLOW_ADDRESSES="10.0.0.0/8, 127.0.0.1/32")
    assert config.parse_seconds == 1.5
    assert config.allow_addresses == ("10.0.0.0/8", "127.0.0.1/32")
    assert read(tmp_path, "suggest = true").suggest
    assert not read(tmp_path, "suggest = true", KB_SUGGEST="false").suggest
    assert read(tmp_path, 'allow_addresses = ["::1/128"]').allow_addresses == ("::1/128",)


@pytest.mark.parametrize(
    ("toml", "environ", "says"),
    [
        ("colour = 1", {}, "Settings are: library"),
        ("= 1", {}, "not valid TOML"),
        ('threads = "many"', {}, "is no int for “threads”"),
        ("", {"KB_SUGGEST": "perhaps"}, "is no bool for “suggest”"),
        ("", {"KB_FETCH_BYTES": "big"}, "KB_FETCH_BYTES: “big” is no int"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, toml: str, environ: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read(tmp_path, toml, **environ)
