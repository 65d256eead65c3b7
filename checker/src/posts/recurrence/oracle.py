"""Expands recurrences with python-dateutil and zoneinfo, for comparison with the checker.

`oracle.py expand` reads one case per line as JSON, and prints its windows or an error.
`oracle.py transitions ZONE...` prints local times around all changes of the clocks from 2024 to 2030, with their UTC time.
"""

import datetime
import json
import sys
from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

WINDOWS_LIMIT = 2000
# Rules that never fire are searched until this year.
datetime.MAXYEAR = 2033


def to_utc(local, zone):
    """Converts a local time. `fold=0` selects the first of two equal ones, and moves a missing one on by the gap."""
    return int(local.replace(tzinfo=zone, fold=0).timestamp())


def split_until(rule):
    """Returns the rule without UNTIL, which means a whole local day, a local time or a UTC time."""
    parts = [part for part in rule.split(";") if not part.startswith("UNTIL=")]
    until = [part[len("UNTIL=") :] for part in rule.split(";") if part.startswith("UNTIL=")]
    return ";".join(parts), until[0] if until else None


def is_before_end(local, until, zone):
    if not until:
        return True
    if until.endswith("Z"):
        end = datetime.datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        return to_utc(local, zone) <= end.timestamp()
    if "T" in until:
        return local <= datetime.datetime.strptime(until, "%Y%m%dT%H%M%S")
    return local.date() <= datetime.datetime.strptime(until, "%Y%m%d").date()


def local_times(case, zone):
    """Yields the local starts until a few days after the horizon."""
    start = datetime.datetime.fromisoformat(case["start"])
    last = datetime.datetime.fromtimestamp(case["horizon"], zone).replace(tzinfo=None) + timedelta(days=2)
    if not case["rule"]:
        yield start
        return
    rule, until = split_until(case["rule"])
    try:
        occurrences = rrulestr(rule, dtstart=start)
    except ValueError as error:
        # Hours that an interval never reaches.
        if "empty set" in str(error):
            return
        raise
    for local in occurrences:
        if local > last or not is_before_end(local, until, zone):
            return
        yield local


def expand(case):
    zone = ZoneInfo(case["zone"])
    every = list(local_times(case, zone))
    horizon_date = datetime.datetime.fromtimestamp(case["horizon"], zone).date()
    dates = {local.date() for local in every}
    starts = {to_utc(local, zone) for local in every if str(local.date()) not in case["except"]}
    starts = sorted(start for start in starts if start <= case["horizon"])
    if len(starts) > WINDOWS_LIMIT:
        return "too many"
    if any(later < earlier + case["length"] for earlier, later in zip(starts, starts[1:])):
        return "overlap"
    excepted = [datetime.date.fromisoformat(date) for date in case["except"]]
    if any(date <= horizon_date and date not in dates for date in excepted):
        return "nothing excepted"
    if not starts:
        return "no window"
    return [[start, start + case["length"]] for start in starts]


def transitions(name):
    """Returns local times around all changes of a zone's clocks, in steps of 15 minutes."""
    zone = ZoneInfo(name)

    def offset(moment):
        return datetime.datetime.fromtimestamp(moment, zone).utcoffset()

    begin = int(datetime.datetime(2024, 1, 1, tzinfo=timezone.utc).timestamp())
    end = int(datetime.datetime(2031, 1, 1, tzinfo=timezone.utc).timestamp())
    step = 6 * 3600
    changes = 0
    cases = set()
    for moment in range(begin, end, step):
        low, high = moment, moment + step
        if offset(low) == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
        changes += 1
        for wall in (low, high):
            local = datetime.datetime.fromtimestamp(wall, zone).replace(tzinfo=None, second=0)
            local = local.replace(minute=local.minute // 15 * 15)
            cases.update(local + timedelta(minutes=15 * quarter) for quarter in range(-16, 17))
    found = [[local.strftime("%Y-%m-%d %H:%M"), to_utc(local, zone)] for local in sorted(cases)]
    return {"zone": name, "changes": changes, "cases": found}


if sys.argv[1] == "expand":
    for line in sys.stdin:
        print(json.dumps(expand(json.loads(line))))
else:
    for name in sys.argv[2:]:
        print(json.dumps(transitions(name)))
