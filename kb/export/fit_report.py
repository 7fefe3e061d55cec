"""A measured fit of a dataset or of models as a report to read: what it says, in order.

It takes the plain dict that is kept (`Fit.body`) and shows all of it. Nothing is measured or judged
here, and how the blocks become Markdown or HTML is `report`'s work.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kb.export.report import (
    Block,
    Figure,
    Heading,
    Sentences,
    Table,
    figure_text,
    signed_text,
    to_html,
    to_markdown,
)

Body = dict[str, Any]


def fit_markdown(body: Body, name: str = "report") -> dict[str, bytes]:
    """`name`.md and its figures as PNG: file name → content, all for one folder."""
    return to_markdown(_blocks(body), name)


def fit_html(body: Body) -> bytes:
    """One file that stands alone: no script, nothing fetched, light and dark, printable."""
    what = "Models" if _of_models(body) else body["source"]
    return to_html(_blocks(body), f"{what} for {body['target']}")


def _of_models(body: Body) -> bool:
    return "models" in body


def _blocks(body: Body) -> Iterator[Block]:
    from kb.export.fit_report_models import blocks_of_models

    return blocks_of_models(body) if _of_models(body) else _blocks_of_dataset(body)


def _blocks_of_dataset(body: Body) -> Iterator[Block]:
    verdict = body["verdict"]
    yield Heading(f"Does {body['source']} suit {body['target']}?", 1)
    yield Sentences((f"Hypothesis: {body['hypothesis']}",))
    yield Heading(f"Verdict: {verdict['text']}")
    yield Sentences(tuple(verdict["sentences"]))
    yield Sentences(("What would change it:",))
    yield Sentences(tuple(verdict["would_change"]), listed=True)
    if body["desk"]["sentences"]:
        yield Sentences(("To be minded:",))
        yield Sentences(tuple(body["desk"]["sentences"]), listed=True)
    if body["transfer"]:
        yield from _transfer(body["transfer"], body["options"]["worth"])
    yield from _distance(body["distance"], (body["source"], body["target"]))
    yield from _leakage(body["leakage"])
    yield from _desk(body["desk"])
    yield from _made(body)


def _transfer(transfer: Body, worth: float) -> Iterator[Block]:
    from kb.export import charts_fit as draw

    metric = transfer["metric"]
    yield Heading("What the source adds")
    yield Sentences(
        (
            f"A linear head on fixed sentence vectors, trained on {transfer['source_rows']:,} "
            f"source texts and growing numbers of the {transfer['target_rows']:,} labelled target "
            "texts, tested on target texts it has not seen. Intervals of 95 %.",
        )
    )
    yield Figure(
        "curves",
        f"{metric} by number of target labels; dashed: without any target label",
        lambda: draw.curves_chart(transfer),
    )
    yield Figure(
        "gain",
        f"Gain by number of target labels; dashed: {worth:g}, the smallest that counts",
        lambda: draw.gain_by_labels_chart(transfer, worth),
    )
    yield Table(
        ("target labels", "without the source", "with the source", "gain"),
        tuple(
            (f"{point['labels']:,}", *(figure_text(point[name]) for name in ("target", "both")),
             signed_text(point["gain"]))
            for point in transfer["points"]
        ),
    )  # fmt: skip
    yield Sentences(
        (
            f"Floor (always the commonest label): {figure_text(transfer['floor'])}. Ceiling (the "
            f"target's own labels, cross-validated): {figure_text(transfer['ceiling'])}.",
        )
    )
    yield Heading("Classes, the worst first", 3)
    yield Table(
        ("label", "texts", "recall with the source", "without"),
        tuple(
            (each["label"], f"{each['rows']:,}", figure_text(each["recall"]),
             figure_text(each["recall_target"]))
            for each in transfer["classes"]
        ),
    )  # fmt: skip
    labels = list(transfer["labels"])
    yield Figure(
        "confusion",
        "What is told of what, in target texts, with source and all labels",
        lambda: draw.confusion_chart(transfer["confusion"], labels),
    )
    yield Figure(
        "confusion-source",
        "The same with the source alone",
        lambda: draw.confusion_chart(transfer["source_confusion"], labels),
    )
    if transfer["errors"]:
        yield Heading("What the source alone gets wrong and is surest of", 3)
        yield Table(
            ("text", "is", "told", "probability"),
            tuple(
                (each["text"], each["label"], each["said"], f"{each['probability']:.2f}")
                for each in transfer["errors"]
            ),
        )


def _distance(distance: Body, names: tuple[str, str]) -> Iterator[Block]:
    from kb.export import charts_fit as draw

    mmd = distance["mmd"]
    yield Heading("How far apart the texts are")
    yield Table(
        ("measure", "value", "how to read it"),
        (
            ("classifier that tells the sets apart, AUC", figure_text(distance["auc"]),
             "0.5: cannot; 1: always"),
            ("proxy A-distance", figure_text(distance["a_distance"]), "0: the same; 2: disjoint"),
            ("MMD², Gaussian kernel", figure_text(mmd["value"], 4),
             f"p = {mmd['p']:.3f} of {mmd['permutations']} permutations that both are one set"),
            ("target's words that the source has", figure_text(distance["vocabulary"]),
             "share of running words"),
            ("target texts with as near a neighbour in the source",
             figure_text(distance["neighbours"]), "0.5: the sets lie in each other"),
        ),
    )  # fmt: skip
    yield Figure(
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
        yield Sentences((f"{head} (in a thousand words, source against target): {listed}.",))
    for head, texts in (
        ("Target texts least like the source", distance["most_target"]),
        ("Source texts least like the target", distance["most_source"]),
    ):
        yield Heading(head, 3)
        yield Sentences(tuple(texts), listed=True)


def _leakage(leakage: Body) -> Iterator[Block]:
    yield Heading("Copies and leaks")
    yield Table(
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
        yield Table(
            ("target", "source", "cosine"),
            tuple((p["first"], p["second"], f"{p['cosine']:.3f}") for p in leakage["pairs"]),
        )
    for which in ("source", "target"):
        if away := leakage[f"{which}_given_away"]:
            yield Sentences(
                (
                    f"In the {which}, “{away['word']}” stands in {away['share']:.0%} of the texts "
                    f"labelled “{away['label']}” and in {away['elsewhere']:.0%} of the others.",
                )
            )


def _desk(desk: Body) -> Iterator[Block]:
    yield Heading("The two sets")
    sides = desk["source"], desk["target"]
    yield Table(
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
        yield Sentences((f"Labels of the source were read as the target's: {mapped}.",))
    if desk["facts"]:
        facts = "; ".join(f"{name}: {value}" for name, value in desk["facts"])
        yield Sentences((f"What the finding says of the source: {facts}.",))


def _made(body: Body) -> Iterator[Block]:
    yield Heading("How it was made")
    versions = ", ".join(f"{name} {version}" for name, version in body["versions"].items())
    yield Table(
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
