"""The command line: one command, one call. Prints, and decides nothing."""
