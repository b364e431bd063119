#!/usr/bin/python3
"""Fails every fault point of the scenarios in turn, and sees what is left.

usage: tests/fault/torture.py [--build DIR] [--scenarios N] [--points N]
                              [--jobs N] [WORD ...]

Each scenario of tests/flow (or those whose name has one of the WORDs) runs
once to count how often it passes each fault point (base/fault.h); then again
for each point failing at its n-th passing, once and from then on. Whatever
fails, the request must end with a well-formed answer that is complete or says
that it is not, or with a closed door; nothing may leak, and no sanitizer may
find anything. More passings than --points are thinned evenly, 0 thins none.
A fault that does not happen is a failure too. Points named kill.* end the
process (tests/live/test_ledger_kill.py). Prints TAP, one line per
scenario: how many faults were survived, of how many that are possible.
"""
import argparse
import collections
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
# Faults that last once they have happened; a single one cannot be.
LASTING = {'shm.claim'}
RUN_SECONDS = 300
# Specifications handed to one process.
BATCH = 400


def environment(**more):
    env = dict(os.environ, **more)
    env.setdefault('ASAN_OPTIONS', 'detect_leaks=1')
    env.setdefault('UBSAN_OPTIONS', 'print_stacktrace=1')
    return env


def count_points(program, path):
    """[(point, passings)] of one run without faults."""
    with tempfile.NamedTemporaryFile(mode='r') as f:
        p = subprocess.run([program, path], text=True, errors='replace',
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           env=environment(LLMGW_FAULT_COUNT=f.name),
                           timeout=RUN_SECONDS)
        if p.returncode:
            return None, p.stdout
        lines = [line.split() for line in f.read().splitlines()]
    return [(name, int(n)) for name, n in lines if int(n) > 0], ''


def thinned(items, most):
    """At most so many, evenly spread, the first and the last among them."""
    if not most or len(items) <= most:
        return items
    if most == 1:
        return items[:1]
    step = (len(items) - 1) / (most - 1)
    return [items[round(i * step)] for i in range(most)]


def specifications(points, most):
    """Every point gets its share of `most`, rare ones all they have."""
    specs = []
    for name, passings in points:
        if name.startswith('kill.'):
            continue
        for n in range(1, passings + 1):
            if name not in LASTING:
                specs.append('%s:%d' % (name, n))
            specs.append('%s:%d+' % (name, n))
    if not most or len(specs) <= most:
        return specs
    by_point = collections.OrderedDict()
    for s in specs:
        by_point.setdefault(s.split(':')[0], []).append(s)
    chosen, left, rest = [], most, len(by_point)
    for _, own in sorted(by_point.items(), key=lambda kv: len(kv[1])):
        share = thinned(own, max(1, left // rest))
        chosen += share
        left, rest = left - len(share), rest - 1
    return chosen


def run_batch(program, path, specs):
    """(survived, complaints); goes on behind a specification that kills."""
    survived, complaints = 0, []
    while specs:
        try:
            p = subprocess.run([program, '--torture', path] + specs[:BATCH],
                               text=True, errors='replace',
                               stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT,
                               env=environment(), timeout=RUN_SECONDS)
            text, code = p.stdout, p.returncode
        except subprocess.TimeoutExpired as e:
            text = (e.stdout or b'').decode(errors='replace')
            code = 'a time-out'
        begun = re.findall(r'^# (\S+:\d+\+?)$', text, re.M)
        parts = re.split(r'^# \S+:\d+\+?$', text, flags=re.M)[1:]
        for spec, part in zip(begun, parts):
            if re.search(r'^not ok', part, re.M):
                complaints.append((spec, part.strip()))
            else:
                survived += 1
        if len(begun) == len(specs[:BATCH]) and code in (0, 1):
            specs = specs[BATCH:]
            continue
        last = begun[-1] if begun else specs[0]
        if not (complaints and complaints[-1][0] == last):
            survived -= 1 if begun else 0
            complaints.append((last, 'ended with %s\n%s' % (
                code, parts[-1].strip() if parts else text)))
        specs = specs[max(1, len(begun)):]
    return survived, complaints


def torture(program, path, most):
    """(path, possible, tried, survived, complaints)"""
    points, trouble = count_points(program, path)
    if points is None:
        return path, 0, 0, 0, [('no fault', trouble)]
    all_specs = specifications(points, 0)
    specs = specifications(points, most)
    survived, complaints = run_batch(program, path, list(specs))
    return path, len(all_specs), len(specs), survived, complaints


def notices(program, path):
    """Is a fault that never happens reported? All else rests on it."""
    survived, complaints = run_batch(program, path, ['no.such.point:1'])
    return survived == 0 and 'did not happen' in str(complaints)


def has_faults(build):
    try:
        with open(build + '/config.h') as f:
            return re.search(r'^#define WITH_FAULTS\b', f.read(), re.M)
    except OSError:
        return False


def main():
    arg = argparse.ArgumentParser(usage=__doc__)
    arg.add_argument('--build', default=TOP + '/build')
    arg.add_argument('--scenarios', type=int, default=0, help='0: all')
    arg.add_argument('--points', type=int, default=100, help='0: all')
    arg.add_argument('--jobs', type=int, default=os.cpu_count())
    arg.add_argument('words', nargs='*')
    o = arg.parse_args()
    if not has_faults(o.build):
        print('ok - torture # SKIP %s has no --enable-faults' % o.build)
        return 0
    program = o.build + '/tests/flow/scenarios'
    paths = [p for p in sorted(glob.glob(TOP + '/tests/flow/*.yaml'))
             if not o.words or any(w in p for w in o.words)]
    paths = thinned(paths, o.scenarios)
    tried = alive = possible = failed = 0
    if not notices(program, paths[0]):
        failed += 1
    print('%s - torture notices what does not happen' % (
        'not ok' if failed else 'ok'), flush=True)
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        for path, of, n, survived, complaints in pool.map(
                lambda p: torture(program, p, o.points), paths):
            name = os.path.basename(path)
            print('%s - torture %s: %d of %d faults survived, %d possible' % (
                'not ok' if complaints else 'ok', name, survived, n, of),
                flush=True)
            for spec, text in complaints[:5]:
                print('# %s\n%s' % (spec, '\n'.join(
                    '#   ' + line for line in text.splitlines()[:40])))
            tried, alive = tried + n, alive + survived
            possible += of
            failed += bool(complaints)
    print('# %d of %d faults survived in %d scenarios; %d are possible, '
          'at most %s of a scenario are tried' % (
              alive, tried, len(paths), possible, o.points or 'all'))
    return 1 if failed or not tried else 0


if __name__ == '__main__':
    sys.exit(main())
