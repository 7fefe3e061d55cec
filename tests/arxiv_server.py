"""A loopback arXiv: the query interface and the PDFs, over real HTTP, with faults on demand.

It knows the shape of arXiv's Atom answers and how servers misbehave. It does not know the client:
nothing of `ingest` is used here.

In tests: `with ArxivServer(made_papers(folder)) as arxiv: …`. By hand:
`python -m tests.arxiv_server --shared ../shared/data` prints the environment that points `kb` at
it, and serves until Ctrl-C.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Literal, get_args
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, quoteattr

FaultKind = Literal[
    "429",  # too many requests, with Retry-After where `retry_after` says one
    "503",
    "500",
    "404",
    "cut",  # announces the whole length and sends half of it
    "half",  # half of the content, honestly announced
    "hang",  # sends nothing
    "drip",  # sends a byte now and then
    "html",  # a web page, as such
    "disguised",  # a web page, called what was asked for
    "error-entry",  # the query interface's way of saying no, with status 200
    "empty",  # a feed that counts papers and has none
]


@dataclass(frozen=True, slots=True)
class Paper:
    """One version of a paper as arXiv has it."""

    id: str
    version: int
    title: str = ""
    authors: tuple[str, ...] = ()
    abstract: str = ""
    categories: tuple[str, ...] = ("cs.CL",)
    published: str = "2024-01-02"
    updated: str = ""
    comment: str = ""
    journal_ref: str = ""
    doi: str = ""
    pdf: Path | None = None  # None: it has none


@dataclass(slots=True)
class Fault:
    """The next `times` requests whose path holds `where` go wrong."""

    kind: FaultKind
    where: str = ""
    times: int = 1
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in."""

    at: float  # monotonic seconds
    path: str  # with its query
    agent: str


@dataclass(slots=True)
class ArxivServer:
    """Serves `papers`, and `recordings` where a question is one of theirs; a context manager."""

    papers: Sequence[Paper]
    recordings: Path | None = None
    port: int = 0
    faults: list[Fault] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closing: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> ArxivServer:
        arxiv = self

        class Handler(_Handler):
            server_of = arxiv

        self._server = _Server(("127.0.0.1", self.port), Handler)
        serve = self._server.serve_forever
        threading.Thread(target=serve, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    @property
    def url(self) -> str:
        assert self._server, "the server runs within its `with` block only"
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def api(self) -> str:
        """For `Config.arxiv_api`."""
        return f"{self.url}/api/query"

    @property
    def pdf(self) -> str:
        """For `Config.arxiv_pdf`."""
        return f"{self.url}/pdf"

    def fail(
        self, kind: FaultKind, where: str = "", *, times: int = 1, retry_after: str = ""
    ) -> None:
        """Let the next `times` requests whose path holds `where` go wrong."""
        with self._lock:
            self.faults.append(Fault(kind, where, times, retry_after))

    def paths(self, part: str = "") -> list[str]:
        """The paths asked for so far that hold `part`."""
        with self._lock:
            return [asked.path for asked in self.asked if part in asked.path]

    def gaps(self) -> list[float]:
        """Seconds between one request's arrival and the next one's."""
        with self._lock:
            times = sorted(asked.at for asked in self.asked)
        return [later - earlier for earlier, later in itertools.pairwise(times)]

    def note(self, path: str, agent: str) -> Fault | None:
        """Log a request, and say what is to go wrong with it."""
        with self._lock:
            self.asked.append(Asked(time.monotonic(), path, agent))
            for fault in self.faults:
                if fault.times > 0 and fault.where in path:
                    fault.times -= 1
                    return fault
        return None

    def wait(self, seconds: float) -> bool:
        """Sleep; true when the server is closing."""
        return self._closing.wait(seconds)

    def find(self, name: str) -> Paper | None:
        """The version that `name` asks for, the newest where it names none."""
        wanted = re.fullmatch(r"(.+?)(?:v(\d+))?", name)
        assert wanted
        versions = [paper for paper in self.papers if paper.id == wanted[1]]
        if wanted[2]:
            versions = [paper for paper in versions if paper.version == int(wanted[2])]
        return max(versions, key=lambda paper: paper.version, default=None)

    def answer(self, query: dict[str, str]) -> tuple[int, bytes]:
        """Status and body of a question to the query interface."""
        recorded = _recorded(self.recordings, query) if self.recordings else None
        if recorded:
            return recorded
        ids = [i for i in query.get("id_list", "").split(",") if i]
        for wrong in (i for i in ids if not re.fullmatch(r"[\w.-]+(/\d{7})?(v\d+)?", i)):
            return 400, _error_entry(f"incorrect id format for {wrong}")
        if ids:
            found = [paper for i in ids if (paper := self.find(i))]
        else:
            found = _search(self.papers, query.get("search_query", ""))
        start, most = int(query.get("start", 0)), int(query.get("max_results", 10))
        return 200, _feed(found[start : start + most], total=len(found), start=start)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what some of the faults are for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: 40 ms an answer otherwise
    server_of: ArxivServer

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: `ArxivServer.asked` is the log."""

    def do_GET(self) -> None:
        arxiv = self.server_of
        fault = arxiv.note(self.path, self.headers.get("User-Agent", ""))
        status, media_type, body = self._proper(arxiv)
        kind = fault.kind if fault else ""
        if fault and kind.isdecimal():
            self._send(int(kind), "text/plain", b"", retry_after=fault.retry_after)
        elif kind == "cut":
            self._send(status, media_type, body[: len(body) // 2], length=len(body))
            self.close_connection = True
        elif kind == "half":
            self._send(status, media_type, body[: len(body) // 2])
        elif kind in ("html", "disguised"):
            page = b"<!DOCTYPE html><html><body><p>Please come back later.</p></body></html>"
            self._send(200, "text/html; charset=utf-8" if kind == "html" else media_type, page)
        elif kind == "error-entry":
            self._send(200, "application/atom+xml", _error_entry("something is wrong"))
        elif kind == "empty":
            self._send(200, "application/atom+xml", _feed([], total=3, start=0))
        elif kind in ("hang", "drip"):
            self._dawdle(arxiv, drip=kind == "drip")
        else:
            self._send(status, media_type, body)

    def _proper(self, arxiv: ArxivServer) -> tuple[int, str, bytes]:
        url = urlsplit(self.path)
        if url.path == "/api/query":
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            status, body = arxiv.answer(query)
            return status, "application/atom+xml; charset=UTF-8", body
        if url.path.startswith("/pdf/"):
            paper = arxiv.find(unquote(url.path.removeprefix("/pdf/")))
            if paper and paper.pdf:
                return 200, "application/pdf", paper.pdf.read_bytes()
        return 404, "text/html", b"<html><body>No such page.</body></html>"

    def _send(
        self,
        status: int,
        media_type: str,
        body: bytes,
        *,
        length: int | None = None,
        retry_after: str = "",
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body)

    def _dawdle(self, arxiv: ArxivServer, *, drip: bool) -> None:
        self.close_connection = True
        try:
            if drip:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not arxiv.wait(0.05):
                if drip:
                    self.wfile.write(b".")
                    self.wfile.flush()
        except OSError:
            pass  # the client has had enough, which is what the test is about


# -- Atom --------------------------------------------------------------------------------------

_HEAD = """<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" \
xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">
"""


def _feed(papers: Iterable[Paper], *, total: int, start: int) -> bytes:
    papers = list(papers)
    head = (
        "  <id>https://arxiv.org/api/loopback</id>\n  <title>arXiv Query</title>\n"
        "  <updated>2026-01-01T00:00:00Z</updated>\n"
        f"  <opensearch:itemsPerPage>{len(papers)}</opensearch:itemsPerPage>\n"
        f"  <opensearch:totalResults>{total}</opensearch:totalResults>\n"
        f"  <opensearch:startIndex>{start}</opensearch:startIndex>\n"
    )
    return (_HEAD + head + "".join(map(_entry, papers)) + "</feed>\n").encode()


def _entry(paper: Paper) -> str:
    name = f"{paper.id}v{paper.version}"
    lines = [
        f"<id>http://arxiv.org/abs/{name}</id>",
        f"<title>{escape(paper.title)}</title>",
        f"<updated>{paper.updated or paper.published}T00:00:00Z</updated>",
        f'<link href="https://arxiv.org/abs/{name}" rel="alternate" type="text/html"/>',
        f'<link href="https://arxiv.org/pdf/{name}" rel="related" type="application/pdf" '
        'title="pdf"/>',
        f"<summary>{escape(paper.abstract)}</summary>",
        *(f"<category term={quoteattr(c)}/>" for c in paper.categories),
        f"<published>{paper.published}T00:00:00Z</published>",
    ]
    for tag, text in (
        ("comment", paper.comment),
        ("journal_ref", paper.journal_ref),
        ("doi", paper.doi),
    ):
        if text:
            lines.append(f"<arxiv:{tag}>{escape(text)}</arxiv:{tag}>")
    if paper.categories:
        lines.append(f"<arxiv:primary_category term={quoteattr(paper.categories[0])}/>")
    lines += [f"<author><name>{escape(author)}</name></author>" for author in paper.authors]
    return "  <entry>\n    " + "\n    ".join(lines) + "\n  </entry>\n"


def _error_entry(words: str) -> bytes:
    address = f"https://arxiv.org/api/errors#{re.sub(r'[^A-Za-z0-9]+', '_', words)}"
    return (
        f"{_HEAD}  <id>https://arxiv.org/</id>\n  <title>arXiv Search Results</title>\n"
        "  <opensearch:itemsPerPage>1</opensearch:itemsPerPage>\n"
        "  <opensearch:totalResults>1</opensearch:totalResults>\n"
        "  <opensearch:startIndex>0</opensearch:startIndex>\n"
        f"  <entry>\n    <id>{address}</id>\n    <title>Error</title>\n"
        "    <updated>2026-01-01T00:00:00Z</updated>\n"
        f"    <summary>{escape(words)}</summary>\n"
        "    <author><name>arXiv api core</name></author>\n  </entry>\n</feed>\n"
    ).encode()


def _search(papers: Iterable[Paper], query: str) -> list[Paper]:
    """Newest versions with every `all:` term, any of the `cat:`s, and a date in the range."""
    words = re.findall(r'all:(?:"([^"]*)"|([^\s()]+))', query)
    terms = [(phrase or word).lower() for phrase, word in words]
    categories = re.findall(r"cat:([^\s()]+)", query)
    dates = re.search(r"submittedDate:\[(\d{8})\d* TO (\d{8})\d*\]", query)
    newest: dict[str, Paper] = {}
    for paper in papers:
        newest[paper.id] = max(newest.get(paper.id, paper), paper, key=lambda p: p.version)
    return [
        p
        for p in newest.values()
        if all(term in f"{p.title} {p.abstract}".lower() for term in terms)
        and (not categories or set(categories) & set(p.categories))
        and (not dates or dates[1] <= p.published.replace("-", "") <= dates[2])
    ]


def _recorded(folder: Path, query: dict[str, str]) -> tuple[int, bytes] | None:
    """The recorded answer to the same ids or words and the same page."""
    names = ("search_query", "id_list", "start", "max_results")
    for file in sorted(folder.glob("*.json")):
        recording = json.loads(file.read_text(encoding="utf-8"))
        asked = {k: v[0] for k, v in parse_qs(urlsplit(recording["url"]).query).items()}
        if all(asked.get(name, "") == query.get(name, "") for name in names):
            return recording["status_code"], recording["body"].encode()
    return None


# -- papers ------------------------------------------------------------------------------------


def shared_papers(shared: Path) -> list[Paper]:
    """The real papers of the shared data. Where their metadata are unknown, so is the title."""
    lines = (shared / "arxiv" / "pdfs.jsonl").read_text(encoding="utf-8").splitlines()
    return [_shared_paper(shared / "arxiv", json.loads(line)) for line in lines]


def _shared_paper(folder: Path, row: dict[str, object]) -> Paper:
    stamp, known = str(row["stamp"]), row["metadata"]
    name, version = stamp.rsplit("v", 1)
    number = name.rsplit("/", 1)[-1]
    year = int(number[:2]) + (1900 if number[:2] > "90" else 2000)
    data: dict[str, str | None] = known if isinstance(known, dict) else {}
    return Paper(
        id=name,
        version=int(version),
        title=data.get("title") or "",
        authors=tuple(a for a in (data.get("authors") or "").split(", ") if a),
        abstract=data.get("abstract") or "",
        categories=tuple((data.get("categories") or "").replace(",", " ").split()),
        published=data.get("created") or f"{year}-{number[2:4]}-01",
        updated=data.get("updated") or "",
        comment=data.get("comments") or "",
        doi=data.get("doi") or "",
        pdf=folder / str(row["file"]),
    )


_MADE = (  # id, version, title, what it says
    ("2401.99901", 1, "Sorting e-mails by sentiment", "Customer e-mails are sorted by sentiment."),
    ("2401.99901", 2, "Sorting e-mails by sentiment", "Customer e-mails are sorted by sentiment."),
    ("2402.99902", 1, "Public reviews as training data", "Public review data help a classifier."),
    ("2403.99903", 3, "Small encoders for short texts", "A small encoder reads short texts."),
    ("2404.99904", 1, "Labels that two people agree on", "Agreement of labels bounds accuracy."),
    ("cs/0001999", 1, "An old note on counting words", "Words are counted & compared, a < b."),
    ("math/0102999", 2, "A lemma on sums of scores", "Scores are summed in two ways."),
)


def made_papers(folder: Path) -> list[Paper]:
    """Seven versions of six papers, written by this project; their PDFs are made in `folder`.

    Their ids are ones that arXiv never gave out.
    """
    papers = []
    for order, (name, version, title, abstract) in enumerate(_MADE):
        file = folder / f"{name.replace('/', '_')}v{version}.pdf"
        category = "cs.CL" if name[0] == "2" else name.split("/")[0] + ".LG"
        authors = ("First Author", "Second Author")
        _write_pdf(file, title, f"{abstract} This is version {version}.")
        papers.append(
            Paper(
                name,
                version,
                title,
                authors,
                abstract,
                (category, "cs.LG"),
                published=f"2024-0{order + 1}-15",
                pdf=file,
            )
        )
    return papers


def _write_pdf(file: Path, title: str, abstract: str) -> None:
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(file), pagesize=A4, invariant=True)
    canvas.setTitle(title)
    for page, heading in enumerate(("Introduction", "Results"), start=1):
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(72, 770, title if page == 1 else heading)
        canvas.setFont("Helvetica", 11)
        for row in range(12):
            canvas.drawString(72, 730 - 16 * row, f"{abstract} Sentence {row + 1} of page {page}.")
        canvas.drawString(290, 40, str(page))
        canvas.showPage()
    canvas.save()


# -- by hand -----------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description="A loopback arXiv.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--shared", type=Path, help="the shared data folder; else made papers")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="KIND[=WAIT][*TIMES][@PATH]",
        help="429=30*2@/pdf/: two PDFs answer 429, Retry-After 30; may be given more than once",
    )
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        papers = shared_papers(options.shared) if options.shared else made_papers(Path(folder))
        faults = []
        for text in options.fault:
            found = re.fullmatch(r"([\w-]+)(?:=([^*@]+))?(?:\*(\d+))?(?:@(.*))?", text)
            if not found:
                parser.error(f"--fault {text}: write it as KIND[=WAIT][*TIMES][@PATH]")
            kind: FaultKind = found[1]  # type: ignore[assignment]
            if kind not in get_args(FaultKind):
                parser.error(f"--fault {text}: kinds are {', '.join(get_args(FaultKind))}")
            faults.append(Fault(kind, found[4] or "", int(found[3] or 1), found[2] or ""))
        with ArxivServer(papers, port=options.port, faults=faults) as server:
            print(f"{len(papers)} papers at {server.url}; stop with Ctrl-C")
            print(f"export KB_ARXIV_API={server.api} KB_ARXIV_PDF={server.pdf}")
            print("export KB_ALLOW_ADDRESSES=127.0.0.1/32 KB_ARXIV_PAUSE=0.1", flush=True)
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                print(f"{len(server.asked)} requests answered")


if __name__ == "__main__":
    main()
