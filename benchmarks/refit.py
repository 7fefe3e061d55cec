"""From how many finished experiments on do refitted discounts forecast better than the defaults?

    python -m benchmarks.refit

Simulated teams: each experiment rests on one to six reports of made-up gains with the discounts
that `kb.planning.effects` gives them. What is measured follows the same arithmetic with strengths
of the discounts drawn anew for every team, plus noise as wide as the estimate says. Printed is the
error of the likely gain of fifty further experiments against the true one, without that noise.
Where the defaults are right theirs is 0, so the refitted one is given in points; where they are
off it is given over that of the defaults, and below 1 refitting helps.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import median

import numpy as np

from kb.planning import calibration
from kb.planning.calibration import PRIOR, refit
from kb.planning.discounts import Discounts
from kb.planning.effects import Setting, estimate
from kb.records import Document, Effect, Evidence, Experiment, Metadata, Result

TEAMS = 60
LATER = 50
COUNTS = (5, 10, 15, 20, 30, 50)
SETTING = Setting("accuracy", unit="points", domain="e-mails", training_samples=5000, year=2026)
STRENGTHS = {
    "domain": ("domain_far", "domain_unknown"),
    "size": ("size_tenfold", "size_unknown"),
    "source": ("peer_reviewed", "preprint", "blog", "vendor"),
    "age": ("age_year", "age_unknown"),
}


def main() -> None:
    calibration.REFIT_AT = 0  # as many as there are
    print("finished   defaults right: error of refitted, points   defaults off: refitted / default")
    for count in COUNTS:
        right = median(_errors(seed, count, 0.0)[0] for seed in range(TEAMS))
        off = [_errors(seed, count, 1.0) for seed in range(TEAMS)]
        worse = sum(refitted > default for refitted, default in off) / TEAMS
        ratio = median(refitted / default for refitted, default in off)
        print(f"{count:8}   {right:20.3f}   {ratio:20.2f}, worse in {worse:.0%}")


def _errors(seed: int, count: int, off: float) -> tuple[float, float]:
    """Root mean squares with refitted and with default discounts; `off` in prior deviations."""
    rng = np.random.default_rng(seed)
    truth = _strengthened(rng, off)
    reports = [_reports(rng) for _ in range(count)]
    fitted = refit(
        [(_finished(each, truth, rng), estimate(each, SETTING)) for each in reports], Discounts()
    )
    assert fitted is not None
    later = [_reports(rng) for _ in range(LATER)]
    true, *guessed = (
        [_likely(each, known) for each in later] for known in (truth, fitted, Discounts())
    )
    refitted, default = (float(np.sqrt(np.mean(np.subtract(each, true) ** 2))) for each in guessed)
    return refitted, default


def _likely(reports: list[Evidence], discounts: Discounts) -> float:
    gain = estimate(reports, replace(SETTING, discounts=discounts)).gain
    assert gain is not None
    return gain.likely


def _strengthened(rng: np.random.Generator, off: float) -> Discounts:
    known = Discounts()
    changes: dict[str, float] = {}
    for names in STRENGTHS.values():
        strength = max(0.0, 1 + off * PRIOR * rng.standard_normal())
        changes |= {name: getattr(known, name) ** strength for name in names}
    return replace(known, **changes)


def _reports(rng: np.random.Generator) -> list[Evidence]:
    return [_report(rng, number) for number in range(int(rng.integers(1, 7)))]


def _report(rng: np.random.Generator, number: int) -> Evidence:
    venue = str(rng.choice(["", "A journal"]))
    metadata = Metadata(authors=(f"Author{number}",), published=str(rng.integers(2014, 2027)))
    kind = "paper" if rng.random() < 0.7 else "blog"
    document = Document(
        number, str(number), kind, "", replace(metadata, venue=venue), "", number, ""
    )
    effect = Effect(
        "accuracy", "points", gain=float(rng.lognormal(0.4, 0.7)),
        dataset=str(rng.choice(["", "e-mails", "tweets"])),
        scale=str(rng.choice(["", "500 samples", "5,000 samples", "2M samples"])),
        reported_by=str(rng.choice(["authors", "authors", "vendor"])),
    )  # fmt: skip
    return Evidence(number, 1, document, 1, "", "", 0, 1, 1, "", "", "for", effect, "", "", "")


def _finished(reports: list[Evidence], truth: Discounts, rng: np.random.Generator) -> Experiment:
    """Finished, with a gain drawn from the range that the true discounts give."""
    gain = estimate(reports, replace(SETTING, discounts=truth)).gain
    assert gain is not None
    value = gain.likely + (gain.high - gain.low) / 2.563 * rng.standard_normal()
    return Experiment(
        1, "", "", "", (), None, (), None, "", None, None, None, None, None, "", "finished", None,
        Result(value=float(value), baseline=0.0), "", 1, "", "", "", "",
    )  # fmt: skip


if __name__ == "__main__":
    main()
