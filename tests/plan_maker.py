"""A plan made by hand, of records alone, for whoever turns plans into files.

The quotes are those of the sample library, word for word. The team, its 500 labelled e-mails and
all its numbers are made up, and so is the one work that reports macro-F1, which says so in its
title: none of the sample's works does. It reads no library and writes none.
"""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import date
from itertools import count
from typing import Any

from kb.records import (
    FACTORS,
    Assessment,
    Budget,
    Calibration,
    Candidate,
    Decision,
    Discount,
    Document,
    Effect,
    Estimate,
    Evidence,
    Experiment,
    FactorRating,
    Finding,
    FindingKind,
    Fit,
    Forecast,
    Gain,
    LeftOut,
    Metadata,
    Plan,
    Project,
    Ranked,
    Ranking,
    Result,
    Schedule,
    Slot,
    Supported,
    Swap,
    Trial,
    WeighedEffect,
)  # fmt: skip

PROJECT = "E-mail sentiment"
DAY = "2026-11-20T09:30:00+00:00"
MEMBERS = ("ada", "ben")
AXES = {
    "data-collection": "Data collection",
    "augmentation": "Augmentation",
    "features": "Features",
    "representation": "Representation and pretrained models",
    "transfer": "Transfer and domain adaptation",
    "calibration": "Calibration and post-processing",
}

ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "**bold** [link](javascript:alert(3)) ![img](https://example.org/x.png)",
    r"$\frac{a}{b}$ and $$x^2$$ and \(y\) \input{/etc/passwd}",
    '=HYPERLINK("https://example.org","x")',
    "+cmd|' /C calc'!A0",
    "@SUM(A1:A9)\t-1+1",
    "`code`\n# heading\n---\n| a | b |\n|---|---|\n```\n~~~",
    '"></p></td></div><h1 onclick="alert(4)">out</h1>',
    "<style>body{display:none}</style><svg/onload=alert(5)>]]>--></title>",
    "{{ 7 * 7 }} {% for x in y %} {# no #} ${7*7}",
    "\x00\x01\x08\x0b\x0c\x1b[31m\x7f\x85\ufffe\uffff",
    "\u202egnp.exe \u2066\u200f\u200bשלום مرحبا",
    "'; drop table findings; -- $(touch /tmp/owned) `id` \\",
    '../../etc/passwd\\..\\CON.md|?*:"<>',
    "[[other note]] ^block #tag ![[embed]] %%comment%% ==mark== key:: value",
    "BEGIN:VEVENT\r\nSUMMARY:owned\r\nEND:VEVENT",
    "}, author = {Nobody}} @comment{ \\write18{id} % & # _ ^ ~",
    "&lt;b&gt; &amp; &#60;i&#62; &nbsp;",
    "x" * 3000,
    " ".join(["word"] * 600),
)
"""Hostile text: for HTML, Markdown, spreadsheets, shells, templates, paths and XML."""

_KEPT = {  # fields whose words mean something to us, or that are the same everywhere
    "kind", "stance", "status", "basis", "phase", "factor", "rating", "choice", "source", "key",
    "uid", "sha256", "source_sha256", "target_sha256", "published", "identifiers", "direction",
    "axis", "deployment", "missing", "deadline", "review_start", "language", "version_label",
}  # fmt: skip
_STAMPS = {"created_at", "updated_at", "archived_at", "added_at", "removed_at", "made_at", "at"}


def make_plan(*, hostile: bool = False) -> Plan:
    """The plan of a team that sorts customer e-mails by sentiment.

    `hostile`: the same records, and each text that a person or a document may choose holds
    something that must not be interpreted; some are empty.
    """
    plan = _plan()
    return _Hostile().changed(plan, "") if hostile else plan


def empty_plan() -> Plan:
    """The plan of a project about which nothing but its name is known."""
    return Plan(
        project=Project(1, "Nothing yet", {}, 1, DAY, "ada", uid=_uid("project", 0)),
        missing=("metric", "unit", "baseline", "baseline_is", "objective", "value", "deadline"),
        questions=("Which metric does the model have to move, and in what unit?",),
        findings=(), axes=dict(AXES), ranking=Ranking((), (), 0, ()), experiments=(),
        schedule=None, assessments=(), trials=(), decisions=(),
        calibration=Calibration(0, None, None, None, (), ()), risks=(), deployment=(), made_at=DAY,
    )  # fmt: skip


def large_plan(findings: int = 1000, experiments: int = 200) -> Plan:
    """The same plan with so many findings, each with two quotes, and so many ranked experiments."""
    plan = _plan()
    some = [each for each in plan.findings if each.evidence]
    many = tuple(_copied(some[n % len(some)], n) for n in range(findings))
    ranked = tuple(
        dataclasses.replace(
            plan.ranking.ranked[n % 5],
            rank=n + 1,
            experiment=dataclasses.replace(
                plan.ranking.ranked[n % 5].experiment, id=1000 + n, title=f"Experiment {n + 1}",
                candidates=(many[n % findings].finding.id,), depends_on=(),
                uid=_uid("experiment", 1000 + n),
            ),
        )
        for n in range(experiments)
    )  # fmt: skip
    assert plan.schedule is not None
    slots = tuple(
        dataclasses.replace(
            plan.schedule.slots[n % 4], experiment=1000 + n, title=r.experiment.title
        )
        for n, r in enumerate(ranked[:40])
    )
    return dataclasses.replace(
        plan,
        findings=many,
        ranking=dataclasses.replace(plan.ranking, ranked=ranked, swaps=()),
        experiments=tuple(each.experiment for each in ranked),
        schedule=dataclasses.replace(plan.schedule, slots=slots, left_out=()),
        assessments=(), decisions=(),
    )  # fmt: skip


# -- documents and their quotes --------------------------------------------------------------------


def _document(number: int, key: str, kind: Any, source: str, metadata: Metadata) -> Document:
    return Document(number, key, kind, source, metadata, DAY, number, "v1")


def _note(
    number: int, title: str, authors: tuple[str, ...], published: str, arxiv: str
) -> Document:
    meta = Metadata(
        title=title, authors=authors, published=published, venue="arXiv",
        url=f"https://arxiv.org/abs/{arxiv}", language="en", identifiers=(f"arxiv:{arxiv}",),
    )  # fmt: skip
    return _document(number, f"arxiv:{arxiv}", "note", "markdown", meta)


def _paper(number: int, title: str) -> Document:
    key = f"sha256:{hashlib.sha256(title.encode()).hexdigest()}"
    meta = Metadata(title=title, authors=("The kb authors",), published="2026", language="en")
    return _document(number, key, "paper", "pdf", meta)


BERT = _note(
    1, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
    ("Jacob Devlin", "Ming-Wei Chang", "Kenton Lee", "Kristina Toutanova"), "2018", "1810.04805",
)  # fmt: skip
ULMFIT = _note(
    2, "Universal Language Model Fine-tuning for Text Classification",
    ("Jeremy Howard", "Sebastian Ruder"), "2018", "1801.06146",
)  # fmt: skip
SNLI = _note(
    3, "A large annotated corpus for learning natural language inference",
    ("Samuel R. Bowman", "Gabor Angeli", "Christopher Potts", "Christopher D. Manning"),
    "2015", "1508.05326",
)  # fmt: skip
HELPDESK = _note(
    4, "Cognitive system to achieve human-level accuracy in automated assignment of helpdesk email "
    "tickets",
    ("Atri Mandal", "Nikhil Malhotra", "Shivali Agarwal", "Anupama Ray", "Giriprasad Sridhara"),
    "2018", "1808.02636",
)  # fmt: skip
AUGMENTATION = _note(
    5, "Contextual Augmentation: Data Augmentation by Words with Paradigmatic Relations",
    ("Sosuke Kobayashi",), "2018", "1805.06201",
)  # fmt: skip
SELECTION = _note(
    6, "Data Selection Strategies for Multi-Domain Sentiment Analysis",
    ("Sebastian Ruder", "Parsa Ghaffari", "John G. Breslin"), "2017", "1702.02426",
)  # fmt: skip
PARAGRAPHS = _note(
    7, "Distributed Representations of Sentences and Documents",
    ("Quoc V. Le", "Tomas Mikolov"), "2014", "1405.4053",
)  # fmt: skip
BASELINES = _paper(
    8, "Baselines before Transformers: A Checklist for Small Text Classification Projects"
)
BORROWING = _paper(9, "A Guide to Borrowing Labels: When Public Sentiment Data Helps a Small Task")
MADE_UP = _document(
    10, "url:http://localhost/made-up", "blog", "web",
    Metadata(
        title="Made-up figures to try exports with", authors=("The kb authors",),
        published="2026-11-03", venue="The kb notebook", url="http://localhost/made-up",
        language="en",
    ),
)  # fmt: skip

_evidence_ids = count(1)


def _quote(
    document: Document, quote: str, finding: int, *, section: str = "", page: int | None = None,
    stance: Any = "for", effect: Effect | None = None, note: str = "",
) -> Evidence:  # fmt: skip
    sha256 = hashlib.sha256(document.key.encode()).hexdigest()
    number, start = next(_evidence_ids), 100 * finding
    return Evidence(
        number, finding, document, document.version_id, "v1", sha256, start, start + len(quote),
        page, section, quote, stance, effect, note, DAY, MEMBERS[number % 2],
        _uid("evidence", number),
    )  # fmt: skip


def _f1(baseline: float, value: float, **more: Any) -> Effect:
    return Effect("macro-F1", "points", value, baseline, **more)


# -- findings --------------------------------------------------------------------------------------


def _supported(
    number: int, kind: FindingKind, name: str, fields: dict[str, object], *quotes: Evidence,
    status: Any = "shortlisted", **more: Any,
) -> Supported:  # fmt: skip
    reason = more.pop("reason", "")
    finding = Finding(
        number, kind, name, fields, more.get("note", ""), more.get("aliases", ()),
        more.get("tags", ()), 1, DAY, "ada", DAY, "ada", uid=_uid("finding", number),
    )  # fmt: skip
    candidate = Candidate(
        number, PROJECT, finding, status, MEMBERS[number % 2], reason, "", 1, DAY, "ada",
        _uid("candidate", number),
    )  # fmt: skip
    return Supported(finding, quotes, (candidate,))


def _findings() -> tuple[Supported, ...]:
    return (
        _supported(
            1, "design_choice", "Choose reviews by similarity", {"axis": "data-collection"},
            _quote(SELECTION, "Picking by similarity does better than picking at random and than "
                   "taking equally much from each domain; picking groups of examples works better "
                   "than judging each one alone.", 1, section="What it shows"),
            status="parked", reason="Only once the distance to our mail is measured.",
        ),
        _supported(
            2, "design_choice", "Contextual augmentation",
            {"axis": "augmentation", "retraining": True},
            _quote(AUGMENTATION, "Convolutional and recurrent classifiers improved on six "
                   "classification tasks.", 2, section="What it shows"),
            _quote(AUGMENTATION, "How large the gain is for an encoder that was itself pretrained "
                   "as a masked language model.", 2, section="What it does not say",
                   stance="against", note="Our encoder is one of these."),
            aliases=("Word replacement by a language model",), tags=("small data",),
        ),
        _supported(
            3, "design_choice", "Fine-tune the whole encoder",
            {"axis": "transfer", "retraining": True, "person_hours": 16.0, "gpu_hours": 10.0},
            _quote(ULMFIT, "With one hundred labelled examples the method is level with a model "
                   "trained from nothing on a hundred times as many.", 3, section="What it shows"),
            _quote(MADE_UP, "Fine-tuning the encoder on 200 e-mails took macro-F1 from 62 to 70.",
                   3, section="Results",
                   effect=_f1(62, 70, dataset="support e-mails", scale="200 e-mails",
                              reported_by="vendor")),
            _quote(BASELINES, "Expect to need a GPU, several seeds, and some care with learning "
                   "rates.", 3, section="Fine-tuned encoder", page=2, stance="against"),
            status="planned", tags=("encoder",),
        ),
        _supported(
            4, "design_choice", "Frozen encoder with a linear model",
            {"axis": "representation", "retraining": True, "preconditions": "an encoder"},
            _quote(BASELINES, "The vectors can be computed on a CPU overnight and then serve for "
                   "every further experiment, for looking for near duplicates, and for choosing "
                   "what to label next.", 4, section="Frozen encoder", page=2),
            _quote(MADE_UP, "A linear model on frozen vectors reached 66, where word counts had "
                   "62.", 4, section="Results",
                   effect=_f1(62, 66, dataset="support e-mails", scale="200 e-mails",
                              reported_by="vendor")),
            status="trying",
        ),
        _supported(
            5, "design_choice", "Leave unsure e-mails to people",
            {"axis": "calibration", "retraining": False},
            _quote(HELPDESK, "The model need not answer for every e-mail: those below a confidence "
                   "threshold go to a person.", 5, section="What we take from it"),
            _quote(MADE_UP, "A threshold for each class added 1.5 points of macro-F1.", 5,
                   section="Results",
                   effect=Effect("macro-F1", "points", gain=1.5, dataset="support e-mails")),
            status="planned",
        ),
        _supported(
            6, "design_choice", "Linear model on word pairs",
            {"axis": "features", "retraining": True, "person_hours": 6.0, "gpu_hours": 0.0},
            _quote(BASELINES, "For two hundred training examples this is hard to beat without "
                   "outside help, and its weights can be read.", 6,
                   section="Linear model on word counts", page=1),
            status="adopted",
        ),
        _supported(
            7, "design_choice", "Reviews first, our own e-mails last",
            {"axis": "transfer", "retraining": True},
            _quote(SNLI, "This is the pattern to expect of IMDB for e-mails: poor if applied as it "
                   "is, useful when our own labels come last.", 7, section="What we take from it",
                   effect=Effect("accuracy", "%", 80.8, 71.3, dataset="SICK",
                                 reported_by="authors")),
            _quote(SNLI, "With RTE-3, which has 800 training examples from another kind of text, "
                   "no setting came near to competitive results.", 7, section="What it shows",
                   stance="against"),
            _quote(BORROWING, "The third row is the reason to borrow all the same.", 7,
                   section="Three rows that every report needs", page=2),
            status="planned",
        ),
        _supported(
            8, "design_choice", "Tune the language model on our own mail",
            {"axis": "transfer", "retraining": True, "gpu_hours": 24.0},
            _quote(BORROWING, "Text without labels is the most underrated loan.", 8,
                   section="Raw text", page=1),
            _quote(MADE_UP, "Tuning the language model on unlabelled mail first added 3 points of "
                   "macro-F1.", 8, section="Results",
                   effect=Effect("macro-F1", "points", gain=3.0, dataset="support e-mails",
                                 reported_by="vendor")),
        ),
        _supported(
            9, "dataset", "IMDB reviews",
            {"task": "sentiment", "language": "English", "labels": "negative, positive",
             "size": "25,000 labelled reviews for training", "licence": "not stated",
             "access": "download", "labelled_by": "star ratings"},
            _quote(PARAGRAPHS, "IMDB, collected by Maas and colleagues in 2011, holds 100,000 "
                   "reviews: 25,000 labelled for training, 25,000 labelled for testing, 50,000 "
                   "without labels.", 9, section="The data"),
            _quote(BORROWING, "An accuracy on IMDB says nothing about e-mails.", 9,
                   section="What goes wrong", page=3, stance="against"),
            aliases=("Large Movie Review Dataset", "aclImdb"), status="shortlisted",
        ),
        _supported(
            10, "dataset", "Reviews of phone contracts", {"task": "sentiment"}, status="new"
        ),
        _supported(
            11, "pretrained_model", "BERT base",
            {"architecture": "transformer encoder", "parameters": "110 million",
             "licence": "Apache-2.0", "max_input": "512 tokens", "languages": "English",
             "pretrained_on": "books and Wikipedia"},
            _quote(BERT, "For a new task a single output layer is added and everything is "
                   "fine-tuned together.", 11, section="What it shows"),
            _quote(BERT, "The encoder has a maximum input length: a long thread has to be cut or "
                   "split, and where to cut is our decision.", 11, section="What it does not say",
                   stance="against"),
            status="planned",
        ),
    )  # fmt: skip


# -- experiments and their ranking -----------------------------------------------------------------


def _experiment(number: int, title: str, candidates: tuple[int, ...], **more: Any) -> Experiment:
    given: dict[str, Any] = {
        "hypothesis": "", "retraining": True, "depends_on": (), "gain": None, "gain_reason": "",
        "person_hours": None, "gpu_hours": None, "runs": None, "run_hours": None,
        "threshold": None, "success": "", "status": "planned", "forecast": None, "result": None,
        "note": "", **more,
    }  # fmt: skip
    return Experiment(
        id=number, project=PROJECT, title=title, candidates=candidates, revision=1, created_at=DAY,
        created_by="ada", updated_at=DAY, updated_by="ben", uid=_uid("experiment", number), **given,
    )  # fmt: skip


def _experiments() -> tuple[Experiment, ...]:
    return (
        _experiment(
            1, "Linear model on counted word pairs", (6,), status="finished",
            hypothesis="Counted word pairs beat the rules that the support team uses today.",
            person_hours=6.0, gpu_hours=0.0, runs=5, run_hours=0.05, threshold=60.0,
            success="Macro-F1 of at least 60 points on the 300 test e-mails.",
            forecast=Forecast(Gain(2, 6, 9), "team", None, 6.0, 0.0, DAY),
            result=Result(61.4, 54.0, 9.0, 0.0, "Half of the time went into quoted mails.", DAY,
                          "ben"),
        ),
        _experiment(
            2, "Frozen encoder, logistic regression on top", (4, 11), status="running",
            hypothesis="Vectors of a pretrained encoder carry mood that counted words miss.",
            person_hours=8.0, gpu_hours=0.5, runs=5, run_hours=0.1, threshold=63.0,
            success="Macro-F1 of at least 63 points, mean of five seeds, on the 300 test e-mails.",
        ),
        _experiment(
            3, "Fine-tune the encoder with five seeds", (3, 11), runs=5, run_hours=2.0,
            hypothesis="An encoder that is tuned as a whole learns our neutral class from 200 "
            "e-mails.", person_hours=16.0, gpu_hours=10.0, threshold=66.0,
            success="Macro-F1 of at least 66 points, and above the frozen encoder in four of five "
            "seeds.", depends_on=(2,),
        ),
        _experiment(
            4, "Tune the language model on 20,000 unlabelled e-mails first", (8, 11), runs=3,
            run_hours=8.0, hypothesis="The style of our mail can be learned without a label.",
            person_hours=20.0, gpu_hours=24.0, threshold=68.0, depends_on=(3,),
            success="Two points above plain fine-tuning on the same seeds.",
        ),
        _experiment(
            5, "IMDB reviews first, our own e-mails last", (7, 9, 11), runs=5, run_hours=1.2,
            hypothesis="Borrowed labels help as a starting point.", gain=Gain(0.0, 1.5, 4.0),
            gain_reason="No comparable figure; the pattern of SICK with two thirds taken off.",
            person_hours=12.0, gpu_hours=6.0, threshold=64.0,
            success="Above fine-tuning without reviews by more than the spread of the seeds.",
        ),
        _experiment(
            6, "A threshold for each class", (5,), retraining=False, person_hours=5.0,
            gpu_hours=0.0, depends_on=(3,), threshold=67.0,
            hypothesis="Unsure e-mails are where most errors are.",
            success="One point more on what is answered, with nine of ten e-mails answered.",
        ),
        _experiment(
            7, "Contextual augmentation", (2,),
            hypothesis="Replaced words make up for some of the missing labels.",
            success="More than the spread of the seeds.",
        ),
        _experiment(
            8, "Star ratings of app reviews as labels", (), status="dropped", person_hours=10.0,
            hypothesis="App reviews are nearer to our mail than film reviews.",
            note="The terms of the shop do not allow it.",
        ),
    )  # fmt: skip


def _estimate(found: Supported, expected: Gain | None, *discounts: Discount) -> Estimate:
    kept = 1.0
    for each in discounts:
        kept *= each.factor
    weighed, others, steps = [], [], []
    for evidence in found.evidence:
        effect = evidence.effect
        if effect is None or effect.difference is None:
            continue
        if effect.metric != "macro-F1":
            others.append((evidence, f"{effect.metric} is another metric than macro-F1"))
            continue
        gain = effect.difference
        weighed.append(WeighedEffect(evidence, gain, discounts, gain * kept, 1.0))
        steps += [f"{gain:g} points reported", *(f"× {d.factor:g}: {d.why}" for d in discounts),
                  f"= {gain * kept:.2g} points expected"]  # fmt: skip
    method = "One report: its discounted gain, with a range from half of it to one and a half."
    return Estimate(expected, method if weighed else "Nothing comparable is reported.",
                    tuple(weighed), tuple(others), tuple(steps))  # fmt: skip


def _ranking(findings: tuple[Supported, ...], experiments: tuple[Experiment, ...]) -> Ranking:
    found = {each.finding.id: each for each in findings}
    by_id = {each.id: each for each in experiments}
    vendor = Discount("source", 0.7, "a vendor reports it of itself")
    domain = Discount("domain", 0.9, "support e-mails, as ours, of another company")
    against = Discount("evidence against", 0.8, "one quote in three speaks against it")
    rows: list[tuple[int, Gain | None, Estimate, bool, float, tuple[int, int]]] = [
        (2, None, _estimate(found[4], Gain(1.3, 2.5, 3.8), vendor, domain), True, 0.62, (1, 3)),
        (6, None, _estimate(found[5], Gain(0.7, 1.4, 2.0), domain), True, 0.22, (1, 4)),
        (3, None, _estimate(found[3], Gain(2.0, 4.0, 6.0), vendor, domain, against), True, 0.13,
         (1, 4)),
        (5, Gain(0.0, 1.5, 4.0), _estimate(found[7], None), False, 0.03, (2, 5)),
        (4, None, _estimate(found[8], Gain(0.9, 1.9, 2.8), vendor, domain), False, 0.0, (4, 5)),
        (7, None, _estimate(found[2], None), False, 0.0, (6, 6)),
    ]  # fmt: skip
    ranked = []
    for rank, (number, own, estimate, front, first, ranks) in enumerate(rows, start=1):
        experiment = by_id[number]
        gain, hours = own or estimate.gain, experiment.hours
        ranked.append(Ranked(
            experiment, rank, estimate, gain,
            None if gain is None else "team" if own else "evidence", hours,
            gain.likely / hours if gain and hours else None,
            (gain.low + gain.likely + gain.high) / 3 if gain else None, front, first, ranks,
        ))  # fmt: skip
    return Ranking(
        tuple(ranked),
        (Swap(6, 3, 0.41, "an hour of reading on what thresholds gain would separate them"),),
        10_000,
        ("First in 62 % of draws: Frozen encoder, logistic regression on top.",
         "Ranks 2 and 3 swap in 41 % of draws: an hour of reading on what thresholds gain would "
         "separate them."),
    )  # fmt: skip


# -- the schedule ----------------------------------------------------------------------------------


def _schedule(experiments: tuple[Experiment, ...]) -> Schedule:
    by_id = {each.id: each for each in experiments}
    at = [
        (2, "training", date(2026, 11, 23), date(2026, 11, 25), 0.0, 8.5, 2.5),
        (5, "training", date(2026, 11, 23), date(2026, 12, 1), 0.0, 18.0, 1.5),
        (3, "training", date(2026, 11, 26), date(2026, 12, 8), 8.5, 34.5, 4.0),
        (6, "last stretch", date(2026, 12, 9), date(2026, 12, 11), 34.5, 39.5, 1.4),
    ]
    slots = tuple(
        Slot(number, by_id[number].title, phase, start, end, first, last,  # type: ignore[arg-type]
             by_id[number].person_hours or 0.0, by_id[number].gpu_hours or 0.0, gain)
        for number, phase, start, end, first, last, gain in at
    )  # fmt: skip
    budget = Budget(date(2026, 11, 23), date(2026, 12, 11), 15, 2, 1.5, 20.0, 1)
    return Schedule(
        budget, slots,
        (LeftOut(4, by_id[4].title, "It needs 24 GPU-hours, and 3.5 are left."),
         LeftOut(7, by_id[7].title, "Nobody has said how long it takes.")),
        date(2026, 12, 9), 9.4, 41.0, 16.5, True,
        ("These 4 fit and add 9.4 points to the goal, if gains add up.",
         "Next best is “Tune the language model on 20,000 unlabelled e-mails first”.",
         "Two more days would not add anything: the GPU-hours are what is short."),
    )  # fmt: skip


# -- data, trials and decisions --------------------------------------------------------------------


def _assessments(findings: tuple[Supported, ...]) -> tuple[Assessment, ...]:
    imdb, phones = (each for each in findings if each.finding.kind == "dataset")
    said: dict[str, tuple[Any, str]] = {
        "size": ("good", "25,000 labelled reviews, a hundred times ours."),
        "compute": ("fair", "One run over all of it takes an hour on our GPU."),
        "resources": ("good", "Loaders exist in the libraries that we use."),
        "documentation": ("good", "A paper and a README."),
        "cleanliness": ("fair", "HTML line breaks in a part of the reviews."),
        "source": ("poor", "Its licence is not stated; legal has been asked."),
    }
    ratings = tuple(
        FactorRating(factor, *said.get(factor, ("unknown", "")),
                     (imdb.evidence[0].id,) if factor == "size" else (), DAY, "ben")
        for factor in FACTORS
    )  # fmt: skip
    fit = Fit(
        1, PROJECT, imdb.finding.id, "dataset", "imdb.csv", _sha("imdb"), "e-mails.csv",
        _sha("mail"), "as a starting point",
        ("A linear classifier tells the reviews from our e-mails in 97 of 100 cases.",
         "Of the running words of our e-mails, 81 % occur in the reviews five times or more.",
         "Our neutral class is missing: labels for it have to be our own."),
        {"domain_accuracy": 0.97, "coverage": 0.81}, DAY, "ben",
    )  # fmt: skip
    unknown = tuple(FactorRating(factor, "unknown", "", (), DAY, "ada") for factor in FACTORS)
    return (Assessment(imdb.finding, ratings, fit), Assessment(phones.finding, unknown, None))


def _trials() -> tuple[Trial, ...]:
    rows = [(50, 0.2, 49.0), (100, 0.4, 55.5), (200, 0.9, None)]
    return tuple(
        Trial(number, PROJECT, "BERT base", 110.0, samples, hours, value, "one GPU", "", DAY, "ben")
        for number, (samples, hours, value) in enumerate(rows, start=1)
    )


def _decisions() -> tuple[Decision, ...]:
    def decided(
        number: int, title: str, choice: Any, about: tuple[int, ...], **more: Any
    ) -> Decision:
        given: dict[str, Any] = {
            "alternatives": (), "experiments": (), "context": "", "reason": "", "consequences": "",
            "confirmation": "", "supersedes": None, "superseded_by": None, **more,
        }  # fmt: skip
        return Decision(
            id=10 + number, project=PROJECT, number=number, title=title, choice=choice,
            candidates=about, created_at=DAY, created_by="ada", uid=_uid("decision", number),
            **given,
        )  # fmt: skip

    return (
        decided(
            1, "Begin with a linear model on word pairs", "adopt", (6,), alternatives=(3, 4),
            experiments=(1,), context="We need a number to compare everything with.",
            reason="It trains in seconds and its weights can be read.",
            consequences="Each further model has to beat 61.4 points.",
            confirmation="Macro-F1 of at least 60 points on the test e-mails: 61.4 measured.",
        ),
        decided(
            2, "Park the IMDB reviews", "park", (9,), context="Its licence is not clear.",
            reason="We do not train on what we may not use.", superseded_by=3,
        ),
        decided(
            3, "Try the IMDB reviews as a starting point", "adopt", (7, 9), alternatives=(1,),
            experiments=(5,), context="Legal allows a trial inside the company.",
            reason="The literature reports gains where the own labels come last.",
            consequences="The model of this trial is not deployed.",
            confirmation="Above fine-tuning without reviews by more than the spread.",
            supersedes=2,
        ),
    )  # fmt: skip


# -- all of it -------------------------------------------------------------------------------------


def _plan() -> Plan:
    global _evidence_ids
    _evidence_ids = count(1)  # each plan is the same
    findings, experiments = _findings(), _experiments()
    brief: dict[str, object] = {
        "metric": "macro-F1", "unit": "points", "baseline": 61.4,
        "baseline_is": "linear model on word pairs", "target": 68.0, "smallest_gain": 1.0,
        "objective": "Sort customer e-mails into negative, neutral and positive, so that angry "
        "ones are answered first.", "value": "Angry customers wait for an hour and not for a day.",
        "value_unit": "hours until the first answer", "review_start": "2026-11-09",
        "review_days": 8.0, "deadline": "2026-12-11", "people": 2, "hours_a_week": 7.5,
        "gpu_hours": 20.0, "gpus": 1, "training_samples": 200, "domain": "customer-service e-mail",
        "tie": "Each point of macro-F1 brings angry e-mails to the front of the queue.",
        "tie_breaks": "If the queue is empty by noon, the order does not matter.",
        "deployment": "real time", "latency_ms": 200.0,
    }  # fmt: skip
    return Plan(
        project=Project(1, PROJECT, brief, 3, DAY, "ada", uid=_uid("project", 1)),
        missing=("asked",),
        questions=(
            "Who was asked whether macro-F1 is the right metric, and 61.4 points the right "
            "baseline?",
            "How much does a point of macro-F1 shorten the wait? No evidence is given for the tie.",
            "How long does “Contextual augmentation” take? It is ranked last until somebody says.",
        ),
        findings=findings, axes=dict(AXES), ranking=_ranking(findings, experiments),
        experiments=experiments, schedule=_schedule(experiments),
        assessments=_assessments(findings), trials=_trials(), decisions=_decisions(),
        calibration=Calibration(
            1, 1.0, 1.4, 1.5, (("axis", "Features", 1, 1.4), ("member", "ada", 1, 1.4)),
            ("1 experiment is finished; its result lies inside its forecast.",
             "It took 1.5 times the hours that were planned."),
        ),
        risks=(
            "With 300 test e-mails a gain below 4.5 points cannot be told from luck by comparing "
            "two figures.",
            "All comparable effects come from one work, a vendor's.",
            "The licence of the IMDB reviews is not stated.",
        ),
        deployment=(
            "Real time: an interface that answers within 200 ms.",
            "No latency is measured or reported for any candidate.",
        ),
        made_at=DAY,
    )  # fmt: skip


def _copied(each: Supported, number: int) -> Supported:
    finding = dataclasses.replace(
        each.finding, id=100 + number, name=f"{each.finding.name} {number}",
        uid=_uid("finding", 100 + number),
    )  # fmt: skip
    evidence = tuple(
        dataclasses.replace(
            e, id=new, finding_id=finding.id, quote=f"{e.quote} ({number})",
            uid=_uid("evidence", new),
        )
        for new, e in enumerate((each.evidence * 2)[:2], start=10_000 + 2 * number)
    )  # fmt: skip
    candidates = tuple(
        dataclasses.replace(
            c, id=100 + number, finding=finding, uid=_uid("candidate", 100 + number)
        )
        for c in each.candidates
    )
    return Supported(finding, evidence, candidates)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _uid(noun: str, number: int) -> str:
    return _sha(f"{noun} {number}")[:32]


class _Hostile:
    """Puts an attack before each text of a record; the same text is always changed alike."""

    def __init__(self) -> None:
        self._changed: dict[str, str] = {}

    def changed(self, value: Any, name: str) -> Any:
        """`value` with its texts changed, but for those whose words mean something to us."""
        if name in _KEPT or name in _STAMPS:
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, tuple):
            return tuple(self.changed(each, name) for each in value)
        if isinstance(value, dict):
            return {key: self.changed(each, key) for key, each in value.items()}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = [field.name for field in dataclasses.fields(value)]
            return dataclasses.replace(
                value, **{f: self.changed(getattr(value, f), f) for f in fields}
            )
        return value

    def _text(self, text: str) -> str:
        if text and text not in self._changed:
            number = len(self._changed)
            attack = ATTACKS[number % len(ATTACKS)]
            self._changed[text] = "" if number % 29 == 28 else f"{attack}{text}"
        return self._changed.get(text, text)
