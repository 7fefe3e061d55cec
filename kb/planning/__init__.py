"""From findings to a plan: what to expect of experiments, their order, and when each is done.

`planner` is the one entrance for command line and page; the others compute on records alone.
"""
