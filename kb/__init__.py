"""A knowledge base for the literature that machine-learning teams read before they train.

Everything here begins where there is a Document; how documents come in is `ingest`'s business.
"""

__version__ = "0.1.0"
