"""memcached loses its counters while two hosts serve: never one too many.

What each host knows it adds to the new counter itself; no ledger is asked.
"""
import os
import random
import threading

import pytest

import stack
import talk
from database import Memcached
from proc import until

# memcached has 50 ms to answer; then each host counts for itself
pytestmark = pytest.mark.alone

N = 10
SHORT = bool(os.environ.get('LLMGW_SHORT'))
FLUSHES = 1 if SHORT else 3
MORE = 4  # in place of those where memcached was too slow
AT_ONCE = 8 if SHORT else 24  # limits at each
WORKERS = 2


@pytest.fixture
def hosts(build, mock, tmp_path):
    memcached = Memcached(tmp_path)
    both = []
    for name in 'ab':
        c = stack.default_config(mock)
        c['server']['workers'] = WORKERS
        c['memcached'] = [memcached.address]
        c['limits'] = [{'name': 'each', 'each_of': ['model'], 'requests': N,
                        'period': 'quarter', 'timezone': 'UTC'}]
        for i in range((FLUSHES + MORE) * AT_ONCE):
            c['models']['m-%d' % i] = stack.target('openai', 'demo')
        folder = tmp_path / name
        folder.mkdir()
        both.append(stack.Lighttpd(build, folder, c))
        both[-1].start()
        until('all workers',
              lambda: len(both[-1].worker_pids()) == WORKERS)
    yield memcached, both
    for h in both:
        h.stop()
    memcached.stop()


def asks(host, alias):
    a = host.post(talk.chat(alias))
    assert a.status in (200, 429), a
    return a.status == 200


def in_threads(calls):
    failed = []

    def run(call):
        try:
            call()
        except BaseException as e:  # told where it can be seen
            failed.append(e)
    threads = [threading.Thread(target=run, args=(c,)) for c in calls]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed, failed


def times_away(hosts):
    return sum(line.get('msg') == 'memcached is away'
               for h in hosts for line in h.log_lines())


def rounds(memcached, aliases, before, after):
    """before, flush_all, after: for each alias at the same time."""
    met = threading.Barrier(len(aliases), memcached.flush)
    admitted = {}

    def one(alias):
        n = before(alias)
        met.wait(60)
        admitted[alias] = n + after(alias)
    in_threads([lambda a=a: one(a) for a in aliases])
    return admitted


def flushes(hosts, one):
    """one(aliases) tells how many each has admitted."""
    judged, wrong = 0, []
    for f in range(FLUSHES + MORE):
        if judged == FLUSHES:
            break
        away = times_away(hosts)
        aliases = ['m-%d' % (f * AT_ONCE + i) for i in range(AT_ONCE)]
        got = one(aliases)
        # a refusal may count for a moment: one after the other, to the last
        for a in aliases:
            got[a] += sum(asks(h, a) for h in hosts for _ in range(N))
        if times_away(hosts) == away:
            judged += 1
            wrong += [(a, n) for a, n in got.items() if n != N]
    assert not wrong, '%d of %d: %s' % (len(wrong), judged * AT_ONCE, wrong)
    assert judged == FLUSHES, 'memcached was away too often'


def check(hosts, before, after):
    memcached, both = hosts
    flushes(both, lambda aliases: rounds(memcached, aliases, before, after))


def test_one_host_asks_after_it(hosts):
    """The other one rests, and it has counted more than anybody knows."""
    both = hosts[1]

    def before(alias):
        n = random.randint(1, 4)
        assert all(asks(both[0], alias) for _ in range(n))
        assert all(asks(both[1], alias) for _ in range(N - 1 - n))
        return N - 1

    def after(alias):
        return sum(asks(both[0], alias) for _ in range(2))
    check(hosts, before, after)


def test_both_hosts_ask_after_it(hosts):
    both = hosts[1]

    def before(alias):
        assert all(asks(h, alias) for h in both)
        n = random.randint(0, N - 2)
        assert all(asks(random.choice(both), alias) for _ in range(n))
        return 2 + n

    def after(alias):
        ok = []
        in_threads([lambda h=h: ok.append(asks(h, alias))
                    for h in both for _ in range(3)])
        return sum(ok)
    check(hosts, before, after)


def test_while_both_hosts_ask(hosts):
    """Nobody waits for it: requests are under way on both."""
    memcached, both = hosts

    def one(aliases):
        # who has counted nothing cannot tell one that is lost from a new one
        ok = {a: [asks(h, a) for h in both] for a in aliases}
        asked = threading.Semaphore(0)

        def ask(host, alias):
            for _ in range(N):
                ok[alias].append(asks(host, alias))
                asked.release()

        def flush():
            for _ in range(AT_ONCE * random.randint(2, 6)):
                assert asked.acquire(timeout=60)
            memcached.flush()
        in_threads([flush] + [lambda h=h, a=a: ask(h, a)
                              for h in both for a in aliases])
        return {a: sum(n) for a, n in ok.items()}
    flushes(both, one)
