"""Judges of lua/prov/zone.lua and cron.lua: writes questions with the answers of Python's zoneinfo
("zones") or of cronsim ("cron"), one a line, for times.lua to answer too."""
import random
import sys
import zoneinfo
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NAIVE = datetime(1970, 1, 1)
LOW, HIGH = -2208988800, 4102444800  # 1900 to 2100


def at(utc, zone):
    return (EPOCH + timedelta(seconds=utc)).astimezone(zone)


def state(utc, zone):
    t = at(utc, zone)
    return int(t.utcoffset().total_seconds()), t.tzname(), int(bool(t.dst()))


def to_utc(local, zone, fold):
    t = (NAIVE + timedelta(seconds=local)).replace(tzinfo=zone, fold=fold)
    return int((t - EPOCH).total_seconds())


def changes(zone, low, high):
    """The instants at which what the clock shows changes."""
    found, step = [], 28 * 86400
    before = state(low, zone)
    for right in range(low + step, high, step):
        after = state(right, zone)
        if after != before:
            a, b = right - step, right
            while b - a > 1:
                middle = (a + b) // 2
                if state(middle, zone) == before:
                    a = middle
                else:
                    b = middle
            found.append(b)
        before = after
    return found


def ask_local(name, zone, local, jump):
    first, second = to_utc(local, zone, 0), to_utc(local, zone, 1)
    if first == second:
        print("local", name, local, "once", first, "-")
    elif first < second:
        print("local", name, local, "twice", first, second)
    else:
        print("local", name, local, "gap", jump, "-")


def zones(rng):
    for name in sorted(zoneinfo.available_timezones()):
        zone = zoneinfo.ZoneInfo(name)
        probes = [rng.randrange(LOW, HIGH) for _ in range(60)]
        jumps = changes(zone, LOW, HIGH)
        for jump in jumps:
            probes += [jump - 1, jump]
        for utc in probes:
            print("utc", name, utc, *state(utc, zone))
        for jump in rng.sample(jumps, min(len(jumps), 12)):
            before, after = state(jump - 1, zone)[0], state(jump, zone)[0]
            for local in (jump + before - 1, jump + before, jump + after - 1, jump + after,
                          jump + (before + after) // 2):
                ask_local(name, zone, local, jump)


def schedule(rng):
    def field(low, high, stars):
        kind = rng.random()
        if kind < stars:
            return rng.choice(["*", "*", "*/%d" % rng.randint(1, high)])
        if kind < stars + (1 - stars) * 0.6:
            return str(rng.randint(low, high))
        a, b = sorted(rng.sample(range(low, high + 1), 2))  # "3-3/7" is 3,10,17... to cronsim
        return rng.choice(["%d,%d" % (b, a), "%d-%d" % (a, b), "%d-%d/%d" % (a, b, rng.randint(1, 7))])
    return " ".join([field(0, 59, 0.2), rng.choice([field(0, 3, 0), field(0, 23, 0.4)]), field(1, 31, 0.7),
                     field(1, 12, 0.8), field(0, 7, 0.6)])


def cron(rng):
    import cronsim
    # Not Australia/Lord_Howe: cronsim steps in whole hours over its change of half an hour. Where the
    # clocks jump over midnight it looks from that midnight on, so jobs with a star go wrong by it.
    at_midnight = ["Africa/Cairo", "America/Santiago", "Asia/Beirut", "America/Sao_Paulo", "Pacific/Apia"]
    others = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Africa/Casablanca"]
    for name in others + at_midnight:
        zone = zoneinfo.ZoneInfo(name)
        jumps = changes(zone, 946684800, 2208988800)
        for _ in range(400):
            text = schedule(rng)
            while name in at_midnight and "*" in text.split()[0][0] + text.split()[1][0]:
                text = schedule(rng)
            start = rng.randrange(946684800, 2208988800) // 60 * 60
            if jumps and rng.random() < 0.7:
                start = rng.choice(jumps) - rng.randrange(0, 200000) // 60 * 60
            runs = []
            try:
                times = cronsim.CronSim(text, at(start, zone))
                while len(runs) < 6:
                    run = int((next(times) - EPOCH).total_seconds())
                    if run > (runs[-1] if runs else start):  # cronsim tells what it joins twice
                        runs.append(run)
            except (cronsim.CronSimError, StopIteration):
                pass
            print("cron", name, start, ",".join(map(str, runs)) or "-", text)


{"zones": zones, "cron": cron}[sys.argv[1]](random.Random(7))
