"""The ledger against what the mock provider has counted itself.

Each model of the configuration is one behaviour, so the provider's counts by
model tell what the rows must be. Requests are exact always. Tokens are exact
where the provider told them, and where it did not and nothing was lost on the
way; of a stream whose client left the provider has given at least what we saw.
"""
import collections
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import threading

import pytest

import booked
import database
import stack
import talk
from conftest import make_gateway
from proc import until

ROUNDS = 12
KILLS = 15
COLUMNS = ('state', 'model', 'status', 'attempt', 'request_id', 'is_estimated',
           'prompt', 'completion', 'began', 'ended', 'client', 'alias')
SUMS = ('requests', 'failed', 'lost', 'estimated', 'prompt', 'completion')


class Sqlite:
    def __init__(self, folder):
        self.path = folder / 'state' / 'llmgw.db'
        self.url = 'sqlite://%s' % self.path

    def ask(self, sql):
        with sqlite3.connect('file:%s?mode=ro' % self.path, uri=True,
                             timeout=30) as c:
            return [list(row) for row in c.execute(sql)]

    def stop(self):
        pass


class Maria:
    def __init__(self, folder):
        self.server = database.MariaDB(folder)
        self.url = self.server.create('llmgw')

    def ask(self, sql):
        return [[None if v == 'NULL' else int(v) if v.lstrip('-').isdigit()
                 else v for v in row]
                for row in self.server.run(sql, 'llmgw')]

    def stop(self):
        self.server.stop()


STORES = {'sqlite': Sqlite, 'mariadb': Maria}


class Ledger:
    """A gateway with a database and llmgw-jobd."""

    def __init__(self, build, mock, folder, store, config):
        self.mock = mock
        self.store = STORES[store](folder)
        config['store'] = self.store.url
        self.gateway = make_gateway('lighttpd', mock, folder, config)
        database.Ctl(build, self.gateway.config_file).run('db', 'init')
        self.jobd = database.Jobd(self.gateway)

    def rows(self):
        return [dict(zip(COLUMNS, row)) for row in self.store.ask(
            'SELECT %s FROM ledger' % ', '.join(COLUMNS))]

    def sums(self, span):
        return dict(zip(SUMS, self.store.ask(
            "SELECT %s FROM usage_rollup WHERE span = '%s'"
            % (', '.join('COALESCE(SUM(%s), 0)' % s for s in SUMS), span))[0]))

    def drained(self, n):
        """Once there are n rows; no more come after them."""
        try:
            until('%d rows' % n, lambda: self.count() >= n, 60)
        except AssertionError:
            pass  # what there is tells more
        rows = self.rows()
        assert len(rows) == n, '\n'.join(map(str, collections.Counter(
            (r['model'], r['state']) for r in rows).items()))
        return rows

    def count(self):
        return self.store.ask('SELECT COUNT(*) FROM ledger')[0][0]

    def assert_sums(self, rows):
        want = {
            'requests': len(rows),
            'failed': sum(r['state'] in ('failed', 'cut', 'not_sent')
                          for r in rows),
            'lost': sum(r['state'] in booked.LOST for r in rows),
            'estimated': sum(r['is_estimated'] for r in rows),
            'prompt': sum(r['prompt'] or 0 for r in rows),
            'completion': sum(r['completion'] or 0 for r in rows),
        }
        for span in 'minute', 'hour', 'day':
            assert self.sums(span) == want, span

    def spool(self):
        return [p for p in (self.gateway.folder / 'state/spool').iterdir()
                if not p.name.startswith('.')]

    def stop(self):
        self.gateway.stop()
        self.jobd.stop()
        self.store.stop()


@pytest.fixture(params=sorted(STORES))
def ledger(request, build, mock, tmp_path):
    made = []

    def make(config):
        made.append(Ledger(build, mock, tmp_path, request.param, config))
        return made[0]
    yield make
    for one in made:
        one.stop()


def behaviours(mock):
    """One model of the mock for each alias, so that it counts them apart."""
    config = stack.default_config(mock)
    # how a client that has left shows where nothing comes
    config['server'].update(workers=2, heartbeat='1s')
    m = stack.target
    config['models'] = {
        'ok': m('openai', 'demo'),
        'claude': m('anthropic', 'mock-chunks=5', retry=0),
        'gem': m('gemini', 'mock-chunks=6', retry=0),
        'untold': m('openai', 'mock-chunks=7-nousage', retry=0),
        'broken': m('openai', 'mock-status=500', retry=0),
        'retried': m('openai', 'mock-failfirst=1000-status=503', retry=2),
        'failover': stack.fall_back(('openai', 'mock-status=503'),
                                    ('anthropic', 'mock-chunks=8')),
        'cut': m('openai', 'mock-chunks=10-cut=3', retry=0),
        'errorat': m('openai', 'mock-chunks=10-errorat=4', retry=0),
        'left': m('openai', 'mock-chunks=200-gap=20', retry=0),
        'silent': m('openai', 'mock-delay=60000', retry=0),
        'dead': m('nobody', 'demo-of-nobody', retry=0),
    }
    config['models']['retried']['retry']['backoff'] = '1ms'
    return config


def is_asked(mock, model, n):
    return mock.stats()['by_model'].get(model, {}).get('requests', 0) >= n


def leave_stream(gateway):
    with gateway.stream('left') as s:
        s.first()


def leave_silent(gateway, mock, n):
    c = talk.connect(gateway.port)
    body = json.dumps(talk.chat('silent', stream=True)).encode()
    c.request('POST', '/v1/chat/completions', body, gateway.headers())
    until('it was asked', lambda: is_asked(mock, 'mock-delay=60000', n))
    c.close()


def one_round(gateway, mock, n):
    """Of each behaviour one; n: the how manieth."""
    assert gateway.chat('ok', 'Hello %d' % n).status == 200
    for model in 'ok', 'claude', 'gem', 'untold', 'failover':
        with gateway.stream(model, 'A longer text, number %d' % n) as s:
            s.rest()
            assert s.done, model
    for model in 'broken', 'retried', 'dead':
        assert gateway.chat(model).status >= 500, model
    for model in 'cut', 'errorat':
        with gateway.stream(model) as s:
            s.rest()
            assert s.errors(), model
    leave_stream(gateway)
    leave_silent(gateway, mock, n)


# model -> rows of a round: {state: how many}
ENDS = {
    'demo': {'ok': 2},
    'mock-chunks=5': {'ok': 1},
    'mock-chunks=6': {'ok': 1},
    'mock-chunks=7-nousage': {'ok': 1},
    'mock-chunks=8': {'ok': 1},
    'mock-status=500': {'failed': 1},
    'mock-status=503': {'failed': 1},
    'mock-failfirst=1000-status=503': {'failed': 3},
    'mock-chunks=10-cut=3': {'cut': 1},
    'mock-chunks=10-errorat=4': {'failed': 1},
    'mock-chunks=200-gap=20': {'aborted': 1},
    'mock-delay=60000': {'aborted': 1},
    'demo-of-nobody': {'not_sent': 1},
}
# These told their tokens; those brought content and told none.
TOLD = ('demo', 'mock-chunks=5', 'mock-chunks=6', 'mock-chunks=8')
COUNTED = ('mock-chunks=7-nousage', 'mock-chunks=10-cut=3',
           'mock-chunks=10-errorat=4')
NOTHING = ('mock-status=500', 'mock-status=503', 'demo-of-nobody',
           'mock-failfirst=1000-status=503')


def total(rows, key):
    return sum(r[key] for r in rows)


def test_every_end(ledger, mock):
    """Each end of a call, some times: the rows are what the mock counted."""
    l = ledger(behaviours(mock))
    for n in range(1, ROUNDS + 1):
        one_round(l.gateway, mock, n)
    rows = l.drained(ROUNDS * sum(sum(e.values()) for e in ENDS.values()))
    # ids grow with time, so that rows lie side by side
    began = [b // 1000 for b, in
             l.store.ask('SELECT began FROM ledger ORDER BY day, id')]
    assert len(set(began)) > 1 and began == sorted(began)
    by_model = collections.defaultdict(list)
    for r in rows:
        by_model[r['model']].append(r)
    truth = until('the mock has ended all', lambda: (
        mock.stats() if not mock.stats()['streams_open'] else None))['by_model']
    for model, ends in ENDS.items():
        mine = by_model[model]
        assert collections.Counter(r['state'] for r in mine) == {
            k: v * ROUNDS for k, v in ends.items()}, model
        if model != 'demo-of-nobody':
            assert truth[model]['requests'] == len(mine), model
    for model in TOLD + COUNTED:
        mine = by_model[model]
        assert {r['is_estimated'] for r in mine} == {
            int(model in COUNTED)}, model
        assert total(mine, 'prompt') == truth[model]['prompt_tokens'], model
        assert total(mine, 'completion') == \
            truth[model]['completion_tokens'], model
    for model in NOTHING:
        assert not any(r['prompt'] or r['completion'] or r['is_estimated']
                       for r in by_model[model]), model
    left = by_model['mock-chunks=200-gap=20']
    assert all(r['is_estimated'] and r['completion'] >= 1 for r in left)
    assert total(left, 'prompt') == \
        truth['mock-chunks=200-gap=20']['prompt_tokens']
    assert total(left, 'completion') <= \
        truth['mock-chunks=200-gap=20']['completion_tokens']
    assert all(r['completion'] == 0 for r in by_model['mock-delay=60000'])
    assert {r['client'] for r in rows} == {'live'}
    assert all(r['ended'] >= r['began'] for r in rows)
    # tries of one request: one id, numbered
    tries = collections.defaultdict(list)
    for r in by_model['mock-failfirst=1000-status=503']:
        tries[r['request_id']].append(r['attempt'])
    assert all(sorted(a) == [1, 2, 3] for a in tries.values())
    l.assert_sums(rows)
    text = l.gateway.metrics()
    assert 'llmgw_ledger_rows_total %d' % len(rows) in text
    assert 'llmgw_ledger_lost_total 0' in text
    assert 'llmgw_jobd_last_seen_seconds' in text


class Traffic(threading.Thread):
    def __init__(self, gateway, seed):
        super().__init__()
        self.gateway, self.dice = gateway, random.Random(seed)
        self.stopping = threading.Event()
        self.done = 0

    def run(self):
        while not self.stopping.is_set():
            try:
                if self.dice.random() < 0.5:
                    self.gateway.chat('ok')
                else:
                    with self.gateway.stream('gem') as s:
                        s.rest()
            except (OSError, ValueError, AssertionError):
                pass  # its worker was killed
            except talk.http.client.HTTPException:
                pass
            self.done += 1


def test_killed(ledger, mock):
    """
    kill -9 of workers and of llmgw-jobd while calls are made: what the
    provider has answered is there once, and the sums are those of the rows.
    """
    config = behaviours(mock)
    l = ledger(config)
    dice = random.Random(4)
    traffic = [Traffic(l.gateway, i) for i in range(6)]
    for t in traffic:
        t.start()
    for i in range(KILLS):
        done = sum(t.done for t in traffic)
        until('traffic', lambda: sum(t.done for t in traffic) > done + 20)
        if i % 3 == 2:
            l.jobd.kill()
            l.jobd.start()
        else:
            pids = l.gateway.worker_pids()
            os.kill(dice.choice(pids), signal.SIGKILL)
            until('another worker', lambda: len(
                set(l.gateway.worker_pids()) - set(pids)) >= 1)
    for t in traffic:
        t.stopping.set()
    for t in traffic:
        t.join(60)
        assert not t.is_alive()
    l.gateway.server.stop()
    until('the spool is empty', lambda: not l.spool(), 60)
    rows = l.rows()
    sent = [r for r in rows if r['state'] != 'not_sent']
    lost = [r for r in rows if r['state'] == 'lost']
    unsure = [r for r in rows if r['state'] == 'unsure']
    asked = mock.stats()['requests']
    # Killed within the system call that hands a request over: nobody knows.
    assert len(sent) - len(unsure) <= asked <= len(sent)
    ok = [r for r in rows if r['state'] == 'ok']
    assert all(not r['is_estimated'] for r in ok)
    assert all(r['is_estimated'] for r in unsure)
    assert len({(r['request_id'], r['attempt']) for r in rows}) == len(rows)
    l.assert_sums(rows)
    print('%d kills: %d rows, %d lost, %d unsure, %d asked'
          % (KILLS, len(rows), len(lost), len(unsure), asked))


def fill(ledger, build):
    """Calls until no worker has room for another."""
    body = ledger.gateway.folder / 'body.json'
    body.write_text(json.dumps(talk.chat('ok')))

    def is_full():
        subprocess.run(
            [build / 'tests/tools/loadgen/loadgen', '--to',
             '127.0.0.1:%d' % ledger.gateway.port, '--path',
             '/v1/chat/completions', '--body', body, '--connections', '32',
             '--duration', '2s', '--header',
             'Authorization: Bearer ' + stack.CLIENT_KEY, '--header',
             'Content-Type: application/json'],
            check=True, timeout=60, stdout=subprocess.DEVNULL)
        return all(ledger.gateway.chat('ok').status == 503 for _ in range(20))
    until('the worker is full', is_full, 120)


def test_full_spool_refuses(ledger, mock, build):
    """No room, nobody takes it over: 503 before anybody is called, then not."""
    config = behaviours(mock)
    config['ledger'] = {'max_spool': '32MiB'}
    config['server']['workers'] = 1
    l = ledger(config)
    l.jobd.stop()
    filler = l.gateway.folder / 'state/spool/.filler'
    filler.write_bytes(b'x' * (24 << 20))
    fill(l, build)
    asked = mock.stats()['requests']
    a = l.gateway.chat('ok')
    assert a.status == 503 and 'book' in a.error['message'], a
    assert 'retry-after' in a.headers
    health = l.gateway.get('/health/ready')
    assert health.status == 503 and 'max_spool' in health.text
    assert mock.stats()['requests'] == asked
    assert re.search(r'^llmgw_ledger_refused_total [1-9]', l.gateway.metrics(),
                     re.M)
    filler.unlink()
    until('it serves again', lambda: all(
        l.gateway.chat('ok').status == 200 for _ in range(20)))
    l.jobd.start()
    l.drained(mock.stats()['requests'])


def test_served_unbooked(ledger, mock):
    """ledger.when_full: unbooked; the folder cannot be used at all."""
    config = behaviours(mock)
    config['ledger'] = {'when_full': 'unbooked'}
    l = ledger(config)
    l.jobd.stop()
    spool = l.gateway.folder / 'state/spool'
    (l.gateway.folder / 'state').chmod(0o700)
    for pid in l.gateway.worker_pids():
        os.kill(pid, signal.SIGKILL)
    spool.rename(spool.with_name('away'))
    spool.write_text('no folder')
    until('workers without a spool', lambda: 'cannot be booked' in
          l.gateway.get('/health/ready').text)
    for _ in range(20):
        assert l.gateway.chat('ok').status == 200
    assert mock.stats()['requests'] >= 20
    unbooked = [line for line in l.gateway.metrics().splitlines()
                if line.startswith('llmgw_ledger_unbooked_total ')]
    assert int(unbooked[0].split()[1]) >= 1
    spool.unlink()
    until('calls are booked again', lambda: 'cannot be booked' not in
          l.gateway.get('/health/ready').text)
    l.jobd.start()


def test_jobd_follows_the_shared_memory(ledger, mock):
    """A start with other server.counters makes a new file, which jobd finds."""
    l = ledger(behaviours(mock))
    l.gateway.stop()
    l.gateway.config['server']['counters'] = 4096
    l.gateway.write_config(l.gateway.config)
    l.gateway.start()
    assert l.gateway.chat('ok').status == 200
    l.drained(1)
    until('its rows are told', lambda: re.search(
        r'^llmgw_ledger_rows_total 1$', l.gateway.metrics(), re.M))
