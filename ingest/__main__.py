"""`python -m ingest` is `kb ingest`."""

import sys

from kb.cli.main import main

main(["ingest", *sys.argv[1:]])
