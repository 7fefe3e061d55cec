"""Is the schedule the best there is, and how long does it take?

    python -m benchmarks.scheduling [--small N] [--large N] [--seconds S]

Small projects are compared with every possible schedule; large ones of 200 experiments with going
down the ranking (`greedy`) and with the solver's own bound. Prints Markdown.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from itertools import combinations

from kb.planning.packing import Room, Task, before_training, gpu_units, greedy, needed_by
from kb.planning.schedule import pack

HOUR = 60


def random_tasks(
    count: int, seed: int, *, longest: int, needing: float = 0.25, gpus: int = 2, least: float = 0.1
) -> list[Task]:
    """Tasks in the order of their gain per hour; whole hours up to `longest` for work and runs."""
    dice = random.Random(seed)
    drawn = []
    for number in range(count):
        trains = dice.random() < 0.6
        work = dice.randint(0 if trains else 1, longest)
        run = dice.randint(1, longest) if trains else 0
        at_once = dice.choice([1, 1, 1, gpus]) if run else 0
        gain = round(dice.uniform(least, 3.0), 1)
        drawn.append((gain / (work + run), number, trains, work, run, at_once, gain))
    drawn.sort(reverse=True)
    made: list[Task] = []
    for above, (_, number, trains, work, run, at_once, gain) in enumerate(drawn):
        # what stands later in the drawing may need what stands earlier: no circles
        earlier = [other for _, other, *_ in drawn if other < number]
        needs = (dice.choice(earlier),) if earlier and dice.random() < needing else ()
        made.append(
            Task(
                experiment=number, title=f"E{number}", place=above, gain=gain, work=work * HOUR,
                run=run * HOUR, gpus=at_once, gpu_units=at_once * run, trains=trains,
                needs=needs, running=False,
            )
        )  # fmt: skip
    return made


def brute_force(among: Sequence[Task], room: Room) -> float:
    """The most gain of all subsets that can be placed, trying every whole hour for each piece."""
    subsets = [
        chosen
        for size in range(len(among) + 1)
        for chosen in combinations(among, size)
        if _closed(chosen) and (room.gpu_units is None or gpu_units(chosen) <= room.gpu_units)
    ]
    subsets.sort(key=lambda chosen: -sum(task.gain for task in chosen))
    return next(sum(t.gain for t in chosen) for chosen in subsets if _placeable(chosen, room))


def _closed(chosen: Sequence[Task]) -> bool:
    ids = {task.experiment for task in chosen}
    return all(need in ids for task in chosen for need in task.needs)


def _placeable(chosen: Sequence[Task], room: Room) -> bool:
    """Whether any whole hours exist: trainings and what they need first, then the others."""
    among = {task.experiment: task for task in chosen}
    early = {*(t.experiment for t in chosen if t.trains), *before_training(among)}
    order: list[Task] = []
    for task in sorted(chosen, key=lambda task: task.experiment not in early):
        order.extend(one for one in needed_by(task, among) if one not in order)
    hours = room.minutes // HOUR
    people, gpus = [0] * hours, [0] * hours
    ends: dict[int, int] = {}

    def fits(at: int) -> bool:
        if at == len(order):
            return True
        task = order[at]
        after = max([0, *(ends[need] for need in task.needs)])
        if task.experiment not in early:
            after = max([after, *(ends[t.experiment] for t in order[:at] if t.trains)])
        for work, run in _moments(task, after, hours):
            worked = range(work, work + task.work // HOUR)
            runs = range(run, run + task.run // HOUR)
            if any(people[hour] + 1 > room.people for hour in worked):
                continue
            if any(gpus[hour] + task.gpus > room.gpus for hour in runs):
                continue
            for hour in worked:
                people[hour] += 1
            for hour in runs:
                gpus[hour] += task.gpus
            ends[task.experiment] = run + len(runs)
            found = fits(at + 1)
            for hour in worked:
                people[hour] -= 1
            for hour in runs:
                gpus[hour] -= task.gpus
            if found:
                return True
        return False

    busy = sum(task.work for task in chosen) <= room.people * room.minutes
    return busy and fits(0)


def _moments(task: Task, after: int, hours: int) -> Iterator[tuple[int, int]]:
    work, run = task.work // HOUR, task.run // HOUR
    for start in range(after, hours - work - run + 1):
        last = hours - run if work and run else start + work
        for begin in range(start + work, last + 1):
            yield start, begin


def small(count: int, seconds: float) -> None:
    """Random small projects against every possible schedule."""
    same, proven, worse = 0, 0, []
    for seed in range(count):
        among, room = small_project(seed)
        best = brute_force(among, room)
        packed = pack(among, room, seconds=seconds)
        same += abs(packed.gain - best) < 1e-6
        proven += packed.optimal
        taken = greedy(among, room)
        worse.append(sum(t.gain for t in among if t.experiment in taken) < best - 1e-6)
    print(f"{same} of {count} as good as the best of all, {proven} proven;", end=" ")
    print(f"greedy misses the best in {sum(worse)}.")


def small_project(seed: int) -> tuple[list[Task], Room]:
    """Four or five tasks of a few hours each, and room for some of them."""
    dice = random.Random(seed)
    among = random_tasks(dice.choice([4, 5]), seed, longest=3, least=-0.5)
    return among, Room(
        minutes=dice.randint(2, 8) * HOUR,
        people=dice.choice([1, 1, 2]),
        gpus=dice.choice([1, 2]),
        gpu_units=dice.choice([None, 4, 8]),
    )


def large_project(seed: int, *, count: int = 200) -> tuple[list[Task], Room]:
    """200 experiments of up to two days, and room for a part of them: four weeks, three people."""
    among = random_tasks(count, seed, longest=16)
    return among, Room(minutes=20 * 8 * HOUR, people=3, gpus=4, gpu_units=600)


def large(count: int, seconds: float) -> None:
    """Random projects of 200 experiments: against greedy and the solver's bound."""
    print("| project | greedy | schedule | more | of the bound | proven | seconds | greedy's |")
    print("|---|---|---|---|---|---|---|---|")
    for seed in range(count):
        among, room = large_project(seed)
        begun = time.perf_counter()
        taken = greedy(among, room)
        alone = time.perf_counter() - begun
        first = sum(task.gain for task in among if task.experiment in taken)
        begun = time.perf_counter()
        packed = pack(among, room, seconds=seconds)
        took = time.perf_counter() - begun
        print(
            f"| {seed} | {first:.1f} | {packed.gain:.1f} | {packed.gain / first - 1:+.1%} "
            f"| {packed.gain / packed.bound:.1%} | {packed.optimal} | {took:.1f} | {alone:.2f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=300)
    parser.add_argument("--large", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.5)
    asked = parser.parse_args()
    small(asked.small, asked.seconds)
    large(asked.large, asked.seconds)


if __name__ == "__main__":
    main()
