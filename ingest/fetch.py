"""Bounded, polite GETs: the only way to the network.

It knows HTTP, robots.txt and which addresses are nobody's business. It does not know papers,
pages or feeds: what the bytes mean is for the sources.

Every request goes through AntiSSRF, which resolves the name, checks every address it has and
connects to the very address it checked. Redirects are followed here, one by one, and each is
checked like the first. Proxies and `.netrc` of the environment are not used: behind a proxy
nobody could say what is reached.
"""

from __future__ import annotations

import email.utils
import logging
import random
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import requests
import stamina
import urllib3
from AntiSSRF import AntiSSRFError, AntiSSRFPolicy, PolicyConfigOptions
from protego import Protego
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ingest.pace import LONGEST_HOLD, HostPace, MachinePace
from kb.config import Config
from kb.errors import FetchFailure, UsageError

__all__ = ["Fetcher", "Response", "StatusFailure"]

HOST_GAP = 0.25
"""Seconds between two requests to one host: four a second is what a quick reader's browser does."""
LONGEST_CRAWL_DELAY = 10.0
"""Seconds of a robots.txt's crawl-delay that are honoured; some sites ask for hours."""
ROBOTS_BYTES = 512 * 1024
"""Of a robots.txt that are read. RFC 9309 asks for at least 500 KiB."""
ROBOTS_RETRY_SECONDS = 300.0
"""How long a robots.txt that could not be read is not asked for again."""
LONGEST_URL = 8000
"""Characters: what common servers take."""
BACKOFF_FIRST, BACKOFF_LONGEST = 1.0, 30.0
"""Seconds before the second try, doubled each time, with up to as much again by chance."""

CONNECT_SECONDS = 10.0
"""Seconds for a connection to be made: three lost packets, at the 1, 2 and 4 s of TCP."""

_LOOK = 0.2  # seconds between two looks at whether a transfer is to end
_CHUNK = 64 * 1024
_PDF, _HTML = "application/pdf", ("text/html", "application/xhtml+xml")
_NONDESCRIPT = ("", "application/octet-stream", "binary/octet-stream", "application/x-pdf")
_PASSING_STATUSES = (408, 429, 500, 502, 503, 504)
_REDIRECTS = (301, 302, 303, 307, 308)
_ON_THE_WAY = (
    FetchFailure,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    AntiSSRFError,
    UnicodeError,
)

_log = logging.getLogger(__name__)
logging.getLogger("stamina").addHandler(logging.NullHandler())  # `say` tells of retries, in words


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer with status 200, within all limits."""

    url: str  # after redirects
    media_type: str  # lower case, without parameters: "application/pdf"
    charset: str  # as declared by the server, "" where it was not
    content: bytes


class StatusFailure(FetchFailure):
    """The server answered with a status that is no answer."""

    def __init__(self, reason: str, *, status: int, retry: bool = False) -> None:
        """`status` is the HTTP status."""
        super().__init__(reason, retry=retry)
        self.status = status


class _Passing(FetchFailure):
    """Likely to pass by itself: tried again at once, after at least `wait` seconds."""

    def __init__(self, reason: str, *, wait: float = 0.0) -> None:
        super().__init__(reason, retry=True)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class _Want:
    """What an answer must be."""

    accept: tuple[str, ...] = ()
    most: int = 0  # bytes, decoded
    cut: bool = False  # take the first `most` bytes of a longer one
    check: Callable[[bytes], str] | None = None


@dataclass(frozen=True, slots=True)
class _Robots:
    """What a host's robots.txt says, or why it could not be read."""

    rules: Protego | None  # None: everything is allowed
    failure: str = ""
    expires: float = float("inf")  # monotonic


class Fetcher:
    """One per ingest. Thread-safe."""

    def __init__(
        self,
        config: Config,
        *,
        say: Callable[[str], None] = _log.info,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`say` tells the user what is waited for; all waiting goes through `pause` (seconds).

        Raises UsageError for an `allow_addresses` that is no network.
        """
        self._config = config
        self._say = say
        self._pause = pause
        self._session = _guarded_session(config)
        self._lock = threading.Lock()
        self._paces: dict[str, HostPace] = {}
        self._robots: dict[str, _Robots] = {}
        self._closed: dict[str, tuple[float, str]] = {}  # host → until when (monotonic), and why
        self._arxiv = MachinePace(config.state, config.arxiv_pause, pause=pause, say=say)
        self._arxiv_hosts = {urlsplit(u).netloc for u in (config.arxiv_api, config.arxiv_pdf)}

    def get(
        self,
        url: str,
        *,
        accept: tuple[str, ...] = (),
        polite: bool = True,
        check: Callable[[bytes], str] | None = None,
    ) -> Response:
        """Fetch `url`; raises FetchFailure with a sentence and whether to retry.

        `accept` are the media types that will do, any where empty. A PDF is known by its first
        bytes, whatever the server calls it. `polite` asks robots.txt first; the one case
        for False is an interface that is made for programs. `check` looks at the content and says
        in words what is wrong with it, "" for nothing; such an answer is asked for again.
        """
        want = _Want(accept, self._config.fetch_bytes, check=check)
        for _ in range(self._config.fetch_redirects + 1):
            url = _checked_url(url)
            if polite:
                self._ask_robots(url)
            answer = self._tries(url, want)
            if isinstance(answer, Response):
                return answer
            url = answer
        raise FetchFailure(
            f"{url} is one of more than {self._config.fetch_redirects} redirects. "
            "Give the address that the page finally has in a browser."
        )

    def close(self) -> None:
        """Close the connections that are kept open for the next request."""
        self._session.close()

    # -- one address, several tries ------------------------------------------------------------

    def _tries(self, url: str, want: _Want) -> Response | str:
        """The answer, or the address it redirects to."""
        wait, reason, tries = 0.0, "", max(1, self._config.fetch_tries)
        for attempt in stamina.retry_context(
            on=_without_sleep,
            attempts=tries,
            timeout=self._config.fetch_total_seconds,
            wait_initial=BACKOFF_FIRST,
            wait_max=BACKOFF_LONGEST,
        ):
            with attempt:
                if wait:
                    self._say(f"{reason} Trying again in {wait:.0f} s.")
                    self._pause(wait)
                try:
                    return self._once(url, want)
                except _Passing as failure:
                    backoff = attempt.next_wait * random.uniform(1, 2)
                    wait, reason = max(failure.wait, backoff), failure.reason
                    if attempt.num == tries > 1:
                        raise FetchFailure(
                            f"{failure.reason} Given up after {tries} tries; "
                            "`kb ingest --retry` takes it up again.",
                            retry=True,
                        ) from failure
                    raise
        raise AssertionError("stamina ends by an answer or by raising")

    def _once(self, url: str, want: _Want) -> Response | str:
        until, why = self._closed.get(_host(url), (0.0, ""))
        if until > time.monotonic():
            raise FetchFailure(why, retry=True)
        pace = self._pace(url)
        total = self._config.fetch_total_seconds
        with pace.turn(_host(url)), _Watch(total, self._pause) as watch:
            try:
                found = self._ask(url, want, pace)
            except _ON_THE_WAY as error:
                if watch.stopped:
                    raise watch.stopped from error
                if watch.expired:
                    raise _too_slow(url, total) from error
                raise self._in_words(error, url) from error
            if watch.expired or watch.stopped:  # what was cut off may look like an end
                raise watch.stopped or _too_slow(url, total)
            return found

    def _ask(self, url: str, want: _Want, pace: HostPace) -> Response | str:
        silence = self._config.fetch_seconds
        with self._session.get(
            url,
            headers={"Accept": ", ".join(want.accept) or "*/*"},
            stream=True,
            allow_redirects=False,
            timeout=(min(CONNECT_SECONDS, silence), silence),
        ) as answer:
            pace.hold(_retry_after(answer) or 0.0)
            return self._read(answer, want)

    def _pace(self, url: str) -> HostPace:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.netloc in self._arxiv_hosts or host == "arxiv.org" or host.endswith(".arxiv.org"):
            return self._arxiv
        with self._lock:
            if parts.netloc not in self._paces:
                self._paces[parts.netloc] = HostPace(HOST_GAP, pause=self._pause, say=self._say)
            return self._paces[parts.netloc]

    # -- one answer ----------------------------------------------------------------------------

    def _read(self, answer: requests.Response, want: _Want) -> Response | str:
        url = answer.url
        if answer.status_code in _REDIRECTS and answer.headers.get("Location"):
            return _location(answer)
        if answer.status_code != 200:
            failure = _status_failure(answer)
            if (wait := _retry_after(answer) or 0.0) > LONGEST_HOLD and failure.retry:
                self._closed[_host(url)] = (time.monotonic() + wait, failure.reason)
            raise failure
        media_type, charset = _content_type(answer)
        if want.accept and media_type not in (*want.accept, *_NONDESCRIPT):
            raise _wrong_type(url, media_type, want.accept)
        content = _body(answer, want)
        if content[:1024].lstrip().startswith(b"%PDF-"):
            media_type = _PDF
        elif media_type == _PDF:
            raise _no_pdf(url, content)
        if want.accept and media_type not in want.accept:
            raise _wrong_type(url, media_type, want.accept)
        if want.check and (wrong := want.check(content)):
            raise _Passing(f"{url}: {wrong}")
        return Response(url, media_type, charset, content)

    def _in_words(self, error: Exception, url: str) -> FetchFailure:
        """What went wrong on the way, as a failure to raise."""
        if isinstance(error, FetchFailure):
            return error
        if isinstance(error, AntiSSRFError):
            return FetchFailure(
                f"{_host(url)} is an address of this machine or of a private network, and is "
                "refused. If it is meant, name it in allow_addresses in the configuration."
            )
        if isinstance(error, UnicodeError):
            return FetchFailure(f"{url} has a host name that cannot exist.")
        if isinstance(error, requests.exceptions.SSLError):
            return FetchFailure(
                f"{_host(url)} does not prove who it is ({_innermost(error)}). Open it in a "
                "browser to see whether its certificate has run out."
            )
        if isinstance(error, requests.Timeout) or "timed out" in str(error):
            return _Passing(f"{url} was silent for {self._config.fetch_seconds:g} s.")
        if isinstance(
            error, requests.exceptions.ContentDecodingError | urllib3.exceptions.DecodeError
        ):
            return FetchFailure(f"{url} sent compressed content that cannot be decompressed.")
        if isinstance(error, requests.exceptions.ChunkedEncodingError):
            return _Passing(f"{url} broke off before its end.")
        if isinstance(error, socket.gaierror):
            reason = f"The name {_host(url)} is not known. Check its spelling and the network."
            passing = error.errno == socket.EAI_AGAIN
            return _Passing(reason) if passing else FetchFailure(reason, retry=True)
        if isinstance(error, ValueError):  # InvalidURL and its kin
            return FetchFailure(f"{url} is no address that can be fetched: {error}.")
        return _Passing(f"{_host(url)} cannot be reached ({_innermost(error)}).")

    # -- robots.txt ----------------------------------------------------------------------------

    def _ask_robots(self, url: str) -> None:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            robots = self._robots.get(origin)
        if robots is None or robots.expires < time.monotonic():
            robots = self._read_robots(origin)
            with self._lock:
                self._robots[origin] = robots
        if robots.failure:
            raise FetchFailure(robots.failure, retry=True)
        if robots.rules is None:
            return
        agent = re.split(r"[\s/(]", self._config.user_agent.strip() or "kb", maxsplit=1)[0]
        if not robots.rules.can_fetch(url, agent):
            raise FetchFailure(
                f"{_host(url)} asks programs not to fetch {url} (robots.txt). Save the page in "
                "your browser and ingest the file."
            )
        pace = self._pace(url)
        delay = robots.rules.crawl_delay(agent) or 0.0
        pace.gap = max(pace.gap, min(float(delay), LONGEST_CRAWL_DELAY))

    def _read_robots(self, origin: str) -> _Robots:
        url = f"{origin}/robots.txt"
        want = _Want(most=ROBOTS_BYTES, cut=True)
        try:
            for _ in range(self._config.fetch_redirects + 1):
                answer = self._tries(_checked_url(url), want)
                if isinstance(answer, Response):
                    return _Robots(Protego.parse(answer.content.decode("utf-8-sig", "replace")))
                url = answer
            return _Robots(None)
        except StatusFailure as failure:
            if 400 <= failure.status < 500:
                return _Robots(None)
            reason = failure.reason
        except FetchFailure as failure:
            if not failure.retry:
                raise
            reason = failure.reason
        return _Robots(
            None,
            f"Whether {origin} may be fetched could not be learnt: {reason}",
            time.monotonic() + ROBOTS_RETRY_SECONDS,
        )


# -- the guarded session -----------------------------------------------------------------------


def _guarded_session(config: Config) -> requests.Session:
    policy = AntiSSRFPolicy(PolicyConfigOptions.EXTERNAL_ONLY_LATEST)
    policy.allow_plain_text_http = True
    policy.add_xff_header = False
    if config.allow_addresses:
        try:
            policy.add_allowed_addresses(list(config.allow_addresses))
        except AntiSSRFError as error:
            raise UsageError(
                f"allow_addresses must be networks such as 10.0.0.0/8, and one is not: {error}."
            ) from error
    session: Any = policy.get_antissrf_session()
    session.trust_env = False
    session.get_redirect_target = _no_target
    session.headers.update({"User-Agent": config.user_agent, "Accept-Encoding": "gzip, deflate"})
    for scheme in ("http://", "https://"):
        pools = session.get_adapter(scheme).poolmanager
        pools.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    guarded: requests.Session = session
    return guarded


def _no_target(answer: requests.Response) -> None:
    """Redirects are ours: requests would read their bodies whole, however long, to prepare them."""


class _Watch:
    """Ends this thread's transfer when it takes longer than `seconds`, or when the user stops.

    A read time-out only ends silence: a server that sends a byte now and then would hold us for
    ever, and no Ctrl-C reaches a thread that reads. So the socket is shut down from outside, and
    the read in progress fails.
    """

    _mine = threading.local()

    def __init__(self, seconds: float, pause: Callable[[float], None]) -> None:
        self.expired = False
        self.stopped: BaseException | None = None
        self.connection: HTTPConnection | None = None
        self._pause = pause
        self._until = time.monotonic() + seconds
        self._over = threading.Event()

    def __enter__(self) -> _Watch:
        _Watch._mine.watch = self
        threading.Thread(target=self._look, name="watch of a fetch", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        _Watch._mine.watch = None

    def _look(self) -> None:
        while not self._over.wait(min(_LOOK, max(0.0, self._until - time.monotonic()))):
            self.expired = time.monotonic() >= self._until
            try:
                self._pause(0.0)
            except BaseException as stop:  # handed on to the thread that fetches
                self.stopped = stop
            if self.expired or self.stopped:
                self._end()
                return

    def _end(self) -> None:
        sock = self.connection and self.connection.sock
        if sock:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                _log.debug("the connection was already closed when its time was up")

    @staticmethod
    def of(connection: HTTPConnection) -> None:
        """Note that this thread's transfer runs over `connection`."""
        watch = getattr(_Watch._mine, "watch", None)
        if watch is not None:
            watch.connection = connection


class _Watched:
    """A connection that can be ended from outside, and names the port in its Host header."""

    def request(self, *args: Any, **options: Any) -> None:
        _Watch.of(self)  # type: ignore[arg-type]
        headers = dict(options.pop("headers", None) or {})
        if host := headers.get("Host"):  # AntiSSRF puts the bare name there
            name = f"[{host}]" if ":" in host else host
            port = self.port  # type: ignore[attr-defined]
            plain = port in (None, self.default_port)  # type: ignore[attr-defined]
            headers["Host"] = name if plain else f"{name}:{port}"
        super().request(*args, headers=headers, **options)  # type: ignore[misc]


class _Connection(_Watched, HTTPConnection):
    pass


class _SecureConnection(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


# -- small judgements --------------------------------------------------------------------------


def _without_sleep(error: Exception) -> bool | float:
    """The hook of stamina: again, and without its own sleep, which nobody could interrupt."""
    return 0.0 if isinstance(error, _Passing) else False


def _checked_url(url: str) -> str:
    """`url` without its fragment; FetchFailure where it is none that we fetch."""
    try:
        parts = urlsplit(url)
        host, user = parts.hostname, parts.username
        _ = parts.port
    except ValueError as error:
        raise FetchFailure(f"“{url[:200]}” is no address: {error}.") from error
    if parts.scheme not in ("http", "https") or not host:
        raise FetchFailure(f"“{url[:200]}” cannot be fetched: only http and https addresses can.")
    if user is not None or parts.password is not None:
        raise FetchFailure(
            f"The address on {host} carries a user name or a password, which would end up in the "
            "library. Give it without, or download the file yourself."
        )
    if len(url) > LONGEST_URL or re.search(r"[\x00-\x20\x7f]", url):
        raise FetchFailure(
            f"“{url[:200]}” is no address: it has spaces or control characters, or more than "
            f"{LONGEST_URL} characters."
        )
    return urlunsplit(parts._replace(fragment=""))


def _location(answer: requests.Response) -> str:
    """The redirect's target; servers send UTF-8 and blanks in it, and it is read as Latin-1."""
    header = answer.headers["Location"].strip().encode("latin-1", "replace")
    try:
        parts = urlsplit(urljoin(answer.url, header.decode("utf-8", "replace")))
    except ValueError as error:
        raise FetchFailure(f"{answer.url} redirects to what is no address: {error}.") from error
    return urlunsplit(parts._replace(path=_quoted(parts.path), query=_quoted(parts.query)))


def _quoted(text: str) -> str:
    return quote(text, safe="%/:;=?@&!$'()*+,~[]")


def _content_type(answer: requests.Response) -> tuple[str, str]:
    header = answer.headers.get("Content-Type", "")
    charset = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", header, re.IGNORECASE)
    return header.split(";")[0].strip().lower(), charset[1] if charset else ""


def _body(answer: requests.Response, want: _Want) -> bytes:
    """The decoded content, counted as it comes."""
    declared = answer.headers.get("Content-Length", "")
    if declared.isdecimal() and int(declared) > want.most and not want.cut:
        raise _too_large(answer.url, want.most)
    content = bytearray()
    for chunk in answer.iter_content(_CHUNK):
        content += chunk
        if len(content) > want.most:
            if want.cut:
                return bytes(content[: want.most])
            raise _too_large(answer.url, want.most)
    return bytes(content)


def _too_slow(url: str, seconds: float) -> FetchFailure:
    return FetchFailure(
        f"{url} was not complete after {seconds:g} s. Try again when it is faster, or raise "
        "fetch_total_seconds in the configuration.",
        retry=True,
    )


def _too_large(url: str, most: int) -> FetchFailure:
    return FetchFailure(
        f"{url} is larger than {most / 1024**2:g} MB. Raise fetch_bytes in the configuration, or "
        "download the file and ingest it from disk."
    )


def _wrong_type(url: str, media_type: str, accept: tuple[str, ...]) -> FetchFailure:
    if _PDF in accept and media_type in _HTML:
        return _no_pdf(url, b"<html")
    return FetchFailure(
        f"{url} is of type {media_type or 'unknown'}; needed is {' or '.join(accept)}."
    )


def _no_pdf(url: str, content: bytes) -> FetchFailure:
    if re.match(
        rb"\s*(<!--.*?-->\s*)?<(!doctype html|html|head|body)", content[:4096], re.I | re.S
    ):
        return FetchFailure(
            f"{url} sent a web page in place of a PDF, often one that asks to log in or to come "
            "back later. Look at it in a browser, or try again later.",
            retry=True,
        )
    return FetchFailure(f"{url} is called a PDF and does not begin like one.")


def _status_failure(answer: requests.Response) -> FetchFailure:
    url, status = answer.url, answer.status_code
    if status in _PASSING_STATUSES:
        wait = _retry_after(answer) or 0.0
        asked = f" and asks to wait {wait:.0f} s" if wait else ""
        if wait > LONGEST_HOLD:
            return StatusFailure(
                f"{_host(url)} answers {status}{asked}. Run `kb ingest --retry` after that.",
                status=status,
                retry=True,
            )
        return _Passing(f"{_host(url)} answers {status}{asked} for {url}.", wait=wait)
    if status in (404, 410):
        return StatusFailure(f"{url} does not exist ({status}). Check the address.", status=status)
    if status in (401, 402, 403, 451):
        return StatusFailure(
            f"{url} is not for everyone ({status}). Download it where you have access, and ingest "
            "the file.",
            status=status,
        )
    return StatusFailure(
        f"{url} answers with status {status}, which is no content.",
        status=status,
        retry=status >= 500,
    )


def _retry_after(answer: requests.Response) -> float | None:
    """Seconds that the server asks to wait: a number or a date (RFC 9110, 10.2.3)."""
    header = answer.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", header):
        return float(header)
    try:
        moment = email.utils.parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _innermost(error: BaseException) -> str:
    """The shortest telling of a chain of wrapped network errors."""
    while True:
        inner = getattr(error, "reason", None) or next(
            (a for a in error.args if isinstance(a, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            break
        error = inner
    text = str(error.args[-1]) if isinstance(error, OSError) and error.args else str(error)
    text = re.sub(r"\[[^\]]*\]|\(_ssl[^)]*\)", "", text)
    return text.rsplit(": ", 1)[-1].strip(" .") or type(error).__name__


def _host(url: str) -> str:
    return urlsplit(url).netloc
