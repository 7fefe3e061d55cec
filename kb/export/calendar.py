"""A plan's schedule as iCalendar (RFC 5545): an event of whole days for each experiment.

It knows calendars. When an experiment is worked on is the schedule's business.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from icalendar import Calendar, Event

from kb.errors import UsageError
from kb.export import visible
from kb.export.tables import names_of
from kb.records import Plan, Schedule, Slot


def calendar(plan: Plan) -> bytes:
    """The calendar; importing it again changes its events and doubles none.

    UsageError where there is no schedule.
    """
    if plan.schedule is None:
        raise UsageError(
            f"“{plan.project.name}” has no schedule, since its brief does not say how much time "
            "there is. Say it: kb project edit NAME --set deadline=2027-01-31 --set people=2 "
            "--set hours_a_week=20"
        )
    made = Calendar()
    made.add("prodid", "-//kb//plan//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("x-wr-calname", visible(plan.project.name))
    uids = {experiment.id: experiment.uid for experiment in plan.experiments}
    for slot in plan.schedule.slots:
        made.add_component(_event(plan, uids[slot.experiment], slot))
    for name, (day, summary) in _days(plan, plan.schedule).items():
        made.add_component(_marked_day(plan, name, day, summary))
    written: bytes = made.to_ical()
    return written


def _event(plan: Plan, uid: str, slot: Slot) -> Event:
    by_id = {experiment.id: experiment for experiment in plan.experiments}
    experiment = by_id[slot.experiment]
    unit = str(plan.project.brief.get("unit") or "")
    lines = [
        experiment.hypothesis,
        f"Tries: {', '.join(names_of(plan, experiment.candidates))}",
        f"Cost: {slot.person_hours:g} hours of work, {slot.gpu_hours:g} GPU-hours",
        f"Expected gain: {slot.gain:g} {unit}".strip(),
        f"Success: {experiment.success}" if experiment.success else "",
    ]
    event = _whole_days(plan, uid, slot.start, slot.end)
    event.add("summary", visible(slot.title))
    event.add("description", "\n".join(filter(None, map(visible, lines))))
    event.add("categories", [slot.phase])
    return event


def _days(plan: Plan, schedule: Schedule) -> dict[str, tuple[date, str]]:
    """The days that bound the plan: name → (day, what to write)."""
    name = visible(plan.project.name)
    found = {
        "last-stretch": (schedule.last_stretch, f"{name}: nothing trains from here on"),
        "deadline": (schedule.budget.deadline, f"{name}: deadline"),
    }
    return {key: (day, text) for key, (day, text) in found.items() if day is not None}


def _marked_day(plan: Plan, name: str, day: date, summary: str) -> Event:
    event = _whole_days(plan, f"{plan.project.uid}-{name}", day, day)
    event.add("summary", summary)
    return event


def _whole_days(plan: Plan, uid: str, first: date, last: date) -> Event:
    """An event over both days and those between; it does not block the days for meetings."""
    event = Event()
    event.add("uid", f"{uid}@kb")
    event.add("dtstamp", datetime.fromisoformat(plan.made_at).astimezone(UTC))
    event.add("dtstart", first)
    event.add("dtend", last + timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    return event
