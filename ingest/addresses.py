"""Web addresses: when two of them mean the same page.

It knows the parts of a URL and which of them only say where a reader came from. It does not know
what stands behind an address, and asks nobody.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, unquote, urlsplit

__all__ = ["canonical_url", "is_web_address"]

_PORTS = {"http": 80, "https": 443}
_TRACKING = re.compile(
    r"(?:utm_\w+|ga_\w+|pk_\w+|piwik_\w+|mtm_\w+|matomo_\w+|hsa_\w+|mc_[ce]id|oly_\w+_id|vero_\w+"
    r"|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|yclid|twclid|ttclid|igshid|li_fat_id"
    r"|_hsenc|_hsmi|__hs\w+|mkt_tok|s_cid|ref_src|ref_url|source_ref|cmpid|spm|rss)\Z",
    re.IGNORECASE,
)
_SAFE_PATH, _SAFE_QUERY = "/:@!$&'()*+,;=~-._", "/:@!$'()*,;~-._?"


def is_web_address(locator: str) -> bool:
    """Whether `locator` is written as an http or https URL."""
    return re.match(r"https?://[^/\s]", locator.strip(), re.IGNORECASE) is not None


def canonical_url(url: str) -> str | None:
    """One spelling for all addresses of a page; None where `url` is no http(s) address.

    Scheme and host in lower case, internationalised names in their ASCII form, no default port, no
    user, no fragment, no tracking parameters; `%7e` becomes `~`, and other escapes are written in
    one way. A slash at the end of a path with a name in it is dropped: nearly all servers redirect
    one form to the other. What may change the page stays: http and https, `www.`, the order of the
    parameters, index files. What the page itself declares canonical is unknown before it is
    fetched, and is not always true; it is linked as an identifier instead.
    """
    try:
        parts = urlsplit(url.strip())
        host = _host(parts)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not host:
        return None
    where = host if port in (None, _PORTS[scheme]) else f"{host}:{port}"
    path = quote(
        unquote(parts.path, errors="surrogateescape"), _SAFE_PATH, errors="surrogateescape"
    )
    if "%2f" in parts.path.lower() or "%25" in parts.path:  # an escape that must not be read
        path = quote(parts.path, _SAFE_PATH + "%")
    if len(path) > 1:
        path = path.rstrip("/")
    kept = [p for p in parts.query.split("&") if p and not _TRACKING.match(p.split("=")[0])]
    query = "&".join(quote(p, _SAFE_QUERY + "%=+") for p in kept)
    return f"{scheme}://{where}{path or '/'}" + (f"?{query}" if query else "")


def _host(parts: SplitResult) -> str:
    name = (parts.hostname or "").rstrip(".")
    if name.isascii():
        return f"[{name}]" if ":" in name else name
    return name.encode("idna").decode("ascii")
