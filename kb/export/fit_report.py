"""A measured fit as a report to read: Markdown with pictures beside it, or one HTML file.

It takes the plain dict that is kept (`Fit.body`) and shows all of it, in the same words in both
formats. Nothing is measured or judged here, and texts of the data are shown as they are, harmless.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kb.export import visible
from kb.export.findings_markdown import escaped

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Heading:
    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class _Sentences:
    texts: tuple[str, ...]
    listed: bool = False


@dataclass(frozen=True, slots=True)
class _Table:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class _Figure:
    name: str
    caption: str
    draw: Callable[[], Any]  # drawing needs heavy libraries: only when the report is written


_Block = _Heading | _Sentences | _Table | _Figure


def fit_markdown(body: Body, name: str = "report") -> dict[str, bytes]:
    """`name`.md and its figures as PNG: file name → content, all for one folder."""
    from kb.export.charts import to_png

    lines: list[str] = []
    files: dict[str, bytes] = {}
    for block in _blocks(body):
        match block:
            case _Heading(text, level):
                lines += [f"{'#' * level} {escaped(text)}", ""]
            case _Sentences(texts, listed):
                before, between = ("- ", "\n") if listed else ("", "\n\n")
                lines += [between.join(before + escaped(text) for text in texts), ""]
            case _Table(head, rows):
                lines += [_row(head), _row(["---"] * len(head), plain=True)]
                lines += [*map(_row, rows), ""]
            case _Figure(figure, caption, draw):
                file = f"{name}-{figure}.png"
                files[file] = to_png(draw())
                lines += [f"![{escaped(caption)}](<{file}>)", ""]
    return {f"{name}.md": "\n".join(lines).encode(), **files}


def fit_html(body: Body) -> bytes:
    """One file that stands alone: no script, nothing fetched, light and dark, printable."""
    from kb.export.charts import to_svg

    parts: list[str] = []
    for block in _blocks(body):
        match block:
            case _Heading(text, level):
                parts.append(f"<h{level}>{_safe(text)}</h{level}>")
            case _Sentences(texts, True):
                parts.append(
                    "<ul>" + "".join(f"<li>{_safe(text)}</li>" for text in texts) + "</ul>"
                )
            case _Sentences(texts, False):
                parts += [f"<p>{_safe(text)}</p>" for text in texts]
            case _Table(head, rows):
                cells = "".join(f"<th>{_safe(cell)}</th>" for cell in head)
                lines = "".join(
                    "<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in row) + "</tr>"
                    for row in rows
                )
                parts.append(
                    '<div class="wide"><table><thead><tr>'
                    f"{cells}</tr></thead><tbody>{lines}</tbody></table></div>"
                )
            case _Figure(name, caption, draw):
                svg = to_svg(draw(), prefix=name)
                parts.append(f"<figure>{svg}<figcaption>{_safe(caption)}</figcaption></figure>")
    title = _safe(f"{body['source']} for {body['target']}")
    return _PAGE.format(title=title, style=_STYLE, body="\n".join(parts)).encode()


# -- what the report says, in order ----------------------------------------------------------------


def _blocks(body: Body) -> Iterator[_Block]:
    verdict = body["verdict"]
    yield _Heading(f"Does {body['source']} suit {body['target']}?", 1)
    yield _Sentences((f"Hypothesis: {body['hypothesis']}",))
    yield _Heading(f"Verdict: {verdict['text']}")
    yield _Sentences(tuple(verdict["sentences"]))
    yield _Sentences(("What would change it:",))
    yield _Sentences(tuple(verdict["would_change"]), listed=True)
    if body["desk"]["sentences"]:
        yield _Sentences(("To be minded:",))
        yield _Sentences(tuple(body["desk"]["sentences"]), listed=True)
    if body["transfer"]:
        yield from _transfer(body["transfer"], body["options"]["worth"])
    yield from _distance(body["distance"], (body["source"], body["target"]))
    yield from _leakage(body["leakage"])
    yield from _desk(body["desk"])
    yield from _made(body)


def _transfer(transfer: Body, worth: float) -> Iterator[_Block]:
    from kb.export import charts_fit as draw

    metric = transfer["metric"]
    yield _Heading("What the source adds")
    yield _Sentences(
        (
            f"A linear head on fixed sentence vectors, trained on {transfer['source_rows']:,} "
            f"source texts and growing numbers of the {transfer['target_rows']:,} labelled target "
            "texts, tested on target texts it has not seen. Intervals of 95 %.",
        )
    )
    yield _Figure(
        "curves",
        f"{metric} by number of target labels; dashed: without any target label",
        lambda: draw.curves_chart(transfer),
    )
    yield _Figure(
        "gain",
        f"Gain by number of target labels; dashed: {worth:g}, the smallest that counts",
        lambda: draw.gain_by_labels_chart(transfer, worth),
    )
    yield _Table(
        ("target labels", "without the source", "with the source", "gain"),
        tuple(
            (f"{point['labels']:,}", *(_figure(point[name]) for name in ("target", "both")),
             _signed(point["gain"]))
            for point in transfer["points"]
        ),
    )  # fmt: skip
    yield _Sentences(
        (
            f"Floor (always the commonest label): {_figure(transfer['floor'])}. Ceiling (the "
            f"target's own labels, cross-validated): {_figure(transfer['ceiling'])}.",
        )
    )
    yield _Heading("Classes, the worst first", 3)
    yield _Table(
        ("label", "texts", "recall with the source", "without"),
        tuple(
            (each["label"], f"{each['rows']:,}", _figure(each["recall"]),
             _figure(each["recall_target"]))
            for each in transfer["classes"]
        ),
    )  # fmt: skip
    labels = list(transfer["labels"])
    yield _Figure(
        "confusion",
        "What is told of what, in target texts, with source and all labels",
        lambda: draw.confusion_chart(transfer["confusion"], labels),
    )
    yield _Figure(
        "confusion-source",
        "The same with the source alone",
        lambda: draw.confusion_chart(transfer["source_confusion"], labels),
    )
    if transfer["errors"]:
        yield _Heading("What the source alone gets wrong and is surest of", 3)
        yield _Table(
            ("text", "is", "told", "probability"),
            tuple(
                (each["text"], each["label"], each["said"], f"{each['probability']:.2f}")
                for each in transfer["errors"]
            ),
        )


def _distance(distance: Body, names: tuple[str, str]) -> Iterator[_Block]:
    from kb.export import charts_fit as draw

    mmd = distance["mmd"]
    yield _Heading("How far apart the texts are")
    yield _Table(
        ("measure", "value", "how to read it"),
        (
            ("classifier that tells the sets apart, AUC", _figure(distance["auc"]),
             "0.5: cannot; 1: always"),
            ("proxy A-distance", _figure(distance["a_distance"]), "0: the same; 2: disjoint"),
            ("MMD², Gaussian kernel", _figure(mmd["value"], 4),
             f"p = {mmd['p']:.3f} of {mmd['permutations']} permutations that both are one set"),
            ("target's words that the source has", _figure(distance["vocabulary"]),
             "share of running words"),
            ("target texts with as near a neighbour in the source", _figure(distance["neighbours"]),
             "0.5: the sets lie in each other"),
        ),
    )  # fmt: skip
    yield _Figure(
        "map",
        "Both sets on their two largest principal components, "
        f"{distance['map']['explained']:.0%} of the variance",
        lambda: draw.map_chart(distance["map"], names),
    )
    words = distance["words"]
    for head, some in (
        ("Words the target has more of", [each for each in words if each["z"] > 0]),
        ("Words the source has more of", [each for each in reversed(words) if each["z"] < 0]),
    ):
        listed = ", ".join(
            f"{each['word']} ({each['source']:.2g} against {each['target']:.2g})" for each in some
        )
        yield _Sentences((f"{head} (in a thousand words, source against target): {listed}.",))
    for head, texts in (
        ("Target texts least like the source", distance["most_target"]),
        ("Source texts least like the target", distance["most_source"]),
    ):
        yield _Heading(head, 3)
        yield _Sentences(tuple(texts), listed=True)


def _leakage(leakage: Body) -> Iterator[_Block]:
    yield _Heading("Copies and leaks")
    yield _Table(
        ("what", "rows"),
        (
            ("source rows that repeat another", f"{leakage['source_repeated']:,}"),
            ("target rows that repeat another", f"{leakage['target_repeated']:,}"),
            ("further target rows with a near copy in the target", f"{leakage['target_near']:,}"),
            ("target rows that stand in the source", f"{leakage['across_exact']:,}"),
            ("further target rows with a near copy in the source", f"{leakage['across_near']:,}"),
            ("source rows left out for it", f"{leakage['source_removed']:,}"),
        ),
    )
    if leakage["pairs"]:
        yield _Table(
            ("target", "source", "cosine"),
            tuple((p["first"], p["second"], f"{p['cosine']:.3f}") for p in leakage["pairs"]),
        )
    for which in ("source", "target"):
        if away := leakage[f"{which}_given_away"]:
            yield _Sentences(
                (
                    f"In the {which}, “{away['word']}” stands in {away['share']:.0%} of the texts "
                    f"labelled “{away['label']}” and in {away['elsewhere']:.0%} of the others.",
                )
            )


def _desk(desk: Body) -> Iterator[_Block]:
    yield _Heading("The two sets")
    sides = desk["source"], desk["target"]
    yield _Table(
        ("", "source", "target"),
        (
            ("file", *(side["name"] for side in sides)),
            ("rows", *(f"{side['rows']:,}" for side in sides)),
            ("texts looked at", *(f"{side['texts']:,}" for side in sides)),
            ("with a label", *(f"{side['labelled']:,}" for side in sides)),
            ("labels", *(", ".join(f"{n} ({c:,})" for n, c in side["labels"]) for side in sides)),
            ("language", *(side["language"] or "cannot be told" for side in sides)),
            ("words a text: 10 %, median, 90 %",
             *(", ".join(map(str, side["words"])) for side in sides)),
        ),
    )  # fmt: skip
    if desk["mapping"]:
        mapped = ", ".join(f"{a} → {b}" for a, b in desk["mapping"])
        yield _Sentences((f"Labels of the source were read as the target's: {mapped}.",))
    if desk["facts"]:
        facts = "; ".join(f"{name}: {value}" for name, value in desk["facts"])
        yield _Sentences((f"What the finding says of the source: {facts}.",))


def _made(body: Body) -> Iterator[_Block]:
    yield _Heading("How it was made")
    versions = ", ".join(f"{name} {version}" for name, version in body["versions"].items())
    yield _Table(
        ("what", "value"),
        (
            ("source, sha256", body["source_sha256"]),
            ("target, sha256", body["target_sha256"]),
            ("encoder", f"{body['encoder']['name']} ({body['encoder']['revision']})"),
            ("seed", str(body["options"]["seed"])),
            ("smallest gain that counts", f"{body['options']['worth']:g}"),
            ("rule", body["verdict"]["rule"]),
            ("versions", versions),
            ("seconds", ", ".join(f"{n} {s:g}" for n, s in body["seconds"].items())),
        ),
    )


# -- signs -----------------------------------------------------------------------------------------


def _figure(figure: Body, digits: int = 3) -> str:
    value, low, high = (f"{figure[part]:.{digits}f}" for part in ("value", "low", "high"))
    return f"{value} ({low} to {high})".replace("-", "−")


def _signed(figure: Body) -> str:
    value, low, high = (f"{figure[part]:+.3f}" for part in ("value", "low", "high"))
    return f"{value} ({low} to {high})".replace("-", "−")


def _row(cells: tuple[str, ...] | list[str], *, plain: bool = False) -> str:
    return "| " + " | ".join(cell if plain else escaped(cell) for cell in cells) + " |"


def _safe(text: str) -> str:
    return html.escape(visible(text))


_STYLE = """
:root { color-scheme: light dark; --ink: #1a2233; --paper: #fff; --line: #d5dae3; --dim: #5b6474; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ef; --paper: #12161e; --line: #39414f; --dim: #9aa4b5; }
}
body { margin: 0 auto; max-width: 48rem; padding: 1.5rem 1rem 4rem; color: var(--ink);
  background: var(--paper); font: 16px/1.5 system-ui, "Liberation Sans", Arial, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { margin-top: 2.2rem; font-size: 1.25rem; }
h3 { margin-top: 1.6rem; font-size: 1rem; }
p, li, td, figcaption { overflow-wrap: break-word; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.9rem 0.3rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
figure { margin: 1.2rem 0; }
figure svg { max-width: 100%; height: auto; }
figcaption { color: var(--dim); font-size: 0.9rem; }
@media print { body { max-width: none; padding: 0; } h2, h3 { break-after: avoid; }
  figure, tr { break-inside: avoid; } }
"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head>
<body>
{body}
</body></html>
"""
