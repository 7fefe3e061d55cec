"""Findings as files: records in, text or bytes out, one module for each format.

What a line of any of them needs is put together here. No internal id is ever part of it.
"""

from __future__ import annotations

import re

from kb.records import FINDING_KINDS, Document, Evidence, FindingKind

KIND_NAMES: dict[FindingKind, tuple[str, str]] = dict(
    zip(
        FINDING_KINDS,
        (
            ("Design choice", "Design choices"),
            ("Dataset", "Datasets"),
            ("Pretrained model", "Pretrained models"),
        ),
        strict=True,
    )
)
"""What a kind is called in a file and on the page: one of them, several of them."""

_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff"
    r"\ud800-\udfff\ufffe\uffff]"
)


def visible(text: str) -> str:
    """`text` on one line, without what cannot be seen or what XML does not allow."""
    return " ".join(_UNSEEN.sub("", text).split())


def source(document: Document) -> str:
    """Where to find a work: its address, else its public key; "" for a file somebody had."""
    key = document.key
    return document.metadata.url or ("" if key.startswith("sha256:") else key)


def version(evidence: Evidence) -> str:
    """The label of the version a quote is from; "" where that is but a piece of its hash."""
    label = evidence.version_label
    return "" if label and evidence.sha256.startswith(label) else label


def value_text(value: object) -> str:
    """A field's value in words, on one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else " ".join(str(value).split())
