"""Readers that misbehave, for the workers of tests/test_parser_pool.py to import by name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ingest.source import Raw
from kb.errors import ParseFailure
from kb.records import Parsed


def obey(raw: Raw) -> Parsed:
    """Do what the content says."""
    order, _, rest = raw.content.decode().partition(" ")
    match order:
        case "sleep":
            time.sleep(float(rest))
        case "spin":
            while True:
                pass
        case "hold":  # in one call into C that never lets other threads run
            sum(range(10**15))
        case "eat":
            return Parsed(str(len(bytearray(int(rest)))))
        case "abort":
            os.kill(os.getpid(), signal.SIGABRT)
        case "exit":
            os._exit(3)
        case "recurse":
            return obey(raw)
        case "print":
            print(rest, flush=True)
        case "refuse":
            raise ParseFailure(rest, retry=True)
        case "break":
            raise KeyError(rest)
        case "pid":
            return Parsed(str(os.getpid()))
        case "note":  # write the worker's id, then stay
            Path(rest).write_text(str(os.getpid()))
            time.sleep(60)
    return Parsed(raw.content.decode())
