"""A shortlist of pretrained models as a report: what it says, in order.

It takes the plain dict that is kept (`Fit.body`) and shows all of it. Nothing is measured or judged
here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kb.export.findings_markdown import effect_text
from kb.export.report import (
    Block,
    Figure,
    Heading,
    Sentences,
    Table,
    figure_text,
    signed_text,
)
from kb.records import Effect

Body = dict[str, Any]


def blocks_of_models(body: Body) -> Iterator[Block]:
    """The verdict, what each model reaches, what it costs, what is claimed for it, and the data."""
    verdict = body["verdict"]
    yield Heading(f"Which pretrained model suits {body['target']}?", 1)
    yield Sentences((f"Hypothesis: {body['hypothesis']}",))
    yield Heading(f"Verdict: {verdict['text']}")
    yield Sentences(tuple(verdict["sentences"]))
    yield Sentences(("What would change it:",))
    yield Sentences(tuple(verdict["would_change"]), listed=True)
    if body["notes"]:
        yield Sentences(("To be minded:",))
        yield Sentences(tuple(body["notes"]), listed=True)
    if body["entries"]:
        yield from _reached(body)
    if body["speed"]:
        yield from _cost(body)
    if body["failed"]:
        yield Heading("Could not be tried")
        yield Table(
            ("model", "reason"), tuple((each["name"], each["reason"]) for each in body["failed"])
        )
    yield from _claims(body)
    yield from _made(body)


def _reached(body: Body) -> Iterator[Block]:
    from kb.export import charts_fit as draw

    metric = body["metric"]
    yield Heading("What their vectors are good for")
    yield Sentences(
        (
            f"A linear head on each model's frozen vectors, and on words by TF-IDF, trained and "
            f"tested in five folds of {body['rows']:,} labelled texts: the same folds for all. "
            "Intervals of 95 %; those of differences and of the AUC hold for all models together.",
        )
    )
    yield Figure(
        "models",
        f"{metric} of each; dashed: always the commonest label",
        lambda: draw.models_chart(body["entries"], metric, body["floor"]),
    )
    yield Table(
        ("model", metric, "over TF-IDF", "against the best", "LogME", "H-score", "AUC"),
        tuple(
            (
                each["name"],
                figure_text(each["score"]),
                signed_text(each["gain"]) if each["gain"] else "",
                signed_text(_turned(each["behind"])) if each["behind"] else "",
                _number(each["log_me"]),
                _number(each["h_score"]),
                figure_text(each["auc"]),
            )
            for each in body["entries"]
        ),
    )
    yield Sentences(
        (
            f"Floor (always the commonest label): {figure_text(body['floor'])}. LogME and the "
            "H-score are estimates that train nothing; only their order among models says "
            "something, and the head's score counts where they differ.",
        )
    )


def _cost(body: Body) -> Iterator[Block]:
    from kb.export import charts_fit as draw

    limit = body["latency_ms"]
    yield Heading("What they cost here")
    told = f" The limit is {limit:g} ms for 95 of 100 texts." if limit is not None else ""
    yield Sentences(
        (
            f"Each in a process of its own on this machine ({body['machine']}), reading texts of "
            f"the target as long as they are.{told}",
        )
    )
    yield Table(
        ("model", "texts a second", "one text, median", "95 of 100 within", "memory", "on disk",
         "loads in"),
        tuple(
            (
                name,
                f"{each['texts_per_second']:,.0f}",
                f"{each['p50_ms']:g} ms",
                f"{each['p95_ms']:g} ms",
                "cannot be told" if each["memory_mb"] is None else f"{each['memory_mb']:,.0f} MB",
                f"{each['disk_mb']:,.0f} MB" if each["disk_mb"] >= 1 else "under 1 MB",
                f"{each['load_seconds']:g} s",
            )
            for name in [each["name"] for each in body["entries"]] or body["speed"]
            for each in [body["speed"][name]]
        ),
    )  # fmt: skip
    if body["entries"]:
        yield Figure(
            "cost",
            f"{body['metric']} by latency"
            + (f"; dashed: the limit of {limit:g} ms" if limit is not None else ""),
            lambda: draw.cost_chart(body["entries"], body["speed"], body["metric"], limit),
        )


def _claims(body: Body) -> Iterator[Block]:
    yield Heading("What the library claims for them")
    if not body["claims"]:
        yield Sentences(
            (
                "Nothing: no finding of a pretrained model has one of these names. An alias joins "
                "them (kb findings edit).",
            )
        )
        return
    yield Table(
        ("model", "claim", "quote", "where"),
        tuple(
            (
                name,
                _claim(each),
                f"“{each['quote']}”",
                each["document"] + (f", page {each['page']}" if each["page"] else ""),
            )
            for name, claims in body["claims"].items()
            for each in claims
        ),
    )
    yield Sentences(("Measured by others on other data: no figure to set against those above.",))


def _claim(claim: Body) -> str:
    stance = "against it" if claim["stance"] == "against" else ""
    effect = effect_text(Effect(**claim["effect"])) if claim["effect"] else "no figure"
    return "; ".join(filter(None, (stance, effect)))


def _made(body: Body) -> Iterator[Block]:
    side = body["desk"]
    yield Heading("How it was made")
    versions = ", ".join(f"{name} {version}" for name, version in body["versions"].items())
    revisions = ", ".join(
        f"{each['name']} ({each['revision']}, {each['dimension']} numbers)"
        for each in body["entries"] if each["revision"]
    )  # fmt: skip
    mapped = ", ".join(f"{a} → {b or 'left out'}" for a, b in body["options"]["mapping"].items())
    rows = (
        ("target", f"{side['name']}, {side['rows']:,} rows, {side['texts']:,} texts looked at"),
        ("target, sha256", body["target_sha256"]),
        ("labels", ", ".join(f"{name} ({count:,})" for name, count in side["labels"])),
        ("labels read as", mapped),
        ("words a text: 10 %, median, 90 %", ", ".join(map(str, side["words"]))),
        ("models", revisions),
        ("seed", str(body["options"]["seed"])),
        ("smallest gain that counts", f"{body['options']['worth']:g}"),
        ("rule", body["verdict"]["rule"]),
        ("versions", versions),
        ("seconds", ", ".join(f"{name} {spent:g}" for name, spent in body["seconds"].items())),
    )
    yield Table(("what", "value"), tuple(row for row in rows if row[1]))


def _turned(figure: Body) -> Body:
    """The difference the other way round."""
    return {"value": -figure["value"], "low": -figure["high"], "high": -figure["low"]}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}".replace("-", "−")
