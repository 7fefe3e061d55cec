"""Knows how to tell a schedule: slots with days, what is left out and why, and the cut line.

It refuses to choose: what is placed is handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from kb.planning.budget import nth_working_day
from kb.planning.packing import (
    GPU_UNIT,
    HOUR,
    Placed,
    Room,
    Task,
    before_training,
    day_minutes,
    gpu_units,
    room,
)
from kb.records.planning import Budget, LeftOut, Ranked, Schedule, Slot

NAMED = 3
"""Titles that a sentence names before it counts the rest."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Tasks that were chosen, with their places."""

    placed: dict[int, Placed]
    gain: float
    bound: float  # no choice gains more
    optimal: bool  # proven


@dataclass(frozen=True, slots=True)
class Answers:
    """What was found: with the days that are left, and with more of them."""

    now: Packed
    later: Packed
    more_days: int


def told(
    ranked: Sequence[Ranked],
    possible: Sequence[Task],
    never: Sequence[LeftOut],
    *,
    budget: Budget,
    answers: Answers,
) -> Schedule:
    """The schedule with its days, reasons and sentences.

    `possible`: what could be placed; `never`: what could not in any room.
    """
    placed, space = answers.now.placed, room(budget)
    chosen = [task for task in possible if task.experiment in placed]
    slots = _slots(chosen, placed, ranked, budget)
    reasons = [
        LeftOut(task.experiment, task.title, _reason(task, chosen, possible, space))
        for task in possible
        if task.experiment not in placed
    ]
    last = [slot for slot in slots if slot.phase == "last stretch"]
    left_out = (*_next_best_first(reasons, possible), *never)
    return Schedule(
        budget=budget,
        slots=slots,
        left_out=left_out,
        last_stretch=min(slot.start for slot in last) if last else None,
        gain=sum(slot.gain for slot in slots),
        person_hours=sum(slot.person_hours for slot in slots),
        gpu_hours=sum(slot.gpu_hours for slot in slots),
        optimal=answers.now.optimal,
        sentences=tuple(_sentences(slots, left_out, possible, budget, answers)),
    )


# -- when ------------------------------------------------------------------------------------------


def _slots(
    chosen: Sequence[Task], placed: dict[int, Placed], ranked: Sequence[Ranked], budget: Budget
) -> tuple[Slot, ...]:
    hours = {item.experiment.id: item.experiment.person_hours or 0.0 for item in ranked}
    early = before_training({task.experiment: task for task in chosen})
    day = day_minutes(budget)
    slots = []
    for task in chosen:
        spot = placed[task.experiment]
        trains = task.trains or task.running or task.experiment in early
        begin = spot.work if task.work else spot.run
        slots.append(
            Slot(
                experiment=task.experiment,
                title=task.title,
                phase="training" if trains else "last stretch",
                start=_day(begin, budget, day),
                end=_day(max(begin, spot.end - 1), budget, day),
                start_hour=begin / HOUR,
                end_hour=spot.end / HOUR,
                person_hours=hours[task.experiment],
                gpu_hours=task.gpu_units / GPU_UNIT,
                gain=task.gain,
            )
        )
    places = {task.experiment: task.place for task in chosen}
    order = {"training": 0, "last stretch": 1}
    return tuple(sorted(slots, key=lambda s: (order[s.phase], s.start_hour, places[s.experiment])))


def _day(minute: int, budget: Budget, day: int) -> date:
    """The day of a working minute; nothing begins after the last day."""
    number = min(minute // day, max(budget.working_days - 1, 0)) if day else 0
    return nth_working_day(budget.start, number + 1)


# -- why not ---------------------------------------------------------------------------------------


def _reason(task: Task, chosen: Sequence[Task], possible: Sequence[Task], space: Room) -> str:
    """Why a task is left out: what it lacks alone, else what it lacks beside the others."""
    names = {one.experiment: one for one in chosen}
    titles = {one.experiment: one.title for one in possible}
    lacking = _lacks(task, space)
    if lacking:
        return lacking
    missing = [need for need in task.needs if need not in names]
    if missing:
        return f"It needs “{titles[missing[0]]}”, which is left out too."
    if task.gain <= 0:
        return "No gain is expected of it."
    free = space.gpu_units and space.gpu_units - gpu_units(chosen)
    if free is not None and task.gpu_units > free:
        return (
            f"It needs {_hours(task.gpu_units / GPU_UNIT, 'GPU hour')}; "
            f"{_number(free / GPU_UNIT)} are left beside the others."
        )
    idle = space.people * space.minutes - sum(one.work for one in chosen)
    if task.work > idle:
        return (
            f"It needs {_hours(task.work / HOUR, 'hour')} of people's work; "
            f"{_number(idle / HOUR)} are left beside the others."
        )
    return "There is no room for it beside the others, which gain more together."


def _lacks(task: Task, space: Room) -> str:
    """What an otherwise empty room lacks for a task, as a sentence; "" where nothing."""
    if task.work and not space.people:
        return "It needs people, and there are none."
    if task.gpus > space.gpus:
        return f"It needs {_count(task.gpus, 'GPU')} at once; there {_is(space.gpus)} {space.gpus}."
    if space.gpu_units is not None and task.gpu_units > space.gpu_units:
        needed = _hours(task.gpu_units / GPU_UNIT, "GPU hour")
        return f"It needs {needed}; {_number(space.gpu_units / GPU_UNIT)} are left."
    if task.length > space.minutes or not space.minutes:
        running = "It is running, and needs" if task.running else "It needs"
        needed = _hours(task.length / HOUR, "working hour")
        return f"{running} {needed}; {_number(space.minutes / HOUR)} are left."
    return ""


def _next_best_first(left: Sequence[LeftOut], possible: Sequence[Task]) -> list[LeftOut]:
    """By rank; those of which no gain is expected last."""
    by_id = {task.experiment: task for task in possible}
    return sorted(
        left, key=lambda one: (by_id[one.experiment].gain <= 0, by_id[one.experiment].place)
    )


# -- sentences -------------------------------------------------------------------------------------


def _sentences(
    slots: Sequence[Slot],
    left_out: Sequence[LeftOut],
    possible: Sequence[Task],
    budget: Budget,
    answers: Answers,
) -> list[str]:
    if not slots:
        return _nothing_fits(possible, left_out, budget, answers)
    days = _count(budget.working_days, "working day")
    until = f" until {budget.deadline.day} {budget.deadline:%B %Y}" if budget.deadline else ""
    total = len(slots) + len(left_out)
    fits = "fits" if len(slots) == 1 else "fit"
    some = f"{len(slots)} of {_count(total, 'experiment')}" if left_out else f"All {len(slots)}"
    some = "The one experiment" if total == 1 else some
    found = [f"{some} {fits} into {days}{until}: {_gain(slots)} in all, if gains add up."]
    last = [slot for slot in slots if slot.phase == "last stretch"]
    if last and len(last) < len(slots):
        begin, end = min(s.start_hour for s in last), max(s.end_hour for s in last)
        day = min(slot.start for slot in last)
        found.append(
            f"From {day:%A} {day.day} {day:%B} on nothing trains: the last stretch "
            f"takes {_hours(end - begin, 'working hour')} for "
            f"{_count(len(last), 'experiment')} without training."
        )
    known = {task.experiment for task in possible if task.gain > 0}
    following = next((left for left in left_out if left.experiment in known), None)
    if following is not None:
        gain = next(t.gain for t in possible if t.experiment == following.experiment)
        found.append(f"Next best is “{following.title}” ({gain:+.3g}). {following.reason}")
        found.append(_more_days(possible, answers))
    untimed = [
        t.title for t in possible if t.trains and not t.run and t.experiment in answers.now.placed
    ]
    if untimed:
        found.append(
            f"No running time is known of {_titles(untimed)}: state runs and hours of one."
        )
    if not answers.now.optimal:
        found.append(
            f"Not proven to be the best choice: no other gains more than {answers.now.bound:.3g}."
        )
    return found


def _gain(slots: Sequence[Slot]) -> str:
    return f"{sum(slot.gain for slot in slots):+.3g}"


def _nothing_fits(
    possible: Sequence[Task], left_out: Sequence[LeftOut], budget: Budget, answers: Answers
) -> list[str]:
    if not left_out:
        return ["There are no experiments to schedule."]
    if budget.working_days < 1:
        end = f"the deadline {budget.deadline} has passed" if budget.deadline else "no day is left"
        return [f"Nothing fits: {end}. State a later deadline, or days."]
    wanted = [task for task in possible if task.gain > 0]
    if not wanted:
        one = left_out[0]
        return [f"Nothing can be scheduled. “{one.title}”: {one.reason}"]
    space = room(budget)
    shortest = min(wanted, key=lambda task: (task.length, task.place))
    left = _number(space.minutes / HOUR)
    lacks = _lacks(shortest, space)
    if shortest.length > space.minutes:
        needed = _hours(shortest.length / HOUR, "working hour")
        found = f"Nothing fits: the shortest, “{shortest.title}”, needs {needed}, {left} are left."
    else:
        why = lacks or next(o.reason for o in left_out if o.experiment == shortest.experiment)
        found = f"Nothing fits. The shortest is “{shortest.title}”. {why}"
    return [found, _more_days(possible, answers)]


def _more_days(possible: Sequence[Task], answers: Answers) -> str:
    """What more days would add, and in place of what."""
    more = f"{_spelled(answers.more_days)} more working days would add"
    gained = answers.later.gain - answers.now.gain
    added = [t.title for t in possible if t.experiment in answers.later.placed.keys()
             - answers.now.placed.keys() and t.gain > 0]  # fmt: skip
    dropped = [t.title for t in possible if t.experiment in answers.now.placed.keys()
               - answers.later.placed.keys()]  # fmt: skip
    if gained < 1e-9 or not added:
        return f"{more} nothing."
    instead = f" in place of {_titles(dropped)}" if dropped else ""
    return f"{more} {_titles(added)}{instead}: {gained:+.3g}."


def _titles(titles: Sequence[str]) -> str:
    named = [f"“{title}”" for title in titles[:NAMED]]
    if len(titles) > NAMED:
        named.append(f"{len(titles) - NAMED} others")
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _hours(hours: float, noun: str) -> str:
    return f"{_number(hours)} {noun}{'' if _number(hours) == '1' else 's'}"


def _number(number: float) -> str:
    return f"{round(number, 1):,g}"


def _spelled(number: int) -> str:
    return {1: "One", 2: "Two", 3: "Three"}.get(number, str(number))
