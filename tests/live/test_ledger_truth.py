"""The ledger tells the truth, whatever is killed meanwhile.

While clients ask, workers and llmgw-jobd are killed with -9, MariaDB and
memcached are stopped, killed, held and flushed, and the spool's disk is filled.
Afterwards each call that the mock provider saw has its row in the ledger, with
the tokens that it told and the price of them, and no other row claims a call.
Where a worker died before the provider had told them, they are estimated: then
they lie between what the client has got and what the provider has generated.
"""
import collections
import http.client
import os
import random
import re
import signal
import statistics
import subprocess
import threading
import time

import pytest

import booked
import database
import stack
import talk
from proc import until

SHORT = 70  # tests/run --short
EVENTS = SHORT if os.environ.get('LLMGW_SHORT') else 210
CLIENTS = 10
WORKERS = 4
HUNG_SECONDS = 30
CALLS_MAX = 65536  # that the mock provider remembers
# dollars for a million tokens, so many nano-dollars for one
INPUT, OUTPUT = 1, 2
NANO = {'prompt': INPUT * 1000, 'completion': OUTPUT * 1000}
WHOLE = ('gpt', 'claude', 'gem')
STREAMS = ('quick', 'claude-quick', 'gem-quick')

ID = re.compile(r'chaos-\d\d-\d{6}')
Done = collections.namedtuple('Done', 'id began ended problem usage got')


class Client(threading.Thread):
    """`done`: each request, how it ended, what usage it was told, and how many
    bytes of text it got."""

    def __init__(self, gateway, key, number):
        super().__init__()
        self.gateway, self.key, self.number = gateway, key, number
        self.dice = random.Random(number)
        self.stopping = threading.Event()
        self.done = []

    def run(self):
        while not self.stopping.is_set():
            id = 'chaos-%02d-%06d' % (self.number, len(self.done))
            began, usage, problem = time.monotonic(), None, None
            self.stream = None
            try:
                usage = self.ask(id)
            except (AssertionError, OSError, ValueError,
                    http.client.HTTPException) as e:
                problem = '%s: %s' % (type(e).__name__, e)
            got = self.stream and sum(len(talk.piece(e).encode())
                                      for e in self.stream.got)
            self.done.append(
                Done(id, began, time.monotonic(), problem, usage, got or 0))

    def ask(self, id):
        headers = {'authorization': 'Bearer ' + self.key, 'x-request-id': id,
                   'content-type': 'application/json'}
        port, path = self.gateway.port, '/v1/chat/completions'
        if self.dice.random() < 0.5:
            a = talk.exchange(port, 'POST', path,
                              talk.chat(self.dice.choice(WHOLE), id), headers,
                              HUNG_SECONDS)
            assert a.status == 200, a
            return a.json['usage']
        body = talk.chat(self.dice.choice(STREAMS), id, stream=True,
                         stream_options={'include_usage': True})
        with talk.Stream(port, path, body, headers, HUNG_SECONDS) as s:
            assert s.status == 200, (s.status, s.r.read())
            self.stream = s
            s.rest()
            assert s.done and not s.errors(), s.got[-1:]
            return next(e['usage'] for e in s.got if e.get('usage'))


class World:
    """What can be done to it; each event leaves it whole again."""

    def __init__(self, gateway, db, memory, jobd, clients, disk):
        self.gateway, self.db, self.memory = gateway, db, memory
        self.jobd, self.clients, self.disk = jobd, clients, disk
        if disk:  # now: the spool alone may fill it, with jobd just killed
            self.full = disk / 'full'
            self.full.touch()
        self.dice = random.Random(7)
        self.count = collections.Counter()
        # when requests may fail: [(word, begin, end)]
        self.windows = []

    def total(self):
        return sum(len(c.done) for c in self.clients)

    def go_on(self, n=6):
        before = self.total()
        until('requests go on', lambda: self.total() >= before + n, 60)

    def ready(self):
        return len(self.gateway.worker_pids()) == WORKERS

    def kill_worker(self):
        began = time.monotonic()
        pid = self.dice.choice(until('workers', lambda: self.ready()
                                     and self.gateway.worker_pids()))
        os.kill(pid, signal.SIGKILL)
        until('it is replaced', lambda: self.ready()
              and pid not in self.gateway.worker_pids())
        self.go_on()
        self.windows.append(('kill', began, time.monotonic()))

    def kill_jobd(self):
        self.jobd.kill()
        self.go_on()
        self.jobd.start()

    def stop_database(self):
        self.db.stop()
        self.go_on()
        self.db.start()

    def kill_database(self):
        self.db.kill()
        self.go_on()
        self.db.start()

    def hold_database(self):
        self.db.hold()
        self.go_on(20)
        self.db.go_on()

    def kill_memory(self):
        self.memory.kill()
        self.go_on(20)
        self.memory.start()

    def hold_memory(self):
        self.memory.hold()
        self.go_on(20)
        self.memory.go_on()

    def flush_memory(self):
        self.memory.flush()
        self.go_on()

    def fill_disk(self):
        """What is under way is still booked; the rest is refused."""
        began = time.monotonic()
        with open(self.full, 'r+b') as f:
            try:
                while f.write(b'x' * 65536):
                    f.flush()
            except OSError:
                pass
        self.go_on(40)
        os.truncate(self.full, 0)
        until('all workers book again', self.is_booking, 60)
        self.windows.append(('full', began, time.monotonic()))

    def is_booking(self):
        """None of the latest was refused, so many that each worker had some."""
        self.go_on(60)
        latest = sorted((d for c in self.clients for d in c.done[-60:]),
                        key=lambda d: d.ended)[-60:]
        return not any(d.problem and 'cannot book' in d.problem
                       for d in latest)

    def events(self):
        common = [self.kill_worker, self.kill_worker, self.kill_jobd,
                  self.hold_memory, self.flush_memory, self.kill_memory, self.hold_database]
        rare = [self.stop_database, self.kill_database]
        if self.disk:
            rare.append(self.fill_disk)
        for i in range(EVENTS):
            event = self.dice.choice(rare if i % 8 == 7 else common)
            event()
            self.count[event.__name__] += 1


@pytest.fixture
def disk(tmp_path):
    """A small disk for the spool; None for whoever may not mount one."""
    folder = tmp_path / 'state' / 'spool'
    folder.mkdir(parents=True, mode=0o700)
    p = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64m,mode=0700',
                        'llmgw-test', str(folder)], capture_output=True)
    yield folder if p.returncode == 0 else None
    if p.returncode == 0:
        subprocess.run(['umount', '-l', str(folder)], check=True)


@pytest.fixture
def own_mock(build, tmp_path):
    m = stack.Mock(build, tmp_path, last=CALLS_MAX)
    yield m
    m.stop()


def config(mock, db, memory):
    c = stack.default_config(mock)
    c['server']['workers'] = WORKERS
    c['store'] = db.create('truth')
    c['memcached'] = [memory.address]
    c['limits'] = [{'name': 'each', 'each_of': ['key'], 'requests': 100000000,
                    'per': '1h'}]
    for name in WHOLE + STREAMS:
        for t in c['models'][name]['targets']:
            t['price'] = {'input': '%d' % INPUT, 'output': '%d' % OUTPUT}
    return c


@pytest.fixture
def world(build, disk, own_mock, tmp_path):
    db = database.MariaDB(tmp_path)
    memory = database.Memcached(tmp_path)
    g = stack.Lighttpd(build, tmp_path, config(own_mock, db, memory))
    ctl = database.Ctl(build, g.config_file)
    ctl.run('db', 'init')
    ctl.run('tenant', 'create', 'acme')
    ctl.run('grant', 'add', '--tenant', 'acme', '*')
    keys = [ctl.json('key', 'create', '--tenant', 'acme', 'k%d' % i)['key']
            for i in range(3)]
    g.start()
    jobd = database.Jobd(g)
    w = World(g, db, memory, jobd,
              [Client(g, keys[i % 3], i) for i in range(CLIENTS)], disk)
    w.mock, w.ctl = own_mock, ctl
    yield w
    for c in w.clients:
        c.stopping.set()
    for thing in (g, jobd, memory, db):
        thing.stop()


def run_chaos(w):
    for c in w.clients:
        c.start()
    try:
        w.go_on(50)
        w.events()
    finally:
        for c in w.clients:
            c.stopping.set()
        for c in w.clients:
            c.join(3 * HUNG_SECONDS)
    assert not any(c.is_alive() for c in w.clients), 'a request hangs'


def drained(w):
    """All that workers had to tell is in the database."""
    parent = w.gateway.parent_pid()
    w.gateway.stop()
    assert not os.path.exists('/proc/%d' % parent)
    folder = w.gateway.folder / 'state' / 'spool'
    until('the spool is empty', lambda: not [
        f for f in folder.iterdir() if f.suffix in ('.seg', '.open')], 120)


def check_usage(rows, done):
    """What clients were told is what is booked; and what a client has got of a
    stream that broke is booked at least."""
    good = {r.id: r for r in rows if r.state == 'ok'}
    assert len(good) == len([r for r in rows if r.state == 'ok'])
    booked_of = collections.Counter()
    for r in rows:
        booked_of[r.id] += r.completion or 0
    for d in done:
        if d.problem:
            assert booked_of[d.id] >= d.got // 4, d
            continue
        r = good[d.id]
        assert (r.prompt, r.completion) == (
            d.usage['prompt_tokens'], d.usage['completion_tokens']), (r, d)


def check_sums(w, rows):
    """Roll-ups and report say what the rows say."""
    total = [str(len(rows)), *(str(sum(getattr(r, k) or 0 for r in rows))
                               for k in ('prompt', 'completion', 'cost'))]
    for span in 'minute', 'hour', 'day':
        assert w.db.run(
            "SELECT SUM(requests), SUM(prompt), SUM(completion), SUM(cost)"
            " FROM usage_rollup WHERE span = '%s'" % span, 'truth') == [total]


def check_failures(w, done):
    """Nobody is refused because of a database, memcached or llmgw-jobd."""
    bad = [d for d in done if d.problem]
    unexplained = [d for d in bad if not any(
        d.began <= end and d.ended >= begin for _, begin, end in w.windows)]
    assert not unexplained, '%d: %s' % (len(unexplained), unexplained[:5])
    return bad


@pytest.mark.long
def test_ledger_is_exact(world):
    w = world
    run_chaos(w)
    drained(w)
    done = [d for c in w.clients for d in c.done]
    rows = booked.rows_of(w.db.run(
        'SELECT %s FROM ledger' % booked.COLUMNS, 'truth'))
    truth = booked.Truth(rows, booked.calls_of(w.mock, ID, CALLS_MAX))
    took = sorted(d.ended - d.began for d in done)
    bad = check_failures(w, done)
    states = collections.Counter(r.state for r in rows)
    print('#| %d events: %s' % (sum(w.count.values()), dict(w.count)))
    print('#| %d requests, %d of them broken or refused while a worker was '
          'killed or the disk full; p50 %.0f ms, longest %.0f ms' % (
              len(done), len(bad), 1000 * statistics.median(took),
              1000 * took[-1]))
    assert sum(w.count.values()) == EVENTS and states['ok'] > 5 * EVENTS
    assert w.disk or os.getuid() != 0, 'root may mount'
    truth.check(NANO)
    truth.tell(w.mock.stats())
    check_usage(rows, done)
    check_sums(w, rows)
