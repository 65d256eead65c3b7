"""Reads the calendar of each world with icalendar and recurring-ical-events, and prints its events as a line of JSON."""

import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import icalendar
import recurring_ical_events


def describe(event):
    return {
        "uid": str(event["UID"]),
        "start": int(event["DTSTART"].dt.timestamp()),
        "end": int(event["DTEND"].dt.timestamp()),
        "sequence": int(event["SEQUENCE"]),
        "status": str(event["STATUS"]),
        "title": str(event["SUMMARY"]),
    }


def in_order(events):
    return sorted((describe(event) for event in events), key=lambda event: (event["start"], event["uid"]))


for world in sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir()):
    content = (world / "maintenance.ics").read_bytes()
    calendar = icalendar.Calendar.from_ical(content)
    events = [component for component in calendar.subcomponents if component.name == "VEVENT"]
    problems = [str(error) for component in [calendar, *events] for error in component.errors]
    try:
        calendar.validate()
    except icalendar.IncompleteComponent as error:
        problems.append(str(error))
    problems += [line.decode() for line in content.split(b"\r\n") if b"\r" in line or b"\n" in line]
    problems += [str(event["DTSTART"].dt) for event in events if event["DTSTART"].dt.utcoffset() != timedelta(0)]
    problems += [str(event["TRANSP"]) for event in events if str(event["TRANSP"]) != "TRANSPARENT"]
    first, last = datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2028, 1, 1, tzinfo=timezone.utc)
    recurring = recurring_ical_events.of(calendar).between(first, last)
    print(json.dumps({"events": in_order(events), "recurring": in_order(recurring), "problems": problems}))
