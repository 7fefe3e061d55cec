from __future__ import annotations

import math
import random
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import UsageError
from kb.planning.combine import ENOUGH, combine
from kb.planning.discounts import Discounts, groups, samples_in
from kb.planning.effects import Setting, estimate, votes
from kb.planning.units import metric_key, scale_of
from kb.records import Document, Effect, Evidence, Gain, Metadata

NONE = Discounts(**dict.fromkeys((field.name for field in fields(Discounts)), 1.0))
OURS = Setting(
    "macro-F1",
    unit="points",
    baseline=80.0,
    domain="customer e-mails",
    training_samples=10_000,
    year=2026,
)
BARE = replace(OURS, discounts=NONE)


def report(number: int, effect: Effect | None, *, stance: Any = "for", **more: Any) -> Evidence:
    """A paper of its own author, unless `more` says otherwise."""
    quote = more.pop("quote", "As table 2 shows.")
    kind, document_id = more.pop("kind", "paper"), more.pop("document", number)
    known = {"title": f"Work {number}", "authors": (f"Ann Author{number}",), "published": "2026"}
    metadata = Metadata(**known | more)
    document = Document(document_id, f"k:{document_id}", kind, "", metadata, "", number, "v1")
    return Evidence(
        number, 1, document, number, "v1", "", 0, 1, 3, "", quote, stance, effect, "", "", ""
    )  # fmt: skip


def points(gain: float, **more: Any) -> Effect:
    return Effect(metric="macro-F1", unit="points", gain=gain, **more)


def reports(*gains: float, first: int = 1) -> list[Evidence]:
    return [report(first + at, points(gain)) for at, gain in enumerate(gains)]


# -- metrics and units -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "same",
    [
        ("macro F1", "macro-F1", "F1 (macro)", "Macro-averaged F1 score", "test macro F1-measure"),
        ("accuracy", "Acc.", "top-1 accuracy", "test accuracy", "accuracy on SST-2", "accuracies"),
        ("AUC", "ROC-AUC", "AUROC", "area under the ROC curve"),
        ("WER", "word error rate"),
        ("nDCG@10", "ndcg at 10"),
        ("perplexity", "PPL"),
        ("mean average precision", "mAP"),
    ],
)
def test_a_metric_is_the_same_under_its_names(same: tuple[str, ...]) -> None:
    assert len({metric_key(name) for name in same}) == 1


def test_metrics_that_sound_alike_are_not_the_same() -> None:
    names = (
        "F1", "macro-F1", "micro-F1", "F1 of the negative class", "accuracy", "balanced accuracy",
        "top-5 accuracy", "precision", "average precision", "mAP", "nDCG@10", "nDCG@20", "PR-AUC",
        "AUC", "error rate", "WER", "ROUGE-1", "ROUGE-L",
    )  # fmt: skip
    assert len({metric_key(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("effect", "gain"),
    [
        (Effect("F1 (macro)", "%", 87.0, 85.0), 2.0),
        (Effect("macro F1", "fraction", 0.87, 0.85), 2.0),
        (Effect("macro F1", "%", 0.87, 0.85), 2.0),  # 0.87 is no percentage
        (Effect("macro F1", "fraction", 87.0, 85.0), 2.0),  # 87 is no fraction
        (Effect("macro F1", "F1", 87.0, 85.0), 2.0),
        (Effect("macro F1", "percentage points", gain=2.0), 2.0),
        (Effect("macro F1", "fraction", gain=0.02), 2.0),
        (Effect("macro F1", "% relative", baseline=80.0, gain=2.5), 2.0),  # 2.5 % of 80
        (Effect("macro F1", "points", 85.0, 87.0), -2.0),
    ],
)
def test_points_per_cent_and_fractions_are_one_scale(effect: Effect, gain: float) -> None:
    (found,) = estimate([report(1, effect)], BARE).effects
    assert found.reported == pytest.approx(gain)
    in_fractions = replace(BARE, baseline=0.8)
    (found,) = estimate([report(1, effect)], in_fractions).effects
    assert found.reported == pytest.approx(gain / 100)


def test_what_was_converted_is_said() -> None:
    steps = estimate([report(1, Effect("macro F1", "%", 0.87, 0.85))], BARE).steps
    assert "    Note: numbers up to 1 are read as fractions." in steps


@pytest.mark.parametrize(
    ("effect", "says"),
    [
        (Effect("accuracy", "points", 90.0, 88.0), "another metric"),
        (Effect("F1", "points", 90.0, 88.0), "averaged otherwise"),
        (Effect("macro-F1", "%", gain=2.0), "may mean points or a share of the baseline"),
        (Effect("macro-F1", "% relative", gain=2.0), "baseline is not stated"),
        (Effect("macro-F1", "x", gain=2.0, baseline=40.0), "baseline is not stated"),
        (Effect("macro-F1", "points", 90.0), "but not from where"),
        (Effect("macro-F1", "ms", 90.0, 120.0), "cannot be converted"),
        (Effect("macro-F1", "points", gain=math.nan), "not finite"),
    ],
)
def test_what_cannot_be_compared_is_named_with_its_reason(effect: Effect, says: str) -> None:
    odd = report(1, effect)
    found = estimate([odd, *reports(1.0, first=2)], BARE)
    ((evidence, reason),) = found.not_comparable
    assert evidence == odd
    assert says in reason
    assert found.gain == estimate(reports(1.0, first=2), BARE).gain  # it is not mixed in


@pytest.mark.parametrize(
    ("quote", "gain"),
    [("rises by 5 % absolute", 5.0), ("a relative gain of 5 %", None), ("by 5 %", None)],
)
def test_a_quote_may_say_what_per_cent_means(quote: str, gain: float | None) -> None:
    found = estimate([report(1, Effect("macro-F1", "%", gain=5.0), quote=quote)], BARE)
    assert [each.reported for each in found.effects] == ([] if gain is None else [gain])


def test_less_is_better_where_the_metric_says_so() -> None:
    latency = Setting("latency", "lower", "ms", 100.0, discounts=NONE)
    found = estimate([report(1, Effect("latency", "s", 0.08, 0.1))], latency)
    assert found.effects[0].reported == pytest.approx(20.0)  # 100 ms → 80 ms
    perplexity = Setting("perplexity", "lower", discounts=NONE)
    found = estimate([report(1, Effect("PPL", "points", 18.0, 20.0))], perplexity)
    assert found.effects[0].reported == 2.0
    found = estimate([report(1, Effect("perplexity", "%", gain=-10.0))], perplexity)
    assert "unstated baseline" in found.not_comparable[0][1]


def test_a_mapping_of_the_team_makes_another_metric_count() -> None:
    mapped = replace(BARE, mappings={"Error rate": (-0.5, "as on our last three models")})
    found = estimate([report(1, Effect("error", "%", 10.0, 14.0))], mapped)
    assert found.effects[0].reported == 2.0  # 4 points less error × -0.5
    assert any("as on our last three models" in line for line in found.steps)
    assert not found.not_comparable


def test_a_small_error_rate_is_no_fraction() -> None:
    assert scale_of("WER", "%", (0.9,)).size == "percent"
    assert scale_of("accuracy", "%", (0.9,)).size == "fraction"


# -- discounts ---------------------------------------------------------------------------------


def test_each_discount_is_visible_and_they_multiply() -> None:
    # domain: both words shared → 1; size: 1,000 against 10,000, one tenfold → 0.85; source: a
    # preprint → 0.8; age: four years → 0.97^4; one group against → 0.75
    effect = points(10.0, dataset="e-mails of customers", scale="1k samples")
    evidence = [report(1, effect, published="2022"), report(2, None, stance="against")]
    (found,) = estimate(evidence, OURS).effects
    assert {each.name: each.factor for each in found.discounts} == pytest.approx(
        {"domain": 1, "data size": 0.85, "source": 0.8, "age": 0.97**4, "evidence against": 0.75}
    )
    assert found.expected == pytest.approx(10 * 0.85 * 0.8 * 0.97**4 * 0.75)


@pytest.mark.parametrize(
    ("more", "by", "factor"),
    [
        ({"venue": "ACL"}, "authors", 0.9),
        ({"venue": "arXiv preprint"}, "authors", 0.8),
        ({"venue": ""}, "", 0.8),
        ({"kind": "blog", "venue": "A site"}, "", 0.65),
        ({"venue": "ACL"}, "the vendor", 0.5),
        ({"kind": "blog"}, "a third party", 0.825),  # half of the discount of 0.35
    ],
)
def test_who_says_so_counts(more: dict[str, Any], by: str, factor: float) -> None:
    (found,) = estimate([report(1, points(1.0, reported_by=by), **more)], OURS).effects
    assert {each.name: each.factor for each in found.discounts}["source"] == pytest.approx(factor)


def test_the_domain_is_compared_by_words_or_by_a_likeness_that_is_given() -> None:
    def factor(dataset: str, **more: Any) -> float:
        (found,) = estimate([report(1, points(1.0, dataset=dataset))], OURS, **more).effects
        return found.discounts[0].factor

    assert factor("Customer-E-Mail") == 1.0
    assert factor("customer reviews") == pytest.approx(0.7 + 0.3 / 2)
    assert factor("SST-2") == factor("") == 0.7  # no shared word: unknown, not far
    assert factor("SST-2", likeness=lambda theirs, ours: 0.0) == 0.5
    assert factor("SST-2", likeness=lambda theirs, ours: 0.5) == 0.75
    assert factor("SST-2", likeness=lambda theirs, ours: 7.0) == 1.0


@pytest.mark.parametrize(
    ("scale", "samples"),
    [
        ("12k labelled e-mails", 12_000),
        ("1.2M sentence pairs", 1_200_000),
        ("50,000 reviews", 50_000),
        ("BERT-base, 110M parameters", None),
        ("110M parameters, 500 training examples", 500),
        ("n = 300", 300),
        ("16-shot", 16),
        ("", None),
        ("a large corpus", None),
        ("0 samples", None),
    ],
)
def test_the_size_is_read_where_it_speaks_of_samples(scale: str, samples: float | None) -> None:
    assert samples_in(scale) == samples


def test_a_loss_is_taken_as_reported_and_doubts_do_not_soften_it() -> None:
    (found,) = estimate([report(1, points(-2.0), published="2001", kind="blog")], OURS).effects
    assert (found.expected, found.discounts) == (-2.0, ())


def test_a_loss_against_it_counts_once_in_the_average_and_not_as_a_discount() -> None:
    found = estimate([*reports(3.0), report(2, points(-1.0), stance="against")], BARE)
    assert found.gain is not None
    assert found.gain.likely == pytest.approx((3 - 1 + 0) / 3)
    low = replace(BARE, discounts=replace(NONE, against=0.5))
    same = estimate([*reports(3.0), report(2, points(-1.0), stance="against")], low)
    assert same.gain == found.gain


def test_each_group_against_it_lowers_the_gain() -> None:
    likely = []
    for count in range(4):
        silent = [report(10 + at, None, stance="against") for at in range(count)]
        gain = estimate([*reports(2.0), *silent], OURS).gain
        assert gain is not None
        likely.append(gain.likely)
    assert likely == sorted(likely, reverse=True)
    assert likely[3] == pytest.approx(likely[0] * 0.75**3)
    twice = [report(10 + at, None, stance="against", document=10) for at in range(2)]
    gain = estimate([*reports(2.0), *twice], OURS).gain
    assert gain is not None
    assert gain.likely == pytest.approx(likely[1])  # two quotes of one document


def test_a_sign_that_contradicts_the_stance_is_pointed_at() -> None:
    steps = estimate([report(1, points(2.0), stance="against")], BARE).steps
    assert any("speaks against it, yet the number says otherwise" in line for line in steps)


def test_no_more_can_be_gained_than_is_left() -> None:
    nearly = replace(BARE, baseline=99.0)
    found = estimate(reports(5.0, 6.0, 7.0, 8.0, 9.0), nearly)
    assert found.gain is not None
    assert found.gain.high == 1.0
    assert all(effect.expected == 1.0 for effect in found.effects)
    assert {effect.discounts[-1].name for effect in found.effects} == {"room left"}


def test_a_discount_is_a_factor() -> None:
    with pytest.raises(UsageError, match="age_year"):
        Discounts(age_year=1.1)


# -- groups ------------------------------------------------------------------------------------


def test_reports_of_one_group_share_one_vote() -> None:
    # 1 and 2 share an author, 3 is another's: votes 2 and 1; with the sceptic (2 + 1 + 0) / 3
    evidence = [
        report(1, points(1.0), authors=("Yang Li", "Ann Bee")),
        report(2, points(3.0), authors=("Cy Dee", "Li, Y.")),
        report(3, points(1.0), authors=("Zoe Li",)),
    ]
    found = estimate(evidence, BARE)
    assert found.gain == Gain(0.0, 1.0, 2.0)
    assert [effect.weight for effect in found.effects] == pytest.approx([1 / 6, 1 / 6, 1 / 3])
    assert [effect.discounts[-1].name for effect in found.effects[:2]] == ["same group"] * 2
    assert votes(found) == 2


def test_who_belongs_together() -> None:
    def grouped(*evidence: Evidence) -> list[list[int]]:
        return groups(list(evidence))

    one = report(1, None, authors=("José Álvarez",))
    assert grouped(one, report(2, None, authors=("Jose Alvarez",))) == [[0, 1]]
    assert grouped(one, report(2, None, authors=("Juan Álvarez",))) == [[0], [1]]
    assert grouped(one, report(2, None, document=1)) == [[0, 1]]
    # two posts of a site without authors; a chain A–B, B–C is one group
    posts = [report(at, None, kind="blog", venue="A site", authors=()) for at in (1, 2)]
    assert grouped(*posts) == [[0, 1]]
    chain = [report(at, None, authors=names) for at, names in enumerate([("A B",), ("C D",)])]
    assert grouped(*chain, report(9, None, authors=("C D", "A B"))) == [[0, 1, 2]]


# -- combining: worked out by hand -------------------------------------------------------------


def test_one_report_is_halved_by_the_sceptic() -> None:
    assert estimate(reports(3.0), BARE).gain == Gain(0.0, 1.5, 3.0)


def test_few_reports_give_a_cautious_range() -> None:
    # (1 + 2 + 6 + 0) / 4 = 2.25, from nothing to the best; with a loss from the loss
    assert estimate(reports(1.0, 2.0, 6.0), BARE).gain == Gain(0.0, 2.25, 6.0)
    assert estimate(reports(1.0, -2.0, 4.0), BARE).gain == Gain(-2.0, 0.75, 4.0)
    assert estimate(reports(-1.0, -3.0), BARE).gain == Gain(-3.0, -2.0, 0.0)  # no sceptic


def test_enough_reports_give_a_prediction_interval() -> None:
    # 1 2 3 4 5: mean 3, spread √(10/4) = 1.5811, least spread 0.25 × 3 = 0.75.
    # Student's t(4) at 0.9 is 1.5332: 1.5332 × √1.2 × 1.5811 = 2.6556 to either side.
    found = estimate(reports(1.0, 2.0, 3.0, 4.0, 5.0), BARE)
    assert found.gain is not None
    assert found.gain.likely == pytest.approx(3.0)
    assert found.gain.low == pytest.approx(3 - 2.6556, abs=1e-4)
    assert found.gain.high == pytest.approx(3 + 2.6556, abs=1e-4)
    assert "DerSimonian & Laird 1986" in found.method
    assert sum("1.533 × √(1 + 1/5) × 1.581" in line for line in found.steps) == 1
    # half of every gain is left: so is half of either end
    half = combine([[(gain, gain / 2)] for gain in (1.0, 2.0, 3.0, 4.0, 5.0)]).gain
    assert half is not None
    assert half.likely == pytest.approx(1.5)
    assert (half.low, half.high) == pytest.approx((0.34437 / 2, 5.65563 / 2), abs=1e-4)


def test_agreement_to_the_digit_is_not_certainty() -> None:
    # five times 2: spread 0, so 0.25 × 2 = 0.5 stands in: 1.5332 × √1.2 × 0.5 = 0.8398
    gain = estimate(reports(*[2.0] * 5), BARE).gain
    assert gain is not None
    assert (gain.low, gain.high) == pytest.approx((2 - 0.8398, 2 + 0.8398), abs=1e-4)


def test_nothing_comparable_gives_no_gain() -> None:
    found = estimate([report(1, None)], OURS)
    assert (found.gain, found.effects, found.not_comparable) == (None, (), ())
    assert estimate([], Setting("")).gain is None
    (_, reason) = estimate(reports(1.0), Setting("")).not_comparable[0]
    assert "has not said what its metric is" in reason


def test_four_in_five_new_settings_lie_within_the_interval() -> None:
    # 6 settings are known, a seventh is drawn from the same normal distribution
    dice, inside, tries = random.Random(1), 0, 2000
    for _ in range(tries):
        drawn = [dice.gauss(3.0, 1.5) for _ in range(7)]
        gain = combine([[(value, value)] for value in drawn[:6]]).gain
        assert gain is not None
        inside += gain.low <= drawn[6] <= gain.high
    assert 0.78 < inside / tries < 0.83  # of 2,000 at 0.8: ± 0.02; the least spread adds a little


def test_the_steps_can_be_followed() -> None:
    evidence = [
        report(1, Effect("macro-F1", "points", 87.0, 85.0, dataset="e-mails"), published="2025"),
        *reports(-1.0, first=2),
    ]
    found = estimate(evidence, OURS)
    text = "\n".join(found.steps)
    assert "[1] “Work 1” (2025), p. 3: macro-F1 from 85 to 87 points on e-mails" in text
    assert "    +2 × 1 × 0.9 × 0.8 × 0.97 = +1.397" in text
    assert "    -1, no discount: a loss stands as reported." in text
    assert "= (+1.397 -1 + 0) / 3 = +0.1323." in text


# -- properties --------------------------------------------------------------------------------

amounts = st.floats(-30, 30, allow_nan=False).map(lambda value: round(value, 3))
factors = st.floats(0, 1, allow_nan=False)
ballots = st.lists(
    st.lists(st.tuples(amounts, factors, factors), min_size=1, max_size=3), min_size=1, max_size=9
)
many_discounts = st.builds(Discounts, **{field.name: factors for field in fields(Discounts)})
many_reports = st.lists(
    st.builds(
        lambda gain, dataset, scale, year, kind, by, stance: (
            points(gain, dataset=dataset, scale=scale, reported_by=by), year, kind, stance
        ),
        amounts,
        st.sampled_from(["", "e-mails", "tweets"]),
        st.sampled_from(["", "500 samples", "2M samples"]),
        st.sampled_from(["", "1999", "2020", "2030"]),
        st.sampled_from(["paper", "blog", "note"]),
        st.sampled_from(["", "vendor", "a third party"]),
        st.sampled_from(["for", "for", "against"]),
    ),
    min_size=1,
    max_size=8,
)  # fmt: skip


def _made(drawn: list[Any]) -> list[Evidence]:
    return [
        report(at, effect, published=year, kind=kind, stance=stance, authors=(f"A{at % 6} B",))
        for at, (effect, year, kind, stance) in enumerate(drawn)
    ]


@given(many_reports, many_discounts)
def test_discounts_never_raise_a_gain(drawn: list[Any], known: Discounts) -> None:
    evidence = _made(drawn)
    found = estimate(evidence, replace(OURS, discounts=known))
    bare = estimate(evidence, replace(OURS, discounts=NONE))
    for effect in found.effects:
        assert abs(effect.expected) <= abs(effect.reported)
        assert effect.expected * effect.reported >= 0
        assert all(0 <= each.factor <= 1 for each in effect.discounts)
    assert found.gain is not None
    assert bare.gain is not None
    for name in ("low", "likely", "high"):
        assert getattr(found.gain, name) <= getattr(bare.gain, name) + 1e-9
    assert found.gain.low <= found.gain.likely <= found.gain.high


@given(ballots)
def test_a_smaller_factor_never_raises_low_likely_or_high(drawn: list[Any]) -> None:
    def left(gain: float, factor: float) -> tuple[float, float]:
        return gain, gain * factor if gain > 0 else gain

    more = combine([[left(g, max(a, b)) for g, a, b in vote] for vote in drawn]).gain
    less = combine([[left(g, min(a, b)) for g, a, b in vote] for vote in drawn]).gain
    assert more is not None
    assert less is not None
    assert less.low <= more.low + 1e-9
    assert less.likely <= more.likely + 1e-9
    assert less.high <= more.high + 1e-9


@given(many_reports, st.randoms(use_true_random=False))
def test_the_order_of_the_evidence_does_not_count(drawn: list[Any], dice: random.Random) -> None:
    evidence = _made(drawn)
    first = estimate(evidence, OURS).gain
    dice.shuffle(evidence)
    again = estimate([*evidence, *evidence], OURS).gain  # nor is anything counted twice
    assert first is not None
    assert again is not None
    assert (again.low, again.likely, again.high) == pytest.approx(
        (first.low, first.likely, first.high)
    )


@given(many_reports)
def test_the_weights_add_up_to_the_likely_gain(drawn: list[Any]) -> None:
    found = estimate(_made(drawn), replace(OURS, baseline=None))
    assert found.gain is not None
    total = math.fsum(effect.weight * effect.expected for effect in found.effects)
    assert total == pytest.approx(found.gain.likely)


@given(st.lists(st.floats(0.01, 30), min_size=1, max_size=8), st.floats(-30, -0.01))
def test_a_loss_of_another_group_lowers_the_likely_gain(gains: list[float], loss: float) -> None:
    before = estimate(reports(*gains), BARE).gain
    after = estimate([*reports(*gains), *reports(loss, first=50)], BARE).gain
    assert before is not None
    assert after is not None
    assert after.likely < before.likely
    assert after.low <= before.low or len(gains) + 1 >= ENOUGH
