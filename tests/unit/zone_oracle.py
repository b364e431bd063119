#!/usr/bin/python3
"""What Python's zoneinfo says, for t_sys_zone: one line for each moment.

ZONE WALL OFFSET, then start and end of day, week, month and quarter, in
seconds. A period starts at the first moment whose local time is not before its
first midnight.
"""
import datetime
import random
import zoneinfo

UTC = datetime.timezone.utc
ZONES = """UTC Europe/Berlin Europe/London Europe/Dublin America/New_York
America/Sao_Paulo America/St_Johns America/Havana America/Asuncion
America/Santiago America/Nuuk Pacific/Apia Pacific/Auckland Pacific/Chatham
Pacific/Kiritimati Australia/Lord_Howe Australia/Sydney Asia/Kolkata
Asia/Kathmandu Asia/Tehran Asia/Gaza Asia/Beirut Asia/Amman Africa/Cairo
Africa/Casablanca Africa/El_Aaiun Atlantic/Azores Antarctica/Troll
America/Los_Angeles Asia/Tokyo Asia/Manila Asia/Pyongyang Europe/Moscow
Etc/GMT+12 Etc/GMT-14 America/Caracas Africa/Juba EST5EDT""".split()


def local(zone, t):
    when = datetime.datetime.fromtimestamp(t, UTC).astimezone(zone)
    return when.replace(tzinfo=None)


def start_of(zone, midnight):
    guess = int(midnight.replace(tzinfo=zone).timestamp())
    if local(zone, guess) == midnight:
        return guess
    low, high = guess - 90000, guess + 90000    # skipped: when clocks jump
    while high - low > 1:
        mid = (low + high) // 2
        if local(zone, mid) >= midnight:
            high = mid
        else:
            low = mid
    return high


def month_after(d, months):
    n = d.year * 12 + d.month - 1 + months
    return datetime.datetime(n // 12, n % 12 + 1, 1)


def periods(zone, t):
    now = local(zone, t)
    today = datetime.datetime(now.year, now.month, now.day)
    if start_of(zone, today + datetime.timedelta(1)) <= t:
        today += datetime.timedelta(1)          # shown a second time
    week = today - datetime.timedelta(today.weekday())
    month = month_after(today, 0)
    quarter = month_after(today, -((today.month - 1) % 3))
    return [(today, today + datetime.timedelta(1)),
            (week, week + datetime.timedelta(7)),
            (month, month_after(month, 1)),
            (quarter, month_after(quarter, 3))]


def line(name, zone, t):
    offset = datetime.datetime.fromtimestamp(t, zone).utcoffset()
    out = [name, str(t), str(int(offset.total_seconds()))]
    for a, b in periods(zone, t):
        out += [str(start_of(zone, a)), str(start_of(zone, b))]
    print(" ".join(out))


def changes(zone):
    """Moments around each change of the clocks."""
    step = 86400 * 7
    t = 0
    while t < 4102444800:                       # 2100
        low, high = t, t + step
        old = datetime.datetime.fromtimestamp(low, zone).utcoffset()
        if datetime.datetime.fromtimestamp(high, zone).utcoffset() != old:
            while high - low > 1:
                mid = (low + high) // 2
                now = datetime.datetime.fromtimestamp(mid, zone).utcoffset()
                low, high = (mid, high) if now == old else (low, mid)
            yield high
        t += step


def main():
    rand = random.Random(1)
    for name in ZONES:
        zone = zoneinfo.ZoneInfo(name)
        for _ in range(60):
            line(name, zone, rand.randrange(0, 4102444800))
        for t in list(changes(zone))[::4]:
            for off in (-3700, -1, 0, 1, 1800, 3700):
                line(name, zone, t + off)


main()
