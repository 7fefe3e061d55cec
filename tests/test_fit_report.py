from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from kb.export.fit_report import fit_html, fit_markdown
from kb.fit.dataset import Options, fit_dataset
from kb.fit.vectors import VectorCache
from tests.fit_texts import ENCODER, MAILS, MOVIES, WordEmbedder, sentences, table

HOSTILE = "<script>alert(1)</script> | **bold** ](javascript:x) \x07 ‮ =1+1"


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A report as it is kept, on texts, labels and file names that mean harm."""
    folder = tmp_path_factory.mktemp("cache")
    harm = {"positive": f"pos {HOSTILE}", "negative": "neg"}
    both = [
        table(
            [(f"{text} {HOSTILE} {i}", harm[label]) for i, (text, label) in enumerate(rows)], name
        )
        for rows, name in (
            (sentences(200, MOVIES, seed=1), f"reviews {HOSTILE}.csv"),
            (sentences(80, MAILS, seed=2), "ours.csv"),
        )
    ]
    cache = VectorCache(folder, WordEmbedder())
    found = fit_dataset(both[0], both[1], cache, ENCODER, Options(facts={"origin": HOSTILE}))
    kept: dict[str, Any] = json.loads(json.dumps(found.as_dict()))
    return kept


class Tags(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_stands_alone_and_shows_everything(body: dict[str, Any]) -> None:
    page = fit_html(body).decode()
    seen = Tags()
    seen.feed(page)
    assert {"script", "img", "link", "iframe"}.isdisjoint(seen.tags)
    assert seen.tags.count("svg") == 5
    assert "http" not in page.replace("http://www.w3.org/", "").replace("http-equiv", "")
    assert "\x07" not in page
    assert "‮" not in page
    for part in (body["hypothesis"], body["verdict"]["text"], *body["verdict"]["would_change"]):
        assert " ".join(part.replace("\x07", "").replace("‮", "").split()) in seen.text
    for point in body["transfer"]["points"]:
        assert f"{point['both']['value']:.3f}" in seen.text
    assert body["target_sha256"] in seen.text


def test_the_ids_of_its_figures_are_apart(body: dict[str, Any]) -> None:
    page = fit_html(body).decode()
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))


def test_markdown_says_the_same_with_pictures_beside_it(body: dict[str, Any]) -> None:
    files = fit_markdown(body, "look")
    assert sorted(files) == [
        "look-confusion-source.png", "look-confusion.png", "look-curves.png", "look-gain.png",
        "look-map.png", "look.md",
    ]  # fmt: skip
    assert all(c.startswith(b"\x89PNG") for name, c in files.items() if name.endswith(".png"))
    rendered = Tags()
    rendered.feed(MarkdownIt("commonmark").enable("table").render(files["look.md"].decode()))
    assert rendered.tags.count("img") == 5
    assert {"script", "strong", "a"}.isdisjoint(rendered.tags)
    assert rendered.tags.count("table") >= 6
    page = Tags()
    page.feed(fit_html(body).decode().split("<body>")[1])
    assert body["verdict"]["text"] in rendered.text
    assert "alert(1)" in rendered.text
    for point in body["transfer"]["points"]:
        assert f"{point['gain']['value']:+.3f}".replace("-", "−") in rendered.text


def test_where_nothing_was_trained_the_report_says_why(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, WordEmbedder())
    few = table(sentences(12, MAILS, seed=2))
    found = fit_dataset(table(sentences(50, MOVIES, seed=1)), few, cache, ENCODER).as_dict()
    page = fit_html(json.loads(json.dumps(found))).decode()
    assert "The target has 12 labelled texts" in page
    assert page.count("<svg") == 1  # the map
    assert "What the source adds" not in page
