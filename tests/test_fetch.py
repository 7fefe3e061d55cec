from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from ingest.fetch import Fetcher, StatusFailure
from kb.config import Config
from kb.errors import FetchFailure, UsageError

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PAGE = b"<!DOCTYPE html><html><body>Come back later.</body></html>"
Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: 40 ms an answer otherwise
    site: Site

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        site = self.site
        with site.lock:
            site.asked.append((self.path, dict(self.headers)))
            site.busy += 1
            site.busiest = max(site.busiest, site.busy)
            answers = site.answers.get(urlsplit(self.path).path)
            answer = (answers.pop(0) if len(answers) > 1 else answers[0]) if answers else missing
        try:
            answer(self)
        finally:
            with site.lock:
                site.busy -= 1

    def send(self, body: bytes, kind: str = "text/plain", status: int = 200, **more: str) -> None:
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        headers = {
            "Content-Length": str(len(body)),
            **{k.replace("_", "-"): v for k, v in more.items()},
        }
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@dataclass
class Site:
    """A web site on loopback whose pages are functions; the last answer of a page repeats."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def page(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return f"http://127.0.0.1:{self.port}{path}"

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


def missing(to: Handler) -> None:
    to.send(b"No such page.", status=404)


def says(body: bytes, kind: str = "text/plain", status: int = 200, **more: str) -> Answer:
    return lambda to: to.send(body, kind, status, **more)


def leads(target: str, status: int = 302) -> Answer:
    return lambda to: to.send(b"", status=status, Location=target)


def cut(to: Handler) -> None:
    to.send(b"half of", Content_Length="100")
    to.close_connection = True


def hang(to: Handler) -> None:
    to.close_connection = True
    to.site.closing.wait(20)


def drip(to: Handler) -> None:
    to.close_connection = True
    try:
        to.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not to.site.closing.wait(0.05):
            to.wfile.write(b".")
    except OSError:
        pass


def chunked(parts: list[bytes], *, ends: bool = True) -> Answer:
    def answer(to: Handler) -> None:
        to.send_response(200)
        to.send_header("Content-Type", "text/plain")
        to.send_header("Transfer-Encoding", "chunked")
        to.end_headers()
        try:
            for part in parts:
                to.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            if ends:
                to.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass
        to.close_connection = True

    return answer


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what many of these tests are about."""


def serve() -> Iterator[Site]:
    site = Site()
    handler = type("SiteHandler", (Handler,), {"site": site})
    server = Server(("127.0.0.1", 0), handler)
    site.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield site
    site.closing.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    yield from serve()


@pytest.fixture
def other_site() -> Iterator[Site]:
    yield from serve()


@dataclass
class Waits:
    """Stands for the passing of time: notes how long was to be waited, and what was said."""

    seconds: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        if seconds > 0.5:  # the gap between two requests to a host is not what these tests look at
            self.seconds.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def make(config: Config, waits: Waits) -> Iterator[Callable[..., Fetcher]]:
    made: list[Fetcher] = []

    def make_fetcher(**changes: Any) -> Fetcher:
        fetcher = Fetcher(replace(config, **changes), say=waits.said.append, pause=waits.pause)
        made.append(fetcher)
        return fetcher

    yield make_fetcher
    for fetcher in made:
        fetcher.close()


@pytest.fixture
def fetcher(make: Callable[..., Fetcher]) -> Fetcher:
    return make()


def failure_of(fetcher: Fetcher, url: str, **how: Any) -> FetchFailure:
    with pytest.raises(FetchFailure) as caught:
        fetcher.get(url, **how)
    assert caught.value.reason.strip().endswith((".", ")"))
    return caught.value


# -- what comes back ---------------------------------------------------------------------------


def test_an_answer_comes_whole_with_type_charset_and_final_address(
    site: Site, fetcher: Fetcher
) -> None:
    site.page("/b", says(b"caf\xe9", "Text/HTML; Charset=ISO-8859-1"))
    answer = fetcher.get(site.page("/a", leads("/b?x=1#part")) + "#here")
    assert answer.content == b"caf\xe9"
    assert (answer.media_type, answer.charset) == ("text/html", "ISO-8859-1")
    assert answer.url == f"http://127.0.0.1:{site.port}/b?x=1"


def test_the_request_names_us_and_the_host_with_its_port(site: Site, fetcher: Fetcher) -> None:
    fetcher.get(site.page("/a", says(b"x")), accept=("text/plain", "text/html"))
    headers = site.asked[-1][1]
    assert headers["Host"] == f"127.0.0.1:{site.port}"
    assert headers["User-Agent"].startswith("kb (")
    assert headers["Accept"] == "text/plain, text/html"
    assert "X-Forwarded-For" not in headers


def test_compressed_content_is_decompressed(site: Site, fetcher: Fetcher) -> None:
    body = gzip.compress(b"hello " * 1000)
    answer = fetcher.get(site.page("/a", says(body, Content_Encoding="gzip")))
    assert answer.content == b"hello " * 1000


def test_content_that_cannot_be_decompressed_is_said(site: Site, fetcher: Fetcher) -> None:
    url = site.page("/a", says(b"not gzip at all", Content_Encoding="gzip"))
    failure = failure_of(fetcher, url)
    assert "decompressed" in failure.reason
    assert not failure.retry


def test_proxies_and_netrc_of_the_environment_are_not_used(
    site: Site,
    make: Callable[..., Fetcher],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    make().get(site.page("/a", says(b"x")))
    assert "Authorization" not in site.asked[-1][1]


# -- where it may go ---------------------------------------------------------------------------

PRIVATE = [
    "127.0.0.1",
    "localhost",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "127.1",
    "0177.0.0.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "0.0.0.0",
    "[::]",
    "10.0.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "[fd00::1]",
    "[fe80::1]",
]


@pytest.mark.parametrize("host", PRIVATE)
@pytest.mark.parametrize("polite", [True, False])
def test_addresses_of_this_machine_and_its_network_are_refused(
    host: str, polite: bool, site: Site, make: Callable[..., Fetcher]
) -> None:
    site.page("/a", says(b"secret"))
    fetcher = make(allow_addresses=())
    failure = failure_of(fetcher, f"http://{host}:{site.port}/a", polite=polite)
    assert "refused" in failure.reason
    assert not failure.retry
    assert site.asked == []


@pytest.mark.parametrize("host", ["2130706434", "[::1]", "169.254.169.254", "10.1.2.3"])
@pytest.mark.parametrize("polite", [True, False])
def test_a_redirect_to_a_private_address_is_refused(
    host: str, polite: bool, site: Site, fetcher: Fetcher
) -> None:
    url = site.page("/a", leads(f"http://{host}:{site.port}/secret"))
    site.page("/secret", says(b"secret"))
    failure = failure_of(fetcher, url, polite=polite)
    assert "refused" in failure.reason
    assert not failure.retry
    assert "/secret" not in site.paths()


def test_a_redirect_of_robots_txt_to_a_private_address_is_refused(
    site: Site, fetcher: Fetcher
) -> None:
    site.page("/robots.txt", leads("http://169.254.169.254/latest/meta-data"))
    assert "refused" in failure_of(fetcher, site.page("/a", says(b"x"))).reason


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "ftp://example.org/x", "gopher://x", "http://[x"],
)
def test_a_redirect_to_what_is_no_web_address_is_refused(
    target: str, site: Site, fetcher: Fetcher
) -> None:
    failure = failure_of(fetcher, site.page("/a", leads(target)), polite=False)
    assert not failure.retry
    assert site.paths() == ["/a"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "file:///etc/passwd",
        "ftp://example.org/a",
        "http:///a",
        "http://exa mple.org/",
        "http://example.org/\r\nX: y",
        "http://[::1",
        "http://example.org:99999/",
        "http://example.org/" + "a" * 9000,
        "http://" + "a" * 300 + ".example/",
    ],
)
def test_what_is_no_web_address_is_said(url: str, fetcher: Fetcher) -> None:
    assert not failure_of(fetcher, url, polite=False).retry


@pytest.mark.parametrize("part", ["me:hunter2@", "hunter2@", ":hunter2@", "a.example\\@"])
def test_passwords_in_addresses_are_refused_and_not_repeated(part: str, fetcher: Fetcher) -> None:
    failure = failure_of(fetcher, f"https://{part}example.org/a")
    assert "hunter2" not in failure.reason
    assert "password" in failure.reason
    assert not failure.retry


def test_a_network_to_allow_must_be_one(config: Config) -> None:
    with pytest.raises(UsageError, match=r"10\.0\.0\.0/8"):
        Fetcher(replace(config, allow_addresses=("10.0.0.0/99",)))


def test_a_name_that_nobody_knows_is_said_at_once(fetcher: Fetcher, waits: Waits) -> None:
    failure = failure_of(fetcher, "http://nobody.invalid/a", polite=False)
    assert "nobody.invalid is not known" in failure.reason
    assert failure.retry
    assert waits.seconds == []


def test_a_server_that_cannot_prove_itself_is_not_believed(site: Site, fetcher: Fetcher) -> None:
    failure = failure_of(fetcher, f"https://127.0.0.1:{site.port}/a", polite=False)
    assert "does not prove who it is" in failure.reason
    assert not failure.retry


# -- redirects ---------------------------------------------------------------------------------


def test_redirects_end(site: Site, make: Callable[..., Fetcher]) -> None:
    url = site.page("/a", leads("/a"))
    failure = failure_of(make(fetch_redirects=3), url, polite=False)
    assert "more than 3 redirects" in failure.reason
    assert not failure.retry
    assert len(site.asked) == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_of_all_kinds_are_followed(status: int, site: Site, fetcher: Fetcher) -> None:
    site.page("/sub/b", says(b"found"))
    assert fetcher.get(site.page("/sub/a", leads("b", status))).content == b"found"


def test_a_redirect_may_have_blanks_and_letters_of_all_kinds(site: Site, fetcher: Fetcher) -> None:
    target = "/caf\u00e9 noir".encode().decode("latin-1")
    url = site.page("/a", leads(target))
    site.page("/caf%C3%A9%20noir", says(b"found"))
    assert fetcher.get(url).content == b"found"
    assert unquote(site.paths()[-1]) == "/caf\u00e9 noir"


def test_the_body_of_a_redirect_is_not_read(site: Site, make: Callable[..., Fetcher]) -> None:
    def endless(to: Handler) -> None:
        to.send(b"", status=302, Location="/b", Content_Length="1000000000")
        to.close_connection = True
        to.site.closing.wait(20)

    site.page("/b", says(b"found"))
    assert make(fetch_seconds=5).get(site.page("/a", endless), polite=False).content == b"found"
    assert site.busiest == 2  # it was still sending when the next page was asked for


# -- limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        says(b"x" * 2000),
        chunked([b"x" * 100] * 20),
        says(gzip.compress(b"x" * 5_000_000), Content_Encoding="gzip"),
    ],
    ids=["declared", "undeclared", "gzip bomb"],
)
def test_what_is_too_large_is_not_read_to_its_end(
    answer: Answer, site: Site, make: Callable[..., Fetcher]
) -> None:
    failure = failure_of(make(fetch_bytes=1024**2 // 1000), site.page("/a", answer))
    assert "is larger than" in failure.reason
    assert not failure.retry
    assert site.paths().count("/a") == 1


def test_what_is_as_large_as_allowed_comes(site: Site, make: Callable[..., Fetcher]) -> None:
    fetcher = make(fetch_bytes=1000)
    assert len(fetcher.get(site.page("/a", says(b"x" * 1000))).content) == 1000


def test_silence_ends_and_is_tried_again(
    site: Site, make: Callable[..., Fetcher], waits: Waits
) -> None:
    url = site.page("/a", hang)
    failure = failure_of(make(fetch_seconds=0.2, fetch_tries=2), url, polite=False)
    assert "silent for 0.2 s" in failure.reason
    assert "2 tries" in failure.reason
    assert failure.retry
    assert site.paths() == ["/a", "/a"]
    assert len(waits.seconds) == 1


def test_a_dripping_server_ends_with_the_total_time(
    site: Site, make: Callable[..., Fetcher]
) -> None:
    url = site.page("/a", drip)
    started = time.monotonic()
    failure = failure_of(make(fetch_total_seconds=0.5), url, polite=False)
    assert "not complete after 0.5 s" in failure.reason
    assert failure.retry
    assert site.paths() == ["/a"]
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("page", [hang, drip])
def test_a_transfer_ends_when_the_user_stops(page: Answer, site: Site, config: Config) -> None:
    stop = threading.Event()

    def pause(seconds: float) -> None:
        if stop.wait(seconds):
            raise KeyboardInterrupt

    fetcher = Fetcher(config, pause=pause)
    threading.Timer(0.3, stop.set).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fetcher.get(site.page("/a", page), polite=False)
    assert time.monotonic() - started < 5
    fetcher.close()


# -- trying again ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        cut,
        chunked([b"half of"], ends=False),
        *(says(b"", status=s) for s in (408, 429, 500, 502, 503, 504)),
    ],
)
def test_what_passes_by_itself_is_tried_again(
    answer: Answer, site: Site, fetcher: Fetcher, waits: Waits
) -> None:
    url = site.page("/a", answer, answer, says(b"whole"))
    assert fetcher.get(url).content == b"whole"
    first, second = waits.seconds
    assert 1 <= first <= 2
    assert 2 <= second <= 4
    assert all("Trying again in" in words for words in waits.said)
    assert len(waits.said) == 2


def test_a_body_cut_short_every_time_is_a_failure(site: Site, fetcher: Fetcher) -> None:
    failure = failure_of(fetcher, site.page("/a", cut))
    assert "broke off" in failure.reason
    assert "4 tries" in failure.reason
    assert failure.retry
    assert site.paths().count("/a") == 4


@pytest.mark.parametrize(
    ("status", "retry"),
    [
        *((status, False) for status in (204, 400, 401, 403, 404, 410, 418, 451)),
        *((status, True) for status in (501, 505)),
    ],
)
def test_what_does_not_pass_is_not_tried_again(
    status: int, retry: bool, site: Site, fetcher: Fetcher
) -> None:
    url = site.page("/a", says(b"", status=status))
    failure = failure_of(fetcher, url)
    assert isinstance(failure, StatusFailure)
    assert (failure.status, failure.retry) == (status, retry)
    assert str(status) in failure.reason
    assert site.paths().count("/a") == 1


def test_retry_after_in_seconds_is_honoured(site: Site, fetcher: Fetcher, waits: Waits) -> None:
    url = site.page("/a", says(b"", status=429, Retry_After="40"), says(b"whole"))
    assert fetcher.get(url).content == b"whole"
    assert max(waits.seconds) == pytest.approx(40, abs=1)
    assert any("asks to wait 40 s" in words for words in waits.said)


def test_retry_after_as_a_date_is_honoured(site: Site, fetcher: Fetcher, waits: Waits) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    url = site.page("/a", says(b"", status=503, Retry_After=moment), says(b"whole"))
    assert fetcher.get(url).content == b"whole"
    assert max(waits.seconds) == pytest.approx(60, abs=3)


@pytest.mark.parametrize("header", ["soon", "-5", "", "Mon, 99 Foo 2026", "1e9", "\u0663"])
def test_a_retry_after_that_means_nothing_does_no_harm(
    header: str, site: Site, fetcher: Fetcher, waits: Waits
) -> None:
    answer = says(b"", status=503, Retry_After=header.encode().decode("latin-1"))
    assert fetcher.get(site.page("/a", answer, says(b"whole"))).content == b"whole"
    assert max(waits.seconds) <= 2


def test_a_server_that_asks_for_an_hour_is_left_alone(
    site: Site, fetcher: Fetcher, waits: Waits
) -> None:
    url = site.page("/a", says(b"", status=429, Retry_After="3600"))
    other = site.page("/b", says(b"x"))
    for address in (url, other):
        failure = failure_of(fetcher, address, polite=False)
        assert "asks to wait 3600 s" in failure.reason
        assert failure.retry
    assert site.paths() == ["/a"]
    assert waits.seconds == []


def test_waiting_for_the_next_try_ends_when_the_user_stops(site: Site, config: Config) -> None:
    def pause(seconds: float) -> None:
        if seconds > 0.5:
            raise KeyboardInterrupt

    fetcher = Fetcher(config, pause=pause)
    with pytest.raises(KeyboardInterrupt):
        fetcher.get(site.page("/a", says(b"", status=503)), polite=False)
    assert site.paths() == ["/a"]
    fetcher.close()


def test_a_closed_door_is_tried_again_and_said(make: Callable[..., Fetcher], waits: Waits) -> None:
    failure = failure_of(make(fetch_tries=3), "http://127.0.0.1:1/a", polite=False)
    assert "cannot be reached (Connection refused)" in failure.reason
    assert failure.retry
    assert len(waits.seconds) == 2


def test_content_is_looked_at_and_asked_for_again(site: Site, fetcher: Fetcher) -> None:
    url = site.page("/a", says(b"bad"), says(b"good"))
    looks = lambda content: "" if content == b"good" else "it is bad."  # noqa: E731
    assert fetcher.get(url, check=looks).content == b"good"
    assert "it is bad." in failure_of(fetcher, site.page("/b", says(b"bad")), check=looks).reason


# -- types -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["application/pdf", "application/octet-stream", "", "application/x-pdf"]
)
def test_a_pdf_is_known_by_its_first_bytes(kind: str, site: Site, fetcher: Fetcher) -> None:
    answer = fetcher.get(site.page("/a", says(PDF, kind)), accept=("application/pdf",))
    assert (answer.media_type, answer.content) == ("application/pdf", PDF)


@pytest.mark.parametrize(
    "kind", ["text/html; charset=utf-8", "application/pdf", "application/xhtml+xml"]
)
def test_a_web_page_in_place_of_a_pdf_has_its_own_sentence(
    kind: str, site: Site, fetcher: Fetcher
) -> None:
    url = site.page("/a", says(b"\n <!-- x -->" + PAGE, kind))
    failure = failure_of(fetcher, url, accept=("application/pdf",))
    assert "a web page in place of a PDF" in failure.reason
    assert failure.retry
    assert site.paths().count("/a") == 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("image/png", b"\x89PNG"),
        ("application/pdf", b"nothing like it"),
        ("text/plain", b"x"),
        ("", b"x"),
    ],
)
def test_another_type_is_a_failure(kind: str, body: bytes, site: Site, fetcher: Fetcher) -> None:
    failure = failure_of(fetcher, site.page("/a", says(body, kind)), accept=("application/pdf",))
    assert not failure.retry


def test_any_type_will_do_where_none_is_named(site: Site, fetcher: Fetcher) -> None:
    assert fetcher.get(site.page("/a", says(b"x", "video/mp4"))).media_type == "video/mp4"


def test_a_pdf_behind_a_page_address_is_told_apart(site: Site, fetcher: Fetcher) -> None:
    url = site.page("/a", says(PDF, "application/pdf"))
    failure = failure_of(fetcher, url, accept=("text/html",))
    assert "application/pdf" in failure.reason
    both = fetcher.get(url, accept=("text/html", "application/pdf"))
    assert both.media_type == "application/pdf"


# -- manners -----------------------------------------------------------------------------------

ROBOTS = b"User-agent: *\nDisallow: /private\nAllow: /private/open\nDisallow: /*.zip$\n"


def test_robots_txt_is_followed_and_asked_for_once(site: Site, fetcher: Fetcher) -> None:
    site.page("/robots.txt", says(ROBOTS))
    for path in ("/private/a", "/x.zip"):
        failure = failure_of(fetcher, site.page(path, says(b"x")))
        assert "robots.txt" in failure.reason
        assert not failure.retry
    for path in ("/a", "/private/open"):
        assert fetcher.get(site.page(path, says(b"x"))).content == b"x"
    assert site.paths() == ["/robots.txt", "/a", "/private/open"]


def test_rules_for_us_by_name_come_first(site: Site, fetcher: Fetcher) -> None:
    site.page("/robots.txt", says(b"User-agent: *\nDisallow: /\nUser-agent: kb\nDisallow: /x\n"))
    assert fetcher.get(site.page("/a", says(b"x"))).content == b"x"
    assert "robots.txt" in failure_of(fetcher, site.page("/x", says(b"x"))).reason


def test_an_interface_for_programs_is_not_asked_for_its_robots_txt(
    site: Site, fetcher: Fetcher
) -> None:
    site.page("/robots.txt", says(b"User-agent: *\nDisallow: /\n"))
    assert fetcher.get(site.page("/a", says(b"x")), polite=False).content == b"x"
    assert site.paths() == ["/a"]


def test_a_redirect_is_asked_about_too(site: Site, other_site: Site, fetcher: Fetcher) -> None:
    other_site.page("/robots.txt", says(b"User-agent: *\nDisallow: /\n"))
    target = other_site.page("/b", says(b"x"))
    assert "robots.txt" in failure_of(fetcher, site.page("/a", leads(target))).reason
    assert other_site.paths() == ["/robots.txt"]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_no_robots_txt_means_all_is_allowed(status: int, site: Site, fetcher: Fetcher) -> None:
    site.page("/robots.txt", says(b"", status=status))
    assert fetcher.get(site.page("/a", says(b"x"))).content == b"x"


def test_a_robots_txt_that_cannot_be_read_means_not_now(site: Site, fetcher: Fetcher) -> None:
    site.page("/robots.txt", says(b"", status=503))
    for path in ("/a", "/b"):
        failure = failure_of(fetcher, site.page(path, says(b"x")))
        assert "could not be learnt" in failure.reason
        assert failure.retry
    assert site.paths() == ["/robots.txt"] * 4  # once for both pages, with its tries


def test_a_huge_or_odd_robots_txt_is_read_as_far_as_it_goes(
    site: Site, make: Callable[..., Fetcher]
) -> None:
    rules = b"\xef\xbb\xbfUser-agent: *\nDisallow: /private\n" + b"# \xff padding\n" * 60_000
    site.page("/robots.txt", says(rules))
    failure = failure_of(make(fetch_bytes=1000), site.page("/private", says(b"x")))
    assert "robots.txt" in failure.reason


def test_a_crawl_delay_is_kept_within_reason(site: Site, fetcher: Fetcher, waits: Waits) -> None:
    site.page("/robots.txt", says(b"User-agent: *\nCrawl-delay: 5\n"))
    url = site.page("/a", says(b"x"))
    fetcher.get(url)
    fetcher.get(url)
    assert [round(wait) for wait in waits.seconds] == [5]


def test_a_crawl_delay_of_hours_is_not(site: Site, fetcher: Fetcher, waits: Waits) -> None:
    site.page("/robots.txt", says(b"User-agent: *\nCrawl-delay: 86400\n"))
    url = site.page("/a", says(b"x"))
    fetcher.get(url)
    fetcher.get(url)
    assert [round(wait) for wait in waits.seconds] == [10]


def test_a_host_has_one_request_at_a_time_and_others_do_not_wait(
    site: Site, other_site: Site, make: Callable[..., Fetcher]
) -> None:
    met = threading.Barrier(2, timeout=10)

    def meets(to: Handler) -> None:
        met.wait()  # passes only when both sites are asked at once
        to.send(b"met")

    fetcher = make()
    urls = [s.page("/m", meets) for s in (site, other_site)]
    urls += [site.page(f"/{n}", says(b"x")) for n in range(4)]
    contents: list[bytes] = []
    threads = [
        threading.Thread(target=lambda u=url: contents.append(fetcher.get(u, polite=False).content))
        for url in urls
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(contents) == [b"met"] * 2 + [b"x"] * 4
    assert site.busiest == 1


def test_everything_of_arxiv_shares_one_pace(site: Site, other_site: Site, config: Config) -> None:
    real_waits: list[float] = []
    base = replace(
        config,
        arxiv_api=f"http://127.0.0.1:{site.port}/api/query",
        arxiv_pdf=f"http://127.0.0.1:{other_site.port}/pdf",
        arxiv_pause=7.0,
    )
    fetcher = Fetcher(base, pause=lambda s: real_waits.append(s) if s else None)
    for url in (site.page("/api/query", says(b"x")), other_site.page("/pdf/1", says(b"x"))):
        fetcher.get(url, polite=False)
    assert [round(wait) for wait in real_waits] == [7]
    fetcher.close()
