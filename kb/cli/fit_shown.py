"""What was measured, as one screen of a terminal each: a dataset, a shortlist of models, a ranking.

Knows the plain dicts that are kept, and prints all of them that counts; it measures nothing.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from kb.cli.show import dim, harmless, heading, printed_json, say
from kb.records import Fit

if TYPE_CHECKING:
    from kb.fit.many import Ranking


def print_fit(found: Fit) -> None:
    """The verdict and what it rests on."""
    if found.kind == "model":
        print_models(found)
    else:
        print_dataset(found)
    say(f"Kept as measurement {found.id} (kb fit show {found.id} --report FILE.html).")


def print_models(found: Fit) -> None:
    """The verdict on a shortlist of models, each with what it reaches and costs."""
    body = found.body
    click.echo(heading(f"Models for {found.target}: {found.verdict}"))
    _print_sentences(body)
    if body["speed"]:
        click.echo(dim(f"\n{body['metric']} (95 % intervals), and what it costs on this machine"))
        click.echo(
            dim(f"{body['metric']:<24}{'over TF-IDF':<24}{'LogME':>7}{'H-score':>9}"
                f"{'texts/s':>9}{'p50 ms':>8}{'p95 ms':>8}{'MB':>7}  model")
        )  # fmt: skip
    scores = {each["name"]: each for each in body["entries"]}
    for name in scores or body["speed"]:
        click.echo(
            _score_cells(scores.get(name))
            + _speed_cells(body["speed"][name])
            + f"  {harmless(name)}"
        )
    for name, claims in body["claims"].items():
        for claim in claims:
            click.echo(dim("Claimed   ") + harmless(f"{name}: {_claim_text(claim)}"))
    for each in body["failed"]:
        click.echo(dim("Not tried ") + harmless(f"{each['name']}: {each['reason']}"))
    for sentence in body["notes"]:
        click.echo(dim("Mind      ") + harmless(sentence))


def _score_cells(entry: dict[str, Any] | None) -> str:
    if entry is None:
        return " " * 64
    gain = _figure(entry["gain"]) if entry["gain"] else ""
    cheap = [
        f"{entry[name]:.3f}" if entry[name] is not None else "" for name in ("log_me", "h_score")
    ]
    return f"{_figure(entry['score']):<24}{gain:<24}{cheap[0]:>7}{cheap[1]:>9}".replace("-", "−")


def _speed_cells(speed: dict[str, Any]) -> str:
    memory = "" if speed["memory_mb"] is None else f"{speed['memory_mb']:.0f}"
    rate = f"{speed['texts_per_second']:,.0f}"
    return f"{rate:>9}{speed['p50_ms']:>8g}{speed['p95_ms']:>8g}{memory:>7}"


def _claim_text(claim: dict[str, Any]) -> str:
    from kb.export.findings_markdown import effect_text
    from kb.records import Effect

    told = effect_text(Effect(**claim["effect"])) if claim["effect"] else f"“{claim['quote']}”"
    against = "against it: " if claim["stance"] == "against" else ""
    return f"{against}{told} ({claim['document']})"


def _print_sentences(body: dict[str, Any]) -> None:
    for sentence in body["verdict"]["sentences"]:
        click.echo(harmless(sentence))
    click.echo(dim("What would change it:"))
    for sentence in body["verdict"]["would_change"]:
        click.echo(f"  {harmless(sentence)}")


def print_dataset(found: Fit) -> None:
    """The verdict on a dataset, with the learning curve and how far it is."""
    body = found.body
    click.echo(heading(f"{found.source} for {found.target}: {found.verdict}"))
    _print_sentences(body)
    if transfer := body["transfer"]:
        click.echo(dim(f"\n{transfer['metric']} by number of target labels (95 % intervals)"))
        click.echo(dim(f"{'labels':>8}  {'without source':<24}{'with source':<24}gain"))
        for point in transfer["points"]:
            cells = [_figure(point[name]) for name in ("target", "both", "gain")]
            click.echo(f"{point['labels']:>8}  {cells[0]:<24}{cells[1]:<24}{cells[2]}")
    distance, leakage = body["distance"], body["leakage"]
    click.echo(
        dim("\nDistance  ") + f"told apart with AUC {_figure(distance['auc'])}; "
        f"{distance['vocabulary']['value']:.0%} of the target's words are in the source; "
        f"{distance['neighbours']['value']:.0%} of its texts have as near a neighbour there "
        "(half is as near as can be)"
    )
    click.echo(
        dim("Copies    ") + f"{leakage['across_exact'] + leakage['across_near']} target texts "
        f"stand in the source too; {leakage['source_removed']} source rows were left out for it"
    )
    for sentence in body["desk"]["sentences"]:
        click.echo(dim("Mind      ") + harmless(sentence))


def print_ranking(ranking: Ranking, *, as_json: bool) -> None:
    """Sources in order, with how sure it is."""
    if as_json:
        click.echo(printed_json(ranking))
        return
    click.echo(heading(f"Sources for {ranking.target}, by gain in {ranking.metric}"))
    for place in ranking.places:
        gain = _figure(asdict(place.gain)) if place.gain else ""
        click.echo(f"{place.rank:>3}  {gain:<24}{harmless(place.source)}: {place.verdict}")
    for sentence in ranking.sentences:
        click.echo(harmless(sentence))
    say("The single sources are kept: kb fit list.")


def _figure(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]".replace("-", "−")
