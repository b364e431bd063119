"""Limits are exact over all workers, with memcached and without."""
import collections
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import pytest

import stack
import talk
from proc import Process, until

CLIENTS = 64
SHORT = 40  # tests/run --short
ROUNDS = SHORT if os.environ.get('LLMGW_SHORT') else 200
WORKERS = 4
# memcached has 50 ms to answer; then the host's table counts, each for itself
EXACT = pytest.mark.alone


class Memcached:
    """One of the test's own, on a unix socket."""

    def __init__(self, folder):
        self.folder, self.path = folder, folder / 'mc'
        self.process = None
        self.start()

    def start(self):
        args = ['memcached', '-s', str(self.path), '-t', '1', '-m', '64']
        if os.geteuid() == 0:
            args += ['-u', 'root']
        self.process = Process(args, self.folder, 'memcached')
        until('memcached', lambda: self.ask('version').startswith('VERSION'))

    def ask(self, command):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(5)
                s.connect(str(self.path))
                s.sendall(command.encode() + b'\r\n')
                return s.recv(65536).decode()
        except OSError:
            return ''

    def signal(self, number):
        os.kill(self.process.p.pid, number)

    def stop(self):
        if self.process.p.poll() is None:
            self.process.p.kill()
            self.process.p.wait()


@pytest.fixture
def memcached(tmp_path):
    m = Memcached(tmp_path)
    yield m
    m.stop()


def config(mock, limits, memcached=None, **more):
    c = stack.default_config(mock)
    c['server']['workers'] = WORKERS
    c['limits'] = limits
    if memcached:
        c['memcached'] = ['unix:%s' % memcached.path]
    for n in range(ROUNDS):
        c['models']['round-%d' % n] = stack.target('openai', 'demo')
    c.update(more)
    return c


@pytest.fixture
def start(mock, build, tmp_path):
    running = []

    def begin(c):
        folder = tmp_path / 'gw'
        folder.mkdir()
        g = stack.Lighttpd(build, folder, c)
        g.start()
        until('all workers', lambda: len(g.worker_pids()) == WORKERS)
        running.append(g)
        return g
    yield begin
    for g in running:
        g.stop()


class Crowd:
    """Clients that ask all at once, each on a connection that it keeps."""

    def __init__(self, gateway, clients=CLIENTS):
        self.gateway, self.n = gateway, clients
        self.gate = threading.Barrier(clients)

    def one(self, number, rounds, ask, answers):
        c = self.gateway.connect(60)
        headers = self.gateway.headers()
        for r in rounds:
            body = json.dumps(ask(r, number)).encode()
            self.gate.wait(60)
            try:
                c.request('POST', '/v1/chat/completions', body, headers)
                answers[r].append(talk.Answer(c.getresponse()))
            except OSError as e:
                answers[r].append(e)
                c.close()
        c.close()

    def run(self, rounds, ask):
        answers = collections.defaultdict(list)
        threads = [threading.Thread(target=self.one,
                                    args=(i, rounds, ask, answers))
                   for i in range(self.n)]
        for r in rounds:
            answers[r]      # made before the threads begin
        for t in threads:
            t.start()
        for t in threads:
            t.join(300)
        assert not any(t.is_alive() for t in threads)
        return answers


def check_exact(start, mock, memcached):
    n = 11
    g = start(config(mock, [{'name': 'each-model', 'each_of': ['model'],
                             'requests': n, 'per': '366d'}], memcached))
    answers = Crowd(g).run(range(ROUNDS), lambda r, i:
                           talk.chat('round-%d' % r))
    wrong = []
    for r in range(ROUNDS):
        got = collections.Counter(getattr(a, 'status', str(a))
                                  for a in answers[r])
        if got != {200: n, 429: CLIENTS - n}:
            wrong.append((r, dict(got)))
    assert not wrong, '%d of %d rounds: %s' % (len(wrong), ROUNDS, wrong[:5])
    assert mock.stats()['requests'] == n * ROUNDS
    refused = [a for a in answers[0] if a.status == 429][0]
    assert refused.error['code'] == 'rate_limit_exceeded'
    assert 'each-model' in refused.error['message']
    assert int(refused.headers['retry-after']) >= 1
    assert refused.headers['x-ratelimit-limit-requests'] == str(n)
    assert refused.headers['x-ratelimit-remaining-requests'] == '0'
    print('%d rounds of %d clients over %d workers: %d each'
          % (ROUNDS, CLIENTS, WORKERS, n))
    return g


def test_never_one_more_nor_fewer_by_the_hosts_table(start, mock):
    check_exact(start, mock, None)


@EXACT
def test_never_one_more_nor_fewer_with_memcached(start, mock, memcached):
    check_exact(start, mock, memcached)
    assert 'curr_items %d' % ROUNDS in memcached.ask('stats')


@EXACT
def test_two_hosts_share_one_limit(mock, build, tmp_path, memcached):
    n, gateways = 40, []
    for name in 'ab':
        folder = tmp_path / name
        folder.mkdir()
        gateways.append(stack.Lighttpd(build, folder, config(
            mock, [{'name': 'all', 'each_of': ['model'], 'requests': n,
                    'per': '366d'}], memcached)))
        gateways[-1].start()
    try:
        # one after the other: a refusal counts for a moment on both
        for r in range(3):
            got = collections.Counter(
                gateways[i % 2].chat('round-%d' % r).status
                for i in range(2 * n))
            assert got == {200: n, 429: n}, got
        # all at once: never more
        crowds = [Crowd(g, 32) for g in gateways]
        answers = [None, None]

        def run(i):
            answers[i] = crowds[i].run(range(3, 8), lambda r, k:
                                       talk.chat('round-%d' % r))
        threads = [threading.Thread(target=run, args=(i,)) for i in (0, 1)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for r in range(3, 8):
            ok = sum(a.status == 200 for side in answers for a in side[r])
            ok += sum(g.chat('round-%d' % r).status == 200
                      for _ in range(n) for g in gateways)
            assert ok == n, ok
    finally:
        for g in gateways:
            g.stop()


MANY, EACH, MANY_ROUNDS = 2000, 40, 4


def ask_many(gateways):
    """All of CLIENTS ask EACH times a round: what each round admitted."""
    clients = CLIENTS // len(gateways)
    each = EACH * CLIENTS // (clients * len(gateways))
    got = [None] * len(gateways)

    def run(i):
        got[i] = Crowd(gateways[i], clients).run(
            range(each * MANY_ROUNDS),
            lambda r, k: talk.chat('round-%d' % (r // each)))
    threads = [threading.Thread(target=run, args=(i,))
               for i in range(len(gateways))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    ok = [0] * MANY_ROUNDS
    for answers in got:
        for r, round_answers in answers.items():
            statuses = collections.Counter(
                getattr(a, 'status', str(a)) for a in round_answers)
            assert set(statuses) <= {200, 429}, statuses
            ok[r // each] += statuses[200]
    return ok


def many_config(mock, memcached):
    return config(mock, [{'name': 'each-model', 'each_of': ['model'],
                          'requests': MANY, 'per': '366d'}], memcached)


@EXACT
def test_exact_where_it_is_reserved_ahead(start, mock, memcached):
    assert EACH * CLIENTS > MANY
    g = start(many_config(mock, memcached))
    ok = ask_many([g])
    calls = counter(g, 'memcached_calls_total')
    print('%d rounds over %d workers: %s admitted; %d jobs of memcached for '
          '%d requests' % (MANY_ROUNDS, WORKERS, ok, calls,
                           EACH * CLIENTS * MANY_ROUNDS))
    assert ok == [MANY] * MANY_ROUNDS
    assert mock.stats()['requests'] == MANY * MANY_ROUNDS


@EXACT
def test_two_hosts_reserve_ahead(mock, build, tmp_path, memcached):
    gateways = []
    for name in 'ab':
        folder = tmp_path / name
        folder.mkdir()
        gateways.append(stack.Lighttpd(build, folder,
                                       many_config(mock, memcached)))
        gateways[-1].start()
    try:
        ok = ask_many(gateways)
        print('admitted at once: %s of %d' % (ok, MANY))
        assert max(ok) <= MANY
        for r in range(MANY_ROUNDS):
            def all_of_them():
                ok[r] += sum(g.chat('round-%d' % r).status == 200
                             for g in gateways)
                return ok[r] >= MANY
            if ok[r] < MANY:
                until('all are taken', all_of_them)
            for g in gateways:
                assert g.chat('round-%d' % r).status == 429
        assert ok == [MANY] * MANY_ROUNDS
        assert mock.stats()['requests'] == MANY * MANY_ROUNDS
    finally:
        for g in gateways:
            g.stop()


def tokens_of(answers):
    assert all(a.status in (200, 429) for a in answers), answers
    return sum(a.json['usage']['total_tokens'] for a in answers
               if a.status == 200)


def until_refused(ask):
    got = [ask()]
    while got[-1].status == 200:
        got.append(ask())
    return got


@pytest.mark.parametrize('shared', [False, pytest.param(True, marks=EXACT)])
def test_tokens_are_passed_by_one_error_at_most(start, mock, request, shared):
    limit, rounds = 900, 30
    mc = request.getfixturevalue('memcached') if shared else None
    g = start(config(mock, [{'name': 'tokens', 'each_of': ['model'],
                             'tokens': limit, 'per': '366d'}], mc))

    def guess(**more):
        """What one takes, and what it was thought to take."""
        a = g.chat('gpt', **more)
        left = int(a.headers['x-ratelimit-remaining-tokens'])
        return tokens_of([a]), limit - left

    # thought to be more than it is: never passed, and all of it is used
    used, guessed = guess(max_tokens=100)
    assert used < guessed
    answers = Crowd(g).run(range(rounds), lambda r, i:
                           talk.chat('round-%d' % r, max_tokens=100))
    most, least = 0, limit
    for r in range(rounds):
        taken = tokens_of(answers[r]) + tokens_of(until_refused(
            lambda: g.chat('round-%d' % r, max_tokens=100)))
        most, least = max(most, taken), min(least, taken)
    print('%d to %d of %d tokens; one: %d, guessed %d'
          % (least, most, limit, used, guessed))
    assert most <= limit and least > limit - guessed
    # thought to be less: passed by the error of the last
    used2, guessed2 = guess(max_tokens=used // 2)
    error = used2 - (guessed2 - used)
    assert error > 0
    for r in range(rounds, rounds + 5):
        taken = tokens_of(until_refused(
            lambda: g.chat('round-%d' % r, max_tokens=used // 2)))
        assert limit - used2 < taken <= limit + error, taken


def counter(g, name):
    return int(re.search(r'^llmgw_%s (\d+)' % name, g.metrics(), re.M).group(1))


class Traffic:
    """Clients that go on until told to stop, and how long each took."""

    def __init__(self, g, clients=8):
        self.g, self.stopping, self.took = g, threading.Event(), []
        self.wrong = []
        self.threads = [threading.Thread(target=self.run)
                        for _ in range(clients)]

    def run(self):
        c, h = self.g.connect(60), self.g.headers()
        body = json.dumps(talk.chat('gpt')).encode()
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                c.request('POST', '/v1/chat/completions', body, h)
                a = talk.Answer(c.getresponse())
                if a.status != 200:
                    self.wrong.append(a)
            except OSError as e:
                self.wrong.append(e)
                c.close()
            self.took.append(time.monotonic() - began)

    def more(self, n, now=None):
        now = len(self.took) if now is None else now
        until('requests go on', lambda: len(self.took) > now + n)
        return sorted(self.took[now:])

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for t in self.threads:
            t.join(60)


@pytest.mark.long
def test_memcached_away_costs_one_time_out(start, mock, memcached):
    g = start(config(mock, [{'name': 'many', 'requests': 10 ** 9,
                             'per': '366d'}], memcached))

    def all_back():
        return re.search(r'^llmgw_memcached_away 0$', g.metrics(), re.M)

    def is_away():
        return re.search(r'^llmgw_memcached_away [1-9]', g.metrics(), re.M)

    events = 0
    with Traffic(g) as t:
        normal = t.more(400)
        for cycle in range(12):
            what, now = ('stop', 'kill', 'flush')[cycle % 3], len(t.took)
            if what == 'stop':
                memcached.signal(signal.SIGSTOP)
                until('away', is_away)
            elif what == 'kill':
                memcached.stop()
                until('away', is_away)
            else:
                memcached.ask('flush_all')
            took = t.more(400, now)
            events += 1
            print('%s: p50 %.1f ms, longest %.1f ms (before: %.1f, %.1f)'
                  % (what, took[len(took) // 2] * 1e3, took[-1] * 1e3,
                     normal[len(normal) // 2] * 1e3, normal[-1] * 1e3))
            if what == 'stop':
                memcached.signal(signal.SIGCONT)
            elif what == 'kill':
                memcached.start()
            until('back', all_back)
            events += 1
    assert not t.wrong, t.wrong[:5]
    failures = counter(g, 'memcached_failures_total')
    # each worker, each time: one in vain, and probes that nobody waits for
    print('%d events, %d requests, %d failures of memcached'
          % (events, len(t.took), failures))
    assert failures < events * WORKERS * 5
    # counted once each, as the host's own table says
    assert mock.stats()['requests'] == len(t.took)


def test_what_counts_while_it_is_away(start, mock, memcached):
    c = config(mock, [{'name': 'one', 'requests': 1, 'per': '366d'}],
               memcached, limits_when_away='closed')
    c['server']['workers'] = WORKERS
    g = start(c)
    memcached.stop()
    a = g.chat('gpt')
    assert a.status == 503 and 'retry-after' in a.headers, a
    assert 'memcached is away: what has a limit' in \
        g.get('/health/ready').text
    g.config['limits_when_away'] = 'open'
    g.reload()
    assert [g.chat('gpt').status for _ in range(12)].count(200) == 12
    g.config['limits_when_away'] = 'local'
    g.reload()
    assert g.chat('gpt').status == 429


def ctl(g, *words):
    p = subprocess.run([g.build / 'llmgwctl', *words, '--json', '--config',
                        g.config_file], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=60)
    assert p.returncode == 0, p.stderr
    return json.loads(p.stdout)


@pytest.fixture
def with_database(mock, build, tmp_path):
    """A gateway whose database is made before it starts."""
    folder = tmp_path / 'gw'
    folder.mkdir()
    g = stack.Lighttpd(build, folder, config(mock, [], prices=[
        {'provider': '*', 'model': '*', 'input': 1, 'output': 1}]))
    ctl(g, 'db', 'init')
    yield g
    g.stop()


def test_limits_of_the_database(with_database):
    g = with_database
    ctl(g, 'limit', 'create', 'all', '--requests', '3', '--per', '366d',
        '--model', 'gpt')
    g.start()
    # before the first request, not a second after it
    got = [g.chat('gpt').status for _ in range(5)]
    assert got == [200] * 3 + [429] * 2
    assert g.chat('claude').status == 200
    (row,) = ctl(g, 'limit', 'status', 'all')
    assert (row['used'], row['percent']) == (3, 100)
    ctl(g, 'limit', 'set', 'all', '--amount', '8')
    until('each worker knows the new amount', lambda: (
        g.chat('gpt').headers.get('x-ratelimit-limit-requests') == '8'))
    got = []
    while not got or got[-1] == 200:
        got.append(g.chat('gpt').status)
    ctl(g, 'limit', 'remove', 'all')

    def are_all_free():
        return all(g.chat('gpt').status == 200 for _ in range(30))
    until('each worker has let go of it', are_all_free)
    # every one of them was counted once
    sent = [r for r in g.requests() if r['alias'] == 'gpt']
    limited = [r for r in sent if r.get('limit') == 'all']
    assert limited and all(r['status'] == 429 for r in limited)


def spent(g, **who):
    """A sum of this day in the ledger: 10 dollars."""
    day = int(time.time()) // 86400 * 86400 * 10 ** 6
    db = sqlite3.connect(g.folder / 'state/llmgw.db')
    columns = [r[1] for r in db.execute('PRAGMA table_info(usage_rollup)')]
    row = dict.fromkeys(columns, 0)
    row.update(dict.fromkeys(('client', 'alias', 'provider', 'model'), 'x'),
               start=day, requests=7, cost=10 * 10 ** 9, **who)
    for more in {'span': 'day'}, {'span': 'daymodel', 'client': ''}:
        row.update(more)
        db.execute('INSERT INTO usage_rollup (%s) VALUES (%s)'
                   % (', '.join(columns), ', '.join('?' * len(columns))),
                   [row[c] for c in columns])
    db.commit()
    db.close()


def test_a_new_host_knows_what_was_spent(with_database):
    """Its shared memory is empty; the ledger is not."""
    g = with_database
    ctl(g, 'limit', 'create', 'month', '--money', '10', '--period', 'month')
    spent(g)
    g.start()
    answers = Crowd(g, 16).run([0], lambda r, i: talk.chat('gpt'))[0]
    assert [a.status for a in answers] == [429] * 16
    assert answers[0].error['code'] == 'insufficient_quota'
    assert answers[0].headers['x-should-retry'] == 'false'
    assert 'The next month begins at' in answers[0].error['message']
    (row,) = ctl(g, 'limit', 'status', 'month')
    assert row['percent'] == 100


def test_so_it_does_of_the_files_budgets(with_database):
    """Whose names are those of one tenant and its team."""
    g = with_database
    g.config['limits'] = [
        {'name': 'reds', 'tenant': 'acme', 'team': 'red', 'money': 10,
         'period': 'month', 'timezone': 'UTC'}]
    g.write_config(g.config)
    tenant = ctl(g, 'tenant', 'create', 'acme')['id']
    teams = {n: ctl(g, 'team', 'create', n)['id'] for n in ('red', 'blue')}
    ctl(g, 'grant', 'add', '*')
    keys = {n: ctl(g, 'key', 'create', n, '--team', n)['key'] for n in teams}
    spent(g, tenant_id=tenant, team_id=teams['red'])
    g.start()

    def ask(name):
        return g.post(talk.chat('gpt'), headers={
            'content-type': 'application/json',
            'authorization': 'Bearer ' + keys[name]})

    assert ask('blue').status == 200
    a = ask('red')
    assert a.status == 429 and a.error['code'] == 'insufficient_quota', a
    (row,) = ctl(g, 'limit', 'status', 'reds')
    assert (row['from'], row['percent']) == ('file', 100)


def test_full_table_is_told(start, mock):
    """A limit that finds no place lets pass; health, log and metrics say so."""
    c = config(mock, [{'name': 'one', 'requests': 1, 'per': '1h',
                       'each_of': ['model']}])
    c['server']['counters'] = 256
    names = ['m%d' % i for i in range(260)]
    c['models'].update({n: stack.target('openai', 'demo') for n in names})
    g = start(c)
    assert 'counters' not in g.get('/health/ready').text
    # an eighth of the places stays empty
    taken = next(i for i, n in enumerate(names)
                 if g.chat(n).status == 200 and g.chat(n).status != 429)
    assert 100 < taken <= 224, taken
    assert counter(g, 'limits_unenforced_total') >= 2
    health = g.get('/health/ready')
    assert health.status == 200
    assert any('the table of counters is full (server.counters: 224 of 256'
               in p for p in health.json['problems']), health.text
    # those that have a place are enforced as before
    assert g.chat(names[0]).status == 429
    for n in names[taken:]:
        assert g.chat(n).status == 200
    told = [line for line in g.log_lines() if 'is not enforced' in
            line.get('msg', '')]
    assert 1 <= len(told) <= WORKERS, told
    assert all('limit one is' in line['msg'] for line in told)


def test_counters_are_more_at_the_next_start(start, mock):
    """A reload says so, and leaves the table as it is."""
    c = config(mock, [])
    g = start(c)
    shm = g.folder / 'state/shm'
    before = shm.stat()
    g.config['server']['counters'] = 4096
    g.reload()
    assert shm.stat().st_size == before.st_size
    assert any('server.counters' in line.get('msg', '')
               for line in g.log_lines())
    g.stop()
    g.start()
    assert 0 < shm.stat().st_size < before.st_size
