"""Experiments as pieces of work in whole minutes, and where each goes when placed one by one.

Knows how an experiment's hours become working minutes. Refuses to search: see `schedule`.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kb.records.planning import Budget, Experiment, LeftOut, Ranked

HOUR = 60
GPU_UNIT = 100_000
"""Parts of a GPU hour that are counted: what is lost by rounding down is under a second."""


@dataclass(frozen=True, slots=True)
class Task:
    """An experiment as it is placed. Times are minutes of working time."""

    experiment: int
    title: str
    place: int  # in the ranking, from 0
    gain: float
    work: int  # of one person
    run: int  # its runs, which follow its work, take no more than this
    gpus: int  # at once, while it runs
    gpu_units: int  # in all
    trains: bool
    needs: tuple[int, ...]  # experiments that are to be done before, without the finished ones
    running: bool

    @property
    def length(self) -> int:
        """Minutes from its beginning to its end where it waits for nothing."""
        return self.work + self.run


@dataclass(frozen=True, slots=True)
class Room:
    """What there is to place tasks in."""

    minutes: int  # of working time
    people: int
    gpus: int
    gpu_units: int | None  # None: not limited


Order = Callable[[Task], tuple[float, ...]]
"""What comes first when tasks are placed one by one."""


@dataclass(frozen=True, slots=True)
class Placed:
    """When a task's work and its runs begin, and when it ends, in working minutes."""

    work: int
    run: int
    end: int


class Load:
    """How much of something is in use at each moment."""

    def __init__(self, limit: int) -> None:
        """`limit`: how much of it there is."""
        self.limit = limit
        self.times = [0]  # from each of these on …
        self.used = [0]  # … so much is in use, until the next

    def earliest(self, ready: int, length: int, amount: int) -> int | None:
        """From when on `amount` is free for `length`, not before `ready`; None: never."""
        if not length or not amount:
            return ready
        if amount > self.limit:
            return None
        begin = ready
        for at in range(bisect_right(self.times, ready) - 1, len(self.times)):
            if self.times[at] >= begin + length:
                break
            if self.used[at] + amount > self.limit:
                begin = max(ready, self.times[at + 1])  # the last one is free: nothing is endless
        return begin

    def take(self, begin: int, length: int, amount: int) -> None:
        """Use `amount` from `begin` on."""
        if length and amount:
            for at in range(self._split(begin), self._split(begin + length)):
                self.used[at] += amount

    def _split(self, time: int) -> int:
        at = bisect_left(self.times, time)
        if at == len(self.times) or self.times[at] != time:
            self.times.insert(at, time)
            self.used.insert(at, self.used[at - 1])
        return at


def day_minutes(budget: Budget) -> int:
    """Working minutes of a day."""
    return round(budget.hours_a_day * HOUR)


def room(budget: Budget, *, more_days: int = 0) -> Room:
    """The room that a budget gives, with `more_days` working days on top."""
    limit = budget.gpu_hours
    return Room(
        minutes=(budget.working_days + more_days) * day_minutes(budget),
        people=budget.people,
        gpus=budget.gpus,
        gpu_units=None if limit is None else math.floor(limit * GPU_UNIT + 0.5),
    )


def tasks(
    ranked: Sequence[Ranked], budget: Budget, finished: Collection[int]
) -> tuple[list[Task], list[LeftOut]]:
    """What can be placed, in the ranking's order, and what cannot in any room, with the reason."""
    done = {*finished, *(r.experiment.id for r in ranked if r.experiment.status == "finished")}
    asked = [r for r in ranked if r.experiment.status in ("planned", "running")]
    known, out = {}, {}
    for place, item in enumerate(sorted(asked, key=lambda item: (item.rank, item.experiment.id))):
        experiment = item.experiment
        if experiment.id in done:
            continue
        reason = _unknown(item)
        if reason:
            out[experiment.id] = LeftOut(experiment.id, experiment.title, reason)
        else:
            known[experiment.id] = _task(item, place, budget, done)
    _drop_without_needs(known, out)
    return list(known.values()), list(out.values())


def needed_by(task: Task, among: Mapping[int, Task]) -> list[Task]:
    """`task` and all that it needs, directly or not, what is needed first."""
    order: dict[int, Task] = {}

    def visit(one: Task) -> None:
        for need in one.needs:
            if need not in order:
                visit(among[need])
        order[one.experiment] = one

    visit(task)
    return list(order.values())


def before_training(among: Mapping[int, Task]) -> dict[int, list[int]]:
    """For each task without training: the training tasks that need it, directly or not."""
    found: dict[int, list[int]] = {}
    for task in among.values():
        if task.trains:
            for need in needed_by(task, among)[:-1]:
                if not need.trains:
                    found.setdefault(need.experiment, []).append(task.experiment)
    return found


def place(
    chosen: Iterable[Task], room: Room, *, order: Order | None = None
) -> dict[int, Placed] | None:
    """Each task as early as it goes beside those before it; None where they do not fit that way.

    Running ones first, then what trains with all it needs, then the last stretch; within each by
    `order`, else as in the ranking.
    """
    among = {task.experiment: task for task in chosen}
    first = {*before_training(among), *(name for name, task in among.items() if task.trains)}
    people, gpus = Load(room.people), Load(room.gpus)
    placed: dict[int, Placed] = {}
    cut = 0
    by = order or (lambda task: (task.place,))
    for task in sorted(
        among.values(), key=lambda t: (not t.running, t.experiment not in first, by(t))
    ):
        after = 0 if task.running or task.experiment in first else cut
        for one in needed_by(task, among):
            if one.experiment in placed:
                continue
            ready = max([after, *(placed[need].end for need in one.needs)])
            spot = _spot(one, people, gpus, ready)
            if spot is None or spot.end > room.minutes or not room.minutes:
                return None
            placed[one.experiment] = spot
            if one.trains:
                cut = max(cut, spot.end)
    return placed


def reachable(among: Sequence[Task], room: Room) -> list[Task]:
    """Those that fit into an otherwise empty `room`, as far as their own chain of needs tells."""
    by_id = {task.experiment: task for task in among}
    ends: dict[int, float] = {}  # the earliest

    def end(task: Task) -> float:
        if task.experiment not in ends:
            needed = [end(by_id[need]) if need in by_id else math.inf for need in task.needs]
            able = room.minutes and _staffed(task, room)
            ends[task.experiment] = max([0, *needed]) + task.length if able else math.inf
        return ends[task.experiment]

    return [task for task in among if end(task) <= room.minutes]


def greedy(
    among: Sequence[Task],
    room: Room,
    *,
    chosen: Sequence[Task] = (),
    order: Order | None = None,
) -> dict[int, Placed]:
    """Down the ranking, whatever still fits beside what was taken before, with all that it needs.

    Begins with `chosen`, which fit, and with what runs, as much of it as fits.
    """
    by_id = {task.experiment: task for task in among}
    taken = {task.experiment: task for task in chosen}
    placed = place(chosen, room, order=order) or {}
    for task in sorted(among, key=lambda t: (not t.running, t.place)):
        if task.experiment in taken:
            continue
        added = [one for one in needed_by(task, by_id) if one.experiment not in taken]
        if not task.running and sum(one.gain for one in added) <= 0:
            continue
        more = {**taken, **{one.experiment: one for one in added}}
        spots = place(more.values(), room, order=order) if _roomy(more.values(), room) else None
        if spots is not None:
            taken, placed = more, spots
    return placed


def _roomy(chosen: Collection[Task], room: Room) -> bool:
    """Whether hours of people and GPUs suffice, without asking when."""
    return (
        sum(task.work for task in chosen) <= room.people * room.minutes
        and sum(task.run * task.gpus for task in chosen) <= room.gpus * room.minutes
        and (room.gpu_units is None or gpu_units(chosen) <= room.gpu_units)
    )


def gpu_units(chosen: Iterable[Task]) -> int:
    """What the GPUs do in all."""
    return sum(task.gpu_units for task in chosen)


def running_hours(experiment: Experiment) -> float:
    """How long its runs take, one after another; 0 where that is not known."""
    if experiment.runs and experiment.run_hours:
        return experiment.runs * experiment.run_hours
    return experiment.gpu_hours or 0.0


def working_minutes(hours: float, day: int) -> int:
    """Working minutes that a run of `hours` takes at most, wherever in the week it starts.

    Runs go on overnight, and 24 hours on end hold one working day of `day` minutes at most.
    """
    minutes = _minutes(hours)
    days, rest = divmod(minutes, 24 * HOUR)
    return days * day + min(rest, day)


def _task(item: Ranked, place: int, budget: Budget, done: Collection[int]) -> Task:
    experiment = item.experiment
    gpus, gpu_hours = _gpus(experiment, budget)
    gain = item.expected if item.expected is not None else item.gain.likely if item.gain else 0.0
    hours = running_hours(experiment)
    return Task(
        experiment=experiment.id,
        title=experiment.title,
        place=place,
        gain=gain,
        work=_minutes(experiment.person_hours or 0.0),
        run=working_minutes(hours, day_minutes(budget)),
        gpus=gpus,
        gpu_units=math.floor(gpu_hours * GPU_UNIT + 1e-6),
        trains=hours > 0 if experiment.retraining is None else experiment.retraining,
        needs=()
        if experiment.status == "running"
        else tuple(need for need in experiment.depends_on if need not in done),
        running=experiment.status == "running",
    )


def _gpus(experiment: Experiment, budget: Budget) -> tuple[int, float]:
    """GPUs at once and GPU hours in all. Runs that state no GPU hours take one GPU if any is."""
    hours = running_hours(experiment)
    if experiment.gpu_hours is None:
        one = min(1, budget.gpus) if hours else 0
        return one, one * hours
    if not experiment.gpu_hours or not hours:
        return 0, 0.0
    return math.ceil(experiment.gpu_hours / hours - 1e-9), experiment.gpu_hours


def _minutes(hours: float) -> int:
    return math.ceil(hours * HOUR - 1e-6)


def _unknown(item: Ranked) -> str:
    if item.hours is None:
        return "Its hours are not known: state the people's hours and those of its runs."
    if item.experiment.status == "running" or item.gain is not None or item.expected is not None:
        return ""
    return "Its gain is not known: state one, or tag an effect on the project's metric."


def _drop_without_needs(known: dict[int, Task], out: dict[int, LeftOut]) -> None:
    """Move tasks from `known` to `out` whose needs can never be done, circles too."""
    titles = {left.experiment: left.title for left in out.values()}
    titles.update({task.experiment: task.title for task in known.values()})
    needs = {task.experiment: task.needs for task in known.values()}
    sound: set[int] = set()
    while more := {n for n, need in needs.items() if n not in sound and sound.issuperset(need)}:
        sound |= more
    for name in [name for name in needs if name not in sound]:
        lost = next(need for need in needs[name] if need not in sound)
        if lost not in titles:
            reason = f"It needs experiment {lost}, which is not among the planned ones."
        elif name in _all_needs(lost, needs):
            reason = f"It needs “{titles[lost]}”, and they wait for each other."
        else:
            reason = f"It needs “{titles[lost]}”, which cannot be scheduled."
        out[name] = LeftOut(name, titles[name], reason)
        del known[name]


def _all_needs(name: int, needs: Mapping[int, Sequence[int]]) -> set[int]:
    """What an experiment needs, directly or not; itself where it stands in a circle."""
    found: set[int] = set()
    left = list(needs.get(name, ()))
    while left:
        need = left.pop()
        if need not in found:
            found.add(need)
            left.extend(needs.get(need, ()))
    return found


def _staffed(task: Task, room: Room) -> bool:
    """Whether there are people and GPUs for it at all."""
    return (
        (room.people > 0 or not task.work)
        and task.gpus <= room.gpus
        and (room.gpu_units is None or task.gpu_units <= room.gpu_units)
    )


def _spot(task: Task, people: Load, gpus: Load, ready: int) -> Placed | None:
    """The earliest place from `ready` on, which is taken; None: too few people or GPUs."""
    work = people.earliest(ready, task.work, 1)
    if work is None:
        return None
    run = gpus.earliest(work + task.work, task.run, task.gpus)
    if run is None:
        return None
    work = work if task.work else run
    people.take(work, task.work, 1)
    gpus.take(run, task.run, task.gpus)
    return Placed(work, run, run + task.run)
