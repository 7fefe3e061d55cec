"""Knows which experiments to do with what is left until the deadline, and when each is done.

It refuses to promise: gains are added up to choose between experiments, not to forecast their sum.
Chosen and placed by OR-tools' CP-SAT; docs/scheduling.md says how.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from kb.planning.cut_line import Answers, Packed, told
from kb.planning.packing import (
    Order,
    Placed,
    Room,
    Task,
    before_training,
    greedy,
    place,
    reachable,
    room,
    tasks,
)
from kb.records.planning import Budget, Ranked, Schedule

GAIN_STEPS = 1_000_000
"""Gains are compared to a millionth of the largest."""

WORK_A_SECOND = 0.12
"""Units of the solver's own clock that are granted for a second. That clock counts operations, so
that the answer does not depend on the machine's load."""

CHOOSING, PLACING, WITH_MORE_DAYS = 0.5, 0.2, 0.3
"""Of the seconds, for each of the three questions that are solved."""

PATIENCE = 2.0
"""Times the seconds that are waited on a slower or busy machine, where answers may differ."""

FIRST = 0.4
"""Of the seconds of a choice, for first answers."""

VOLUMES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7)
"""Shares of the hours that are planned in the first answers."""

ROUGHLY = 0.003
"""Share of the gain that the first answers may miss."""

PARTS = 100
"""Shares are counted in hundredths."""

ORDERS: tuple[Order | None, ...] = (
    None,  # as ranked
    lambda task: (-task.gpus, -task.run),
    lambda task: (-task.run, task.work),
)
"""In which the first answers are placed."""

MORE_DAYS = 2
"""Working days that are added to ask what they would bring."""


def schedule(
    ranked: Sequence[Ranked],
    budget: Budget,
    *,
    finished: Collection[int] = (),
    seconds: float = 5.0,
) -> Schedule:
    """The experiments that gain most in what is left, the training ones first.

    `finished`: ids of experiments that are done, whose dependents need not wait. Takes about
    `seconds` at most, and gives the same answer each time. Slots stand by beginning, the next best
    first among what is left out.
    """
    possible, out = tasks(ranked, budget, finished)
    space, wider = room(budget), room(budget, more_days=MORE_DAYS)
    now = pack(possible, space, seconds=seconds * CHOOSING)
    now = _earlier(possible, space, now, seconds * PLACING)
    later = pack(possible, wider, seconds=seconds * WITH_MORE_DAYS, known=now.placed)
    answers = Answers(now, later, MORE_DAYS)
    return told(ranked, possible, out, budget=budget, answers=answers)


def pack(
    among: Sequence[Task],
    room: Room,
    *,
    seconds: float,
    known: Mapping[int, Placed] | None = None,
) -> Packed:
    """The tasks that gain most together in `room`; never less than going down the ranking does.

    What runs keeps its place at the beginning, as far as it fits. Equal gains go to what stands
    higher in the ranking. `known`: an answer for less room, where there is one.
    """
    fixed = greedy([task for task in among if task.running], room)
    left = reachable([t for t in among if not t.running or t.experiment in fixed], room)
    hints = [greedy(left, room)]
    if known is not None and fixed.items() <= known.items():
        hints.append(dict(known))
    if any(task.experiment not in hints[0] for task in left if task.gain > 0):
        hints.extend(_by_volume(left, room, fixed, seconds))
    best = max(hints, key=lambda hint: _gain(left, hint))
    if all((task.experiment in best) == (task.gain > 0) for task in left if not task.running):
        gain = _gain(left, best)
        return Packed(best, gain, gain, optimal=True)
    choice = _Choice(left, room)
    choice.gain_most()
    calendar = _Calendar(choice, fixed)
    placed, bound, optimal = calendar.solved(best, seconds * (1 - FIRST))
    if _gain(left, placed) < _gain(left, best):
        placed = best
    gain = _gain(left, placed)
    return Packed(placed, gain, gain if optimal else max(bound, gain), optimal=optimal)


def _by_volume(
    among: Sequence[Task], room: Room, fixed: Mapping[int, Placed], seconds: float
) -> Iterator[dict[int, Placed]]:
    """Good first answers: chosen as if only hours counted, then placed; what still fits is added.

    The fewer of the hours may be planned, the more easily all of it can be placed.
    """
    for share in VOLUMES:
        choice = _Choice(among, room, share=share)
        choice.gain_most()
        solver, _ = choice.solved(seconds * FIRST / len(VOLUMES), roughly=True)
        chosen = [
            t for t in among if solver is not None and solver.value(choice.taken[t.experiment])
        ]
        for order in ORDERS:
            if place(chosen, room, order=order) is not None:
                yield greedy(among, room, chosen=chosen, order=order)


def _earlier(among: Sequence[Task], room: Room, packed: Packed, seconds: float) -> Packed:
    """The same tasks, each as early as it goes, the better gain per hour before the others."""
    chosen = [task for task in among if task.experiment in packed.placed]
    hint = place(chosen, room) or packed.placed
    fixed = {task.experiment: hint[task.experiment] for task in chosen if task.running}
    if len(chosen) == len(fixed):
        return replace(packed, placed=hint)
    choice = _Choice(chosen, room)
    calendar = _Calendar(choice, fixed)
    calendar.take_all_early()
    placed, _, _ = calendar.solved(hint, seconds)
    return replace(packed, placed=placed or hint)


def _gain(among: Sequence[Task], placed: Mapping[int, Placed]) -> float:
    return sum(task.gain for task in among if task.experiment in placed)


class _Choice:
    """A constraint model of what is chosen: all that can be said of it without asking when."""

    def __init__(self, among: Sequence[Task], room: Room, *, share: float = 1.0) -> None:
        """`share` of people's and GPUs' hours may be planned."""
        from ortools.sat.python import cp_model

        self.model = cp_model.CpModel()
        self.among = {task.experiment: task for task in among}
        self.room = room
        self.taken = {name: self.model.new_bool_var(f"take {name}") for name in self.among}
        self.cut = self.model.new_int_var(0, room.minutes, "cut")  # from here on nothing trains
        self.unit = 1.0  # of the objective, in gain
        self.early = before_training(self.among)
        for name, task in self.among.items():
            if task.running:
                self.model.add(self.taken[name] == 1)
            for need in task.needs:
                self.model.add_implication(self.taken[name], self.taken[need])
        self._limit(share)

    def _limit(self, share: float) -> None:
        """GPU hours, and the hours of people and GPUs: in all, before the cut, and after it."""
        add, room, cut, all_of_it = self.model.add, self.room, self.cut, self.room.minutes
        people, gpus = (math.floor(n * share * PARTS) for n in (room.people, room.gpus))
        add(PARTS * self._hours("work") <= people * all_of_it)
        add(PARTS * self._hours("gpu") <= gpus * all_of_it)
        add(PARTS * self._hours("work", trains=True) <= people * cut)
        add(PARTS * self._hours("gpu", trains=True) <= gpus * cut)
        add(PARTS * self._hours("work", trains=False) <= people * (all_of_it - cut))
        add(PARTS * self._hours("gpu", trains=False) <= gpus * (all_of_it - cut))
        if room.gpu_units is not None:
            tasks = self.among.values()
            add(sum(t.gpu_units * self.taken[t.experiment] for t in tasks) <= room.gpu_units)

    def _hours(self, kind: Literal["work", "gpu"], *, trains: bool | None = None) -> Any:
        """Minutes of all chosen, of those that train, or of those that must come after the cut."""
        return sum(
            (task.work if kind == "work" else task.run * task.gpus) * self.taken[name]
            for name, task in self.among.items()
            if trains is None
            or (task.trains if trains else not (task.trains or task.running or name in self.early))
        )

    def gain_most(self) -> None:
        """Seek the most gain; of equal gains, what stands higher in the ranking."""
        largest = max(abs(task.gain) for task in self.among.values())
        last = len(self.among)
        finer = last * (last + 1) // 2 + 1  # more than all ranks together
        self.unit = largest / GAIN_STEPS / finer
        terms = []
        for above, (name, task) in enumerate(self.among.items()):
            steps = round(task.gain / largest * GAIN_STEPS) * finer
            terms.append((steps + (last - above if task.gain > 0 else 0)) * self.taken[name])
            if task.gain <= 0 and not task.running:
                asking = [self.taken[o] for o, t in self.among.items() if name in t.needs]
                self.model.add_bool_or([~self.taken[name], *asking])
        self.model.maximize(sum(terms))

    def solved(self, seconds: float, *, roughly: bool = False) -> tuple[Any, bool]:
        """The solver with its answer, or None where it found none, and whether it is the best.

        `roughly`: an answer within `ROUGHLY` of the best will do.
        """
        from ortools.sat.python import cp_model

        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.interleave_search = not roughly
        solver.parameters.relative_gap_limit = ROUGHLY if roughly else 0.0
        solver.parameters.random_seed = 0
        solver.parameters.max_deterministic_time = seconds * WORK_A_SECOND
        solver.parameters.max_time_in_seconds = seconds * PATIENCE
        status = solver.solve(self.model)
        found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
        return (solver if found else None), status == cp_model.OPTIMAL


class _Calendar:
    """When the chosen are worked on and run: one optional piece of work, one optional run each."""

    def __init__(self, choice: _Choice, fixed: Mapping[int, Placed]) -> None:
        """`fixed`: what runs already, at its place."""
        self.choice = choice
        self.model = choice.model
        self.work: dict[int, Any] = {}
        self.run: dict[int, Any] = {}
        self.end: dict[int, Any] = {}
        for name, task in choice.among.items():
            if name in fixed:
                spot = fixed[name]
                self.work[name], self.run[name], self.end[name] = spot.work, spot.run, spot.end
            else:
                self._add(name, task)
        self._limit()
        self._order()

    def _add(self, name: int, task: Task) -> None:
        last = self.choice.room.minutes
        self.work[name] = work = self.model.new_int_var(0, last, f"work {name}")
        self.run[name] = work + task.work
        if task.run and task.work:
            self.run[name] = self.model.new_int_var(0, last, f"run {name}")
            self.model.add(self.run[name] >= work + task.work)
        self.end[name] = self.run[name] + task.run
        self.model.add(self.end[name] <= last).only_enforce_if(self.choice.taken[name])

    def _limit(self) -> None:
        """People and GPUs at each moment."""
        room, among = self.choice.room, self.choice.among
        working = [name for name, task in among.items() if task.work]
        running = [name for name, task in among.items() if task.run and task.gpus]
        spans = [self._span(self.work[name], among[name].work, name) for name in working]
        self.model.add_cumulative(spans, [1] * len(spans), room.people)
        spans = [self._span(self.run[name], among[name].run, name) for name in running]
        self.model.add_cumulative(spans, [among[name].gpus for name in running], room.gpus)

    def _span(self, begin: Any, length: int, name: int) -> Any:
        make = self.model.new_optional_fixed_size_interval_var
        return make(begin, length, self.choice.taken[name], f"{name}")

    def _order(self) -> None:
        """Needs before what needs them; trainings before the cut, the others after it."""
        add, taken, cut = self.model.add, self.choice.taken, self.choice.cut
        for name, task in self.choice.among.items():
            for need in task.needs:
                add(self.work[name] >= self.end[need]).only_enforce_if(taken[name])
            if task.trains:
                add(self.end[name] <= cut).only_enforce_if(taken[name])
            elif not task.running:
                untrained = [~taken[other] for other in self.choice.early.get(name, ())]
                add(self.work[name] >= cut).only_enforce_if(taken[name], *untrained)

    def take_all_early(self) -> None:
        """Take every task, and seek early ends, those with more gain per hour before the others."""
        for taken in self.choice.taken.values():
            self.model.add(taken == 1)
        last = len(self.end)
        self.model.minimize(sum((last - at) * end for at, end in enumerate(self.end.values())))

    def solved(
        self, hint: Mapping[int, Placed], seconds: float
    ) -> tuple[dict[int, Placed], float, bool]:
        """Where the chosen go, a bound of their gain, and whether they are proven the best."""
        self._hint(hint)
        solver, optimal = self.choice.solved(seconds)
        if solver is None:
            return {}, math.inf, False
        placed = {
            name: Placed(*(solver.value(at[name]) for at in (self.work, self.run, self.end)))
            for name, taken in self.choice.taken.items()
            if solver.value(taken)
        }
        return placed, solver.best_objective_bound * self.choice.unit, optimal

    def _hint(self, hint: Mapping[int, Placed]) -> None:
        """Begin with an answer; the solver takes it over only where every variable is named."""
        for name, task in self.choice.among.items():
            self.model.add_hint(self.choice.taken[name], name in hint)
            if isinstance(self.work[name], int):
                continue
            spot = hint.get(name, Placed(0, task.work, task.length))
            self.model.add_hint(self.work[name], spot.work)
            if task.work and task.run:
                self.model.add_hint(self.run[name], spot.run)
        ends = [
            hint[name].end for name, t in self.choice.among.items() if t.trains and name in hint
        ]
        self.model.add_hint(self.choice.cut, max(ends, default=0))
