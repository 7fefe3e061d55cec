"""Knows what trial runs tell of larger ones: how runtime and metric grow, and what still fits.

It refuses to look further than `FAR` times the largest trial, and names each step beyond that one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from kb.planning.growth import (
    ENOUGH_VALUES,
    Exponent,
    MetricLaw,
    RuntimeLaw,
    metric_law,
    runtime_law,
)
from kb.records.planning import Experiment, Gain, Trial

Direction = Literal["higher", "lower"]

FAR = 10.0
"""Times the largest trial: beyond, no law that was fitted to trials is trusted. Power laws of
learning leave the region where they hold at sizes that nobody can tell beforehand (Hestness et
al. 2017), so one order of magnitude is a convention, not a finding."""

HARDWARE = (1, 2, 4)
"""Times the GPU hours of the brief."""

TIMES = {2: "Twice", 4: "Four times"}


@dataclass(frozen=True, slots=True)
class Rung:
    """The largest setting of one model with which every planned training fits the GPU hours."""

    model: str
    parameters: float | None  # millions
    samples: int  # of each training; 0: not even the smallest trial's size fits
    run_hours: float  # of one run
    gpu_hours: float  # of all
    value: Gain | None  # expected of the metric there: one in ten lies below low, one above high
    times_largest: float  # samples, as a multiple of this model's largest trial
    capped: bool  # more would fit, but lies further than `FAR` times the largest trial


@dataclass(frozen=True, slots=True)
class Hardware:
    """What so many times the GPU hours would buy."""

    times: int
    gpu_hours: float
    rung: Rung
    gain: Gain | None  # in the metric against the GPU hours there are; positive is better


@dataclass(frozen=True, slots=True)
class Ladder:
    """What the trials of a project tell."""

    trials: int  # that were used
    machine: str
    runtime: RuntimeLaw | None  # None: there is no trial
    runs: int  # trainings that are planned
    other_gpu_hours: float  # of planned experiments that do not train
    rungs: tuple[Rung, ...]  # smallest model first
    hardware: tuple[Hardware, ...]  # for the model that reaches most, else the largest that fits
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the rungs are built from."""

    runtime: RuntimeLaw
    models: dict[tuple[str, float | None], list[Trial]]  # smallest model first
    metrics: dict[tuple[str, float | None], MetricLaw]
    runs: int
    other_gpu_hours: float
    sign: float  # 1 where more of the metric is better, else -1


def ladder(
    trials: Sequence[Trial],
    experiments: Sequence[Experiment],
    *,
    gpu_hours: float | None,
    direction: Direction = "higher",
) -> Ladder:
    """What `trials` tell of the planned and running `experiments`, each run on one GPU.

    Trials of the machine that was tried most are used; of those, where sizes of models are not
    stated, the ones of the model that was tried most.
    """
    runs, other = _planned(experiments)
    used = _comparable(trials)
    if not used:
        none = "No trial run is recorded: add one of a small sample with `kb runtime add`."
        return Ladder(0, "", None, runs, other, (), (), (none,))
    models = _by_model(used)
    laws = {key: law for key, tried in models.items() if (law := metric_law(tried)) is not None}
    sign = 1.0 if direction == "higher" else -1.0
    known = _Known(runtime_law(used), models, laws, runs, other, sign)
    fits = gpu_hours is not None and runs > 0 and not known.runtime.doubt
    rungs = _rungs(known, gpu_hours or 0.0) if fits else ()
    hardware = _hardware(known, rungs, gpu_hours or 0.0) if rungs else ()
    sentences = [_runtime_told(known.runtime, used, len(trials))]
    sentences.extend(_metric_told(law, sign) for law in laws.values())
    if not laws:
        sentences.append(
            f"How the metric grows cannot be told: that takes values of one model at "
            f"{ENOUGH_VALUES} different sample sizes."
        )
    sentences.extend(_rungs_told(known, rungs, gpu_hours))
    sentences.extend(_hardware_told(hardware))
    return Ladder(
        len(used), used[0].machine, known.runtime, runs, other, rungs, hardware, tuple(sentences)
    )


def _planned(experiments: Sequence[Experiment]) -> tuple[int, float]:
    """Training runs that are still to be made, and GPU hours of what does not train."""
    runs, other = 0, 0.0
    for one in experiments:
        if one.status not in ("planned", "running"):
            continue
        if one.retraining is False:
            other += one.gpu_hours or 0.0
        elif one.retraining or one.runs or one.gpu_hours:
            runs += one.runs or 1
    return runs, other


def _comparable(trials: Sequence[Trial]) -> list[Trial]:
    sound = [trial for trial in trials if trial.hours > 0 and trial.samples > 0]
    used = _most_tried(sound, lambda trial: trial.machine)
    if all(trial.parameters for trial in used):
        return used
    return _most_tried(used, lambda trial: trial.model)


def _most_tried(trials: Sequence[Trial], of: Callable[[Trial], str]) -> list[Trial]:
    """The trials of one kind; of those tried equally often, of the latest."""
    counts = Counter(of(trial) for trial in trials)
    latest = {of(trial): at for at, trial in enumerate(trials)}
    best = max(counts, key=lambda kind: (counts[kind], latest[kind]), default="")
    return [trial for trial in trials if of(trial) == best]


def _by_model(trials: Sequence[Trial]) -> dict[tuple[str, float | None], list[Trial]]:
    found: dict[tuple[str, float | None], list[Trial]] = {}
    for trial in sorted(trials, key=lambda t: (t.parameters or 0.0, t.model)):
        found.setdefault((trial.model, trial.parameters), []).append(trial)
    return found


# -- what fits -------------------------------------------------------------------------------------


def _rungs(known: _Known, gpu_hours: float) -> tuple[Rung, ...]:
    each = (gpu_hours - known.other_gpu_hours) / known.runs
    return tuple(_rung(known, key, each) for key in known.models)


def _rung(known: _Known, key: tuple[str, float | None], hours: float) -> Rung:
    """The largest setting of a model whose run takes no more than `hours`."""
    sizes = [trial.samples for trial in known.models[key]]
    fitting = known.runtime.largest(hours, key[1])
    samples = math.floor(min(fitting, FAR * max(sizes)) + 1e-6)
    if samples < min(sizes) / FAR:
        samples = 0
    law = known.metrics.get(key)
    run_hours = known.runtime.hours(samples, key[1]) if samples else 0.0
    return Rung(
        model=key[0],
        parameters=key[1],
        samples=samples,
        run_hours=run_hours,
        gpu_hours=run_hours * known.runs + known.other_gpu_hours,
        value=law.value(samples) if law is not None and samples >= law.smallest else None,
        times_largest=samples / max(sizes),
        capped=fitting > FAR * max(sizes),
    )


def _hardware(known: _Known, rungs: Sequence[Rung], gpu_hours: float) -> tuple[Hardware, ...]:
    def worth(rung: Rung) -> tuple[bool, float, float]:
        value = known.sign * rung.value.likely if rung.value is not None else 0.0
        return rung.value is not None, value, rung.parameters or 0.0

    base = max((rung for rung in rungs if rung.samples), key=worth, default=rungs[0])
    key = (base.model, base.parameters)
    found = []
    for times in HARDWARE:
        hours = (gpu_hours * times - known.other_gpu_hours) / known.runs
        rung = _rung(known, key, hours)
        gain = _gained(known, key, base, rung) if base.value and rung.value else None
        found.append(Hardware(times, gpu_hours * times, rung, gain))
    return tuple(found)


def _gained(known: _Known, key: tuple[str, float | None], base: Rung, rung: Rung) -> Gain:
    change = known.metrics[key].change(base.samples, rung.samples)
    if known.sign > 0:
        return change
    return Gain(-change.high, -change.likely, -change.low)


# -- sentences -------------------------------------------------------------------------------------


def _runtime_told(law: RuntimeLaw, used: Sequence[Trial], total: int) -> str:
    where = f" on “{used[0].machine}”" if used[0].machine else ""
    count = f"{law.trials} trial{'' if law.trials == 1 else 's'}{where}"
    if law.doubt:
        return f"Runtime, from {count}: {law.doubt}"
    found = [_growth_told(law.samples)]
    if law.parameters is not None:
        found.append(_growth_told(law.parameters))
    if law.spread is None:
        found.append("how sure that is takes more trials to tell, of other sizes")
    else:
        found.append(f"a trial typically differs from that by {law.spread - 1:.0%}")
    left = total - len(used)
    rest = f" {left} of other machines or models are not used." if left else ""
    return f"Runtime, from {count}: {'; '.join(found)}.{rest}"


def _growth_told(exponent: Exponent) -> str:
    what = f"twice the {exponent.of}"
    if not exponent.fitted:
        return f"{what} are taken to need twice the time, which no trial has shown"
    told = f"{what} take {2**exponent.value:.2g} times as long"
    if exponent.low is None or exponent.high is None:
        return told
    return f"{told} ({2**exponent.low:.2g} to {2**exponent.high:.2g})"


def _metric_told(law: MetricLaw, sign: float) -> str:
    name = (
        f"Metric of “{law.model}”, from {law.trials} trials of {law.smallest:,} to {law.largest:,}"
    )
    change = law.change(law.smallest, law.largest)
    if sign * change.likely <= 0:
        return f"{name} samples: more samples did not make it better."
    if min(sign * change.low, sign * change.high) <= 0:
        return f"{name} samples: that more samples make it better may be chance."
    more = law.change(law.largest, 2 * law.largest)
    limit, seen = law.limit(), abs(change.likely)
    level = (
        f"it levels off near {limit.likely:.3g} ({limit.low:.3g} to {limit.high:.3g})"
        if limit.high - limit.low < seen
        else "where it levels off, these trials cannot tell"
    )
    return (
        f"{name} samples: twice as many as the largest trial would change it by {more.likely:+.2g} "
        f"({more.low:+.2g} to {more.high:+.2g}); {level}."
    )


def _rungs_told(known: _Known, rungs: Sequence[Rung], gpu_hours: float | None) -> Iterator[str]:
    if known.runtime.doubt:
        return
    if gpu_hours is None:
        yield "How much fits cannot be told: state the project's GPU hours."
    elif not known.runs:
        yield "No training is planned: there is nothing to fit into the GPU hours."
    elif gpu_hours <= known.other_gpu_hours:
        yield (
            f"What does not train needs {known.other_gpu_hours:g} GPU hours, and there are "
            f"{gpu_hours:g}: nothing is left to train with."
        )
        return
    for rung in rungs:
        yield _rung_told(rung, known.runs, gpu_hours or 0.0)


def _rung_told(rung: Rung, runs: int, gpu_hours: float) -> str:
    planned = f"All {runs} planned runs fit" if runs > 1 else "The planned run fits"
    if not rung.samples:
        return (
            f"The planned runs do not fit into {gpu_hours:g} GPU hours with “{rung.model}”: "
            "even the smallest trial was far larger than that allows."
        )
    most = "at least" if rung.capped else "up to"
    value = f": {_value_told(rung.value)} expected" if rung.value is not None else ""
    beyond = ""
    if rung.capped:
        beyond = f" More is not predicted: that is {FAR:g} times the largest trial."
    elif rung.times_largest > 1:
        beyond = f" That is {rung.times_largest:.2g} times the largest trial: try one in between."
    return (
        f"{planned} into {gpu_hours:g} GPU hours with “{rung.model}” on {most} "
        f"{_rounded(rung.samples)} samples ({rung.run_hours:.2g} hours a run){value}.{beyond}"
    )


def _hardware_told(hardware: Sequence[Hardware]) -> Iterator[str]:
    for before, one in pairwise(hardware):
        rung = one.rung
        if before.rung.capped:
            return  # nothing is said of what lies too far
        if not rung.samples:
            yield f"{TIMES[one.times]} the GPU hours are not enough for “{rung.model}” either."
            continue
        gain = f", {_value_told(one.gain, signed=True)} of the metric" if one.gain else ""
        most = "at least " if rung.capped else ""
        yield (
            f"{TIMES[one.times]} the GPU hours ({one.gpu_hours:g}) would buy “{rung.model}” on "
            f"{most}{_rounded(rung.samples)} samples{gain}."
        )


def _value_told(value: Gain, *, signed: bool = False) -> str:
    low, likely, high = (
        f"{number:+.2g}" if signed else f"{number:.3g}"
        for number in (value.low, value.likely, value.high)
    )
    return f"{likely} ({low} to {high})"


def _rounded(samples: int) -> str:
    """To two digits, downwards: nothing is known more exactly."""
    step = 10 ** max(len(str(samples)) - 2, 0)
    return f"{samples // step * step:,}"
