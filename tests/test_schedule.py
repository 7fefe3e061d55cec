from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from benchmarks.scheduling import brute_force, large_project, small_project
from kb.planning.packing import Load, Room, Task, greedy, working_minutes
from kb.planning.schedule import pack, schedule
from kb.records.planning import Budget, Estimate, Experiment, Gain, Ranked, Schedule, Slot

MONDAY = date(2026, 11, 30)
WEEK = Budget(MONDAY, date(2026, 12, 4), 5, 1, 8.0, 40.0, 1)


def experiment(number: int, **fields: Any) -> Experiment:
    known: dict[str, Any] = {
        "project": "mail", "title": f"E{number}", "hypothesis": "", "candidates": (),
        "retraining": True, "depends_on": (), "gain": None, "gain_reason": "",
        "person_hours": 4.0, "gpu_hours": None, "runs": None, "run_hours": None,
        "threshold": None, "success": "", "status": "planned", "forecast": None, "result": None,
        "note": "", "revision": 1, "created_at": "", "created_by": "", "updated_at": "",
        "updated_by": "",
    }  # fmt: skip
    return Experiment(id=number, **(known | fields))


def ranked(experiments: Sequence[Experiment], gains: Sequence[float | None]) -> list[Ranked]:
    """In the order of the ranking: gain per hour, the unknown last."""
    nothing = Estimate(None, "", (), (), ())
    pairs = sorted(
        zip(experiments, gains, strict=True),
        key=lambda p: -(p[1] / p[0].hours if p[1] is not None and p[0].hours else -99.0),
    )
    return [
        Ranked(
            experiment=one, rank=rank, estimate=nothing,
            gain=None if gain is None else Gain(gain - 1, gain, gain + 1), basis="team",
            hours=one.hours,
            gain_per_hour=gain / one.hours if gain is not None and one.hours else None,
            expected=gain, front=False, first=0.0, ranks=(1, 1),
        )
        for rank, (one, gain) in enumerate(pairs, start=1)
    ]  # fmt: skip


def slots(found: Schedule) -> dict[int, Slot]:
    return {slot.experiment: slot for slot in found.slots}


def reasons(found: Schedule) -> dict[int, str]:
    return {left.experiment: left.reason for left in found.left_out}


# -- the best choice -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_nothing_gains_more_than_the_schedule_of_a_small_project(seed: int) -> None:
    among, room = small_project(seed)
    found = pack(among, room, seconds=5)
    assert found.optimal
    assert found.gain == pytest.approx(brute_force(among, room))
    assert_kept(among, room, found.placed)


def test_greedy_alone_is_not_the_best() -> None:
    # one person, 10 hours: 6 hours for 3.1 come first by gain per hour, and leave no room for
    # 5 + 5 hours for 2.5 each
    work = [experiment(1, person_hours=6.0), experiment(2, person_hours=5.0)]
    work.append(experiment(3, person_hours=5.0))
    found = schedule(ranked(work, [3.1, 2.5, 2.5]), replace(WEEK, working_days=1, hours_a_day=10.0))
    assert set(slots(found)) == {2, 3}
    assert found.optimal
    assert found.gain == pytest.approx(5.0)


def test_two_hundred_experiments_are_kept_within_limits_and_come_out_the_same_each_time() -> None:
    among, room = large_project(3)
    first, again = (pack(among, room, seconds=1) for _ in range(2))
    assert_kept(among, room, first.placed)
    assert first.placed == again.placed
    down_the_ranking = greedy(among, room)
    gain = sum(task.gain for task in among if task.experiment in down_the_ranking)
    assert gain * 1.05 < first.gain <= first.bound


def assert_kept(among: Sequence[Task], room: Room, placed: Any) -> None:
    """Limits, dependencies and the last stretch, checked minute by minute where they can break."""
    chosen = [task for task in among if task.experiment in placed]
    for task in chosen:
        spot = placed[task.experiment]
        assert spot.work >= 0
        assert spot.work + task.work <= spot.run
        assert spot.run + task.run == spot.end <= room.minutes
        assert all(placed[need].end <= spot.work for need in task.needs)
    for moment in {spot.work for spot in placed.values()} | {s.run for s in placed.values()}:
        working = [t for t in chosen if 0 <= moment - placed[t.experiment].work < t.work]
        running = [t for t in chosen if 0 <= moment - placed[t.experiment].run < t.run]
        assert len(working) <= room.people
        assert sum(task.gpus for task in running) <= room.gpus
    if room.gpu_units is not None:
        assert sum(task.gpu_units for task in chosen) <= room.gpu_units
    ids = {task.experiment: task for task in chosen}

    def wanted(name: int) -> bool:
        asking = [t for t in chosen if name in t.needs]
        return any(t.trains or wanted(t.experiment) for t in asking)

    cut = max([0, *(placed[t.experiment].end for t in chosen if t.trains)])
    for name, task in ids.items():
        assert task.trains or wanted(name) or placed[name].work >= cut


# -- time ------------------------------------------------------------------------------------------


def test_training_comes_first_and_the_last_stretch_does_not_train() -> None:
    work = [
        experiment(1, retraining=False, person_hours=2.0),
        experiment(2, person_hours=6.0, runs=2, run_hours=5.0),
        experiment(3, retraining=None, person_hours=3.0),
    ]
    found = schedule(ranked(work, [1.0, 2.0, 0.5]), WEEK)
    # six hours of work, then ten of running, of which at most eight are working hours
    assert [(s.experiment, s.phase, s.start_hour, s.end_hour) for s in found.slots] == [
        (2, "training", 0.0, 14.0),
        (1, "last stretch", 14.0, 16.0),
        (3, "last stretch", 16.0, 19.0),
    ]
    assert slots(found)[2].start == MONDAY
    assert slots(found)[1].start == slots(found)[1].end == date(2026, 12, 1)
    assert slots(found)[3].start == date(2026, 12, 2)
    assert found.last_stretch == date(2026, 12, 1)
    assert found.sentences == (
        "All 3 fit into 5 working days until 4 December 2026: +3.5 in all, if gains add up.",
        "From Tuesday 1 December on nothing trains: the last stretch takes 5 working hours for "
        "2 experiments without training.",
    )


def test_a_run_goes_on_overnight_wherever_in_the_week_it_starts() -> None:
    assert working_minutes(5, 480) == 300
    assert working_minutes(20, 480) == 480
    assert working_minutes(24, 480) == 480
    assert working_minutes(50, 480) == 2 * 480 + 120
    # never less than what lies between any beginning and its end, hour by hour
    for hours in range(1, 60):
        for begin in range(24):
            inside = sum((begin + hour) % 24 < 8 for hour in range(hours))
            assert inside * 60 <= working_minutes(hours, 480)


def test_what_trains_waits_for_what_it_needs_even_where_that_does_not_train() -> None:
    work = [
        experiment(1, retraining=False, person_hours=3.0),
        experiment(2, person_hours=1.0, depends_on=(1,)),
        experiment(3, retraining=False, person_hours=1.0),
    ]
    found = slots(schedule(ranked(work, [0.1, 2.0, 0.1]), WEEK))
    assert (found[1].end_hour, found[2].start_hour, found[3].start_hour) == (3.0, 3.0, 4.0)
    assert found[1].phase == "training"


def test_what_is_needed_may_be_finished() -> None:
    work = [experiment(2, depends_on=(1,))]
    assert set(slots(schedule(ranked(work, [1.0]), WEEK, finished={1}))) == {2}
    found = schedule(ranked(work, [1.0]), WEEK)
    assert reasons(found) == {2: "It needs experiment 1, which is not among the planned ones."}


def test_more_people_work_at_once_and_gpus_are_waited_for() -> None:
    work = [experiment(n, person_hours=1.0, runs=1, run_hours=4.0) for n in (1, 2)]
    one_gpu = slots(schedule(ranked(work, [2.0, 1.0]), replace(WEEK, people=2)))
    assert [(one_gpu[n].start_hour, one_gpu[n].end_hour) for n in (1, 2)] == [(0, 5), (0, 9)]
    two = slots(schedule(ranked(work, [2.0, 1.0]), replace(WEEK, people=2, gpus=2)))
    assert [(two[n].start_hour, two[n].end_hour) for n in (1, 2)] == [(0, 5), (0, 5)]


def test_the_better_gain_per_hour_comes_earlier() -> None:
    work = [experiment(n, person_hours=4.0) for n in (1, 2, 3)]
    found = slots(schedule(ranked(work, [1.0, 3.0, 2.0]), WEEK))
    assert sorted(found, key=lambda n: found[n].start_hour) == [2, 3, 1]


def test_running_experiments_keep_their_place_even_without_a_known_gain() -> None:
    work = [
        experiment(1, status="running", person_hours=6.0),
        experiment(2, person_hours=8.0),
        experiment(3, status="dropped"),
    ]
    found = schedule(ranked(work, [None, 9.0, 9.0]), replace(WEEK, working_days=1))
    assert [(s.experiment, s.start_hour) for s in found.slots] == [(1, 0.0)]
    assert set(reasons(found)) == {2}
    late = schedule(ranked(work[:1], [None]), replace(WEEK, working_days=0))
    assert reasons(late) == {1: "It is running, and needs 6 working hours; 0 are left."}


# -- why not, and what more time would add ---------------------------------------------------------


def test_the_cut_line_names_the_next_best_and_what_two_days_would_add() -> None:
    work = [experiment(n, person_hours=8.0, retraining=False) for n in (1, 2, 3, 4)]
    found = schedule(ranked(work, [4.0, 3.0, 2.0, 1.0]), replace(WEEK, working_days=1))
    assert found.sentences == (
        "1 of 4 experiments fits into 1 working day until 4 December 2026: +4 in all, "
        "if gains add up.",
        "Next best is “E2” (+3). It needs 8 hours of people's work; 0 are left beside the others.",
        "Two more working days would add “E2” and “E3”: +5.",
    )
    assert [left.experiment for left in found.left_out] == [2, 3, 4]


def test_a_training_without_a_known_running_time_is_said() -> None:
    found = schedule(ranked([experiment(1), experiment(2, gpu_hours=1.0)], [1.0, 1.0]), WEEK)
    assert found.sentences[1:] == (
        "No running time is known of “E1”: state runs and hours of one.",
    )


def test_when_nothing_fits_the_shortest_is_named() -> None:
    work = [experiment(1, person_hours=14.0), experiment(2, person_hours=30.0)]
    found = schedule(ranked(work, [1.0, 9.0]), replace(WEEK, working_days=1, hours_a_day=9.0))
    assert found.slots == ()
    assert found.sentences == (
        "Nothing fits: the shortest, “E1”, needs 14 working hours, 9 are left.",
        "Two more working days would add “E1”: +1.",
    )
    assert found.last_stretch is None


def test_a_deadline_that_has_passed_is_said() -> None:
    found = schedule(ranked([experiment(1)], [1.0]), replace(WEEK, working_days=0))
    assert found.sentences == (
        "Nothing fits: the deadline 2026-12-04 has passed. State a later deadline, or days.",
    )
    empty = schedule([], WEEK)
    assert empty.sentences == ("There are no experiments to schedule.",)


def test_each_reason_says_what_is_short() -> None:
    work = [
        experiment(1, gpu_hours=50.0),
        experiment(2, gpu_hours=16.0, runs=1, run_hours=4.0),
        experiment(3, gpu_hours=30.0),
        experiment(4, gpu_hours=20.0),
        experiment(5, person_hours=None),
        experiment(6),
        experiment(7, depends_on=(5,)),
        experiment(8),
        experiment(9, depends_on=(3,)),
        experiment(10, person_hours=60.0),
        experiment(11, depends_on=(12,)),
        experiment(12, depends_on=(11,)),
        experiment(13, depends_on=(7,)),
    ]
    gains = [9.0, 9.0, 1.0, 9.0, 9.0, None, 9.0, -1.0, 0.1, 9.0, 1.0, 1.0, 1.0]
    found = schedule(ranked(work, gains), WEEK)
    assert set(slots(found)) == {4}
    assert reasons(found) == {
        1: "It needs 50 GPU hours; 40 are left.",
        2: "It needs 4 GPUs at once; there is 1.",
        3: "It needs 30 GPU hours; 20 are left beside the others.",
        5: "Its hours are not known: state the people's hours and those of its runs.",
        6: "Its gain is not known: state one, or tag an effect on the project's metric.",
        7: "It needs “E5”, which cannot be scheduled.",
        8: "No gain is expected of it.",
        9: "It needs “E3”, which is left out too.",
        10: "It needs 60 working hours; 40 are left.",
        11: "It needs “E12”, and they wait for each other.",
        12: "It needs “E11”, and they wait for each other.",
        13: "It needs “E7”, which cannot be scheduled.",
    }


def test_without_people_or_gpus_nothing_that_needs_them_fits() -> None:
    work = [experiment(1), experiment(2, person_hours=0.0, gpu_hours=3.0)]
    found = schedule(ranked(work, [1.0, 1.0]), replace(WEEK, people=0, gpus=0))
    assert reasons(found) == {
        1: "It needs people, and there are none.",
        2: "It needs 1 GPU at once; there are 0.",
    }


def test_a_needed_experiment_is_taken_though_it_costs() -> None:
    work = [experiment(1), experiment(2, depends_on=(1,)), experiment(3, depends_on=(1,))]
    found = schedule(ranked(work, [-1.0, 3.0, 0.0]), WEEK)
    assert set(slots(found)) == {1, 2}
    assert found.gain == pytest.approx(2.0)
    not_worth_it = schedule(ranked(work[:2], [-4.0, 3.0]), WEEK)
    assert not_worth_it.slots == ()
    two = [*work[:2], experiment(3, depends_on=(1,))]
    assert set(slots(schedule(ranked(two, [-4.0, 3.0, 2.0]), WEEK))) == {1, 2, 3}


def test_a_load_finds_the_first_gap_that_is_long_enough() -> None:
    load = Load(2)
    load.take(0, 10, 1)
    load.take(4, 2, 1)
    assert load.earliest(0, 4, 1) == 0
    assert load.earliest(0, 5, 1) == 6
    assert load.earliest(2, 1, 2) == 10
    assert load.earliest(3, 0, 2) == 3
    assert load.earliest(0, 1, 3) is None
