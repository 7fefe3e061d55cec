"""What arXiv papers are called: ids, names, addresses and DOIs.

It knows every spelling that means an arXiv paper. It does not know whether the paper exists, and
asks nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

__all__ = ["ArxivId", "arxiv_name", "parse_arxiv_id"]

_ARCHIVES = (  # of the ids before April 2007
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|"
    "comp-gas|cond-mat|cs|dg-ga|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math|math-ph|"
    "mtrl-th|nlin|nucl-ex|nucl-th|patt-sol|physics|plasm-ph|q-alg|q-bio|quant-ph|"
    "solv-int|supr-con"
)
_MONTH = r"(?:0[1-9]|1[0-2])"
_ID = re.compile(
    rf"(?:(?P<new>\d\d{_MONTH}\.\d{{4,5}})"
    rf"|(?P<archive>{_ARCHIVES})(?:\.[a-z]{{2}})?"
    rf"/(?P<old>\d\d{_MONTH}\d{{3}}))"
    r"(?:v(?P<version>[1-9]\d{0,2}))?",
    re.IGNORECASE | re.ASCII,
)
_PREFIX = re.compile(r"arxiv:\s*", re.IGNORECASE)
_STAMP_TAIL = re.compile(r"\s+\[[^\]]*\].*\Z", re.DOTALL)  # "[cs.CL] 6 Dec 2017" of a first page
_DOI = re.compile(r"(?:doi:\s*|(?:https?://)?(?:dx\.)?doi\.org/)?10\.48550/arxiv\.", re.IGNORECASE)
_PAGE = re.compile(r"/(?:abs|pdf|html|format|ps|src|e-print)/+(.*?)(?:\.pdf)?/*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ArxivId:
    """A paper's id as arXiv writes it: without subject class, and apart from its version."""

    id: str  # "1706.03762", "math/0309136"
    version: int | None = None  # None: the newest

    @property
    def key(self) -> str:
        """The document's key."""
        return f"arxiv:{self.id}"

    @property
    def label(self) -> str | None:
        """The version's label, None where any will do."""
        return None if self.version is None else f"v{self.version}"

    def __str__(self) -> str:
        return self.id + (self.label or "")


def parse_arxiv_id(locator: str) -> ArxivId | None:
    """The id that `locator` means: an id, an `arXiv:` name, an arXiv URL or an arXiv DOI.

    Old ids lose their subject class (`math.GT/0309136` is `math/0309136`), as arXiv itself has
    them. None for anything else, file names such as `1706.03762.pdf` among it.
    """
    name = arxiv_name(locator)
    found = _ID.fullmatch(locator.strip() if name is None else name)
    if not found:
        return None
    paper = found["new"] or f"{found['archive'].lower()}/{found['old']}"
    return ArxivId(paper, int(found["version"]) if found["version"] else None)


def arxiv_name(locator: str) -> str | None:
    """What stands where `locator` must have an id, being plainly of arXiv; None: it is not."""
    text = locator.strip()
    if found := _PREFIX.match(text):
        return _STAMP_TAIL.sub("", text[found.end() :]).removesuffix(".pdf")
    if found := _DOI.match(text):
        return unquote(text[found.end() :])
    if not re.match(r"(?:https?://)?(?:[\w-]+\.)*arxiv\.org/", text, re.IGNORECASE):
        return None
    url = urlsplit(text if "://" in text else f"https://{text}")
    page = _PAGE.match(unquote(url.path))
    return _PREFIX.sub("", page[1], count=1) if page else None
