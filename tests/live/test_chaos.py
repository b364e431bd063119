"""All at once: workers killed, reloads, a bad network, clients that misbehave.

Whatever happens, an answer is whole, or an honest error; only a killed worker
breaks connections, and so that the client sees it. Afterwards all is as
before: nothing is under way, no request hung, memory is what it was.
"""
import collections
import http.client
import json
import os
import random
import re
import signal
import threading

import pytest

import stack
import talk
from proc import resident, until
from test_workers import Load, edit

CLIENTS = 8
# A client that waits longer for a byte calls its request hung.
HUNG_SECONDS = 20
KILLS = 12
# What the workers' memory may grow by from one round to the next.
MEMORY_SLACK = 8 << 20

WHOLE = ('gpt', 'claude', 'gem', 'failover', 'failfirst', 'down', 'limited',
         'cut', 'gem-cut', 'claude-reset', 'quick')
STREAMS = ('quick', 'claude-quick', 'gem-quick', 'burst', 'failover', 'cut',
           'claude-cut', 'gem-reset', 'errorat', 'claude-errorat', 'nodone',
           'silent')
# These never come to a good end.
BROKEN = re.compile('cut|reset|errorat|nodone|down|limited|silent')

# What happens to the network, in turn: badnet's commands.
TROUBLES = ('down reset_after=900', 'down drop_after=1500',
            'down blackhole=700', 'down slice=3', 'down latency=40',
            'down halfclose', 'up blackhole=10', 'door reset', 'door hang')
# No connection may live on that has lost bytes: what TCP never does.
BETTER = ('door hang', 'break reset', 'both clear', 'door normal')


class Cut(Exception):
    """The connection ended before the answer did, and the client saw it."""


class Client(threading.Thread):
    """`seen`: how its requests ended; `wrong`: what must not be; `cuts`: what
    it saw of each connection that ended too early."""

    def __init__(self, gateway, right, seed):
        super().__init__()
        self.gateway, self.right = gateway, right
        self.dice = random.Random(seed)
        self.stopping = threading.Event()
        self.seen, self.wrong, self.cuts = [], [], []

    def run(self):
        while not self.stopping.is_set():
            kind, models = self.dice.choice(
                [(self.whole, WHOLE), (self.stream, STREAMS),
                 (self.slow_stream, STREAMS), (self.leave, STREAMS)])
            model = self.dice.choice(models)
            try:
                what = kind(model)
            except TimeoutError:
                what = self.complain(kind, model, 'hung')
            except (Cut, OSError, http.client.HTTPException) as e:
                what = 'cut'
                self.cuts.append('%s %s' % (type(e).__name__, e))
            except Exception as e:
                what = self.complain(kind, model, repr(e))
            self.seen.append(what)

    def complain(self, kind, model, text):
        self.wrong.append('%s %s: %s' % (kind.__name__, model, text))
        return 'wrong'

    def error(self, status, headers, body):
        assert 400 <= status <= 599, (status, body)
        if not headers.get('content-type', '').startswith('application/json'):
            # the web server's own page when a worker is gone
            assert status in (500, 502, 503, 504), (status, body)
            raise Cut(status)
        e = parsed(body)['error']
        assert e['message'] and e['type'], body
        # no client asked for anything wrong
        assert status == 429 or status >= 500, (status, body)
        return 'error'

    def whole(self, model):
        a = talk.exchange(self.gateway.port, 'POST', '/v1/chat/completions',
                          talk.chat(model), self.gateway.headers(),
                          HUNG_SECONDS)
        if a.status != 200:
            return self.error(a.status, a.headers, a.body)
        got = parsed(a.body)['choices'][0]
        assert not BROKEN.search(model), 'a false 200'
        assert got['message']['content'] == self.right[model], got
        assert got['finish_reason'] == 'stop', got
        return 'whole'

    def open(self, model):
        return talk.Stream(self.gateway.port, '/v1/chat/completions',
                           talk.chat(model, stream=True),
                           self.gateway.headers(), HUNG_SECONDS)

    def stream(self, model, pause=lambda: None):
        with self.open(model) as s:
            if s.status != 200:
                return self.error(s.status, s.headers, s.r.read())
            try:
                for e in s.events():
                    assert not s.errors(), 'an event after the error'
                    s.got.append(e)
                    pause()
            except ValueError:
                assert not s.r.read(), 'half an event within the stream'
                raise Cut
            return self.judge(model, s)

    def judge(self, model, s):
        text = ''.join(talk.piece(e) for e in s.got)
        assert self.right[model].startswith(text), text[-100:]
        if s.errors():
            assert s.errors()[0]['message'], s.got[-1]
            assert not s.done and not s.finish(), s.got[-2:]
            return 'error'
        if s.finish() or s.done:
            assert not BROKEN.search(model), 'a false end'
            assert text == self.right[model], text[-100:]
        if not s.done:
            raise Cut
        assert s.finish() == ['stop'], s.got[-2:]
        return 'whole'

    def slow_stream(self, model):
        """Takes its time between two events."""
        return self.stream(
            model, lambda: self.stopping.wait(self.dice.random() / 50))

    def leave(self, model):
        """Goes away after an event or a few."""
        with self.open(model) as s:
            if s.status != 200:
                return self.error(s.status, s.headers, s.r.read())
            for _ in zip(range(self.dice.randint(1, 4)), s.events()):
                pass
        return 'left'


def parsed(body):
    """No JSON: its worker is dead, and the web server ended the body."""
    try:
        return json.loads(body)
    except ValueError:
        raise Cut


def patient(call):
    """Its value, after as many failures as faults make of it."""
    def once():
        try:
            return [call()]
        except (AssertionError, OSError, http.client.HTTPException):
            return None
    return until('it goes', once, 60)[0]


class Crowd:
    def __init__(self, gateway, right, seed):
        self.all = [Client(gateway, right, seed + i) for i in range(CLIENTS)]

    def done(self):
        return sum(len(c.seen) for c in self.all)

    def wrong(self):
        return [w for c in self.all for w in c.wrong]

    def count(self, what):
        return sum(c.seen.count(what) for c in self.all)

    def cuts(self):
        return dict(collections.Counter(x for c in self.all for x in c.cuts))

    def __repr__(self):
        kinds = ('whole', 'error', 'left', 'cut', 'wrong')
        return ', '.join('%d %s' % (self.count(k), k) for k in kinds)

    def __enter__(self):
        for c in self.all:
            c.start()
        return self

    def __exit__(self, *_):
        for c in self.all:
            c.stopping.set()
        for c in self.all:
            c.join(3 * HUNG_SECONDS)
        assert not [c for c in self.all if c.is_alive()], 'a request hangs'


def reloads(g):
    """Good and bad files in turn, for ever."""
    n = 0
    while True:
        n += 1
        edit(g, n)
        g.write_config(g.config)
        g.hang_up()
        yield
        g.write_text('server: [')
        g.hang_up()
        yield


def killer(g, dice, killed):
    """A worker at a time, when the one before has been replaced."""
    def alive():
        pids = set(g.worker_pids()) - set(killed)
        return sorted(pids) if len(pids) == 2 else None

    for _ in range(KILLS):
        pids = until('both workers are there', alive)
        killed.append(dice.choice(pids))
        os.kill(killed[-1], signal.SIGKILL)
        yield


def havoc(crowd, badnet, others, rounds=1):
    """One trouble after the other; requests go on in between."""
    def go_on():
        before = crowd.done()
        until('requests go on', lambda: crowd.done() > before + 3)

    for trouble in TROUBLES * rounds:
        badnet(trouble)
        for other in others:
            next(other, None)
        go_on()
        for command in BETTER:
            badnet(command)
        for other in others:
            next(other, None)
        go_on()


def all_is_calm(g, mock):
    until('no stream is open', lambda: not mock.stats()['streams_open'])
    until('nothing is in flight', lambda: re.search(
        r'^llmgw_requests_in_flight 1$', g.metrics(), re.M))


def right_answers(g):
    """What each alias says when all is well."""
    right = {}
    for model in WHOLE + STREAMS:
        if not BROKEN.search(model) and model not in right:
            with g.stream(model) as s:
                right[model] = s.rest()
                assert s.done and right[model]
    # Fillers are the same; what is broken gives a part of it.
    for model in WHOLE + STREAMS:
        right.setdefault(model, right['burst'])
    return right


def in_a_hurry(config):
    for p in config['providers'].values():
        p['timeouts'] = {'connect': '500ms', 'first_byte': '700ms',
                         'idle': '700ms', 'total': '4s'}


def cuts_of(crowd, g):
    """What clients saw, what the web server says, and how workers ended."""
    lines = [re.sub(r'\d+', 'N', line) for log in
             g.folder.glob('[la][ip]*.log')  # lighttpd's, Apache's
             for line in log.read_text(errors='replace').splitlines()]
    ends = [line['msg'] for line in g.log_lines()
            if re.search('worker .* (died|ended|is started)',
                         line.get('msg', ''))]
    refused = re.findall(r'^llmgw_fcgi_conn.*', g.metrics(), re.M)
    # a text: pytest would cut anything else short
    return '\n'.join(map(str, (
        crowd.cuts(), refused, collections.Counter(lines).most_common(8),
        *ends[-40:])))


def memory(g):
    return {pid: resident(pid) for pid in g.worker_pids()}


@pytest.mark.long
def test_chaos(own_gateway, badnet, mock, is_sanitized):
    g = own_gateway
    in_a_hurry(g.config)
    g.reload()
    parent, right, killed = g.parent_pid(), right_answers(g), []
    workers = len(g.worker_pids())
    files = reloads(g)

    with Crowd(g, right, seed=100) as crowd:
        havoc(crowd, badnet, [killer(g, random.Random(1), killed), files],
              rounds=2)
    print('with %d kills: %r' % (len(killed), crowd))
    assert len(killed) == KILLS and crowd.count('whole') > 20
    assert not crowd.wrong(), crowd.wrong()[:5]
    # A death takes what its worker had in hand, nothing else.
    assert crowd.count('cut') <= len(killed) * CLIENTS, cuts_of(crowd, g)
    all_is_calm(g, mock)
    # The last that was killed comes back after the parent's pause.
    until('all workers are there', lambda: len(g.worker_pids()) == workers)

    seen = []
    for seed in 200, 300:
        with Crowd(g, right, seed) as crowd:
            havoc(crowd, badnet, [files])
        print('without kills: %r' % crowd)
        assert not crowd.wrong(), crowd.wrong()[:5]
        assert crowd.count('cut') == 0, cuts_of(crowd, g)
        assert crowd.count('whole') > 5, crowd
        assert crowd.count('error') > 5 and crowd.count('left') > 5, crowd
        all_is_calm(g, mock)
        seen.append(memory(g))
    assert g.parent_pid() == parent
    assert seen[0].keys() == seen[1].keys(), 'no worker died of itself'
    if not is_sanitized:
        grown = sum(seen[1].values()) - sum(seen[0].values())
        assert grown < MEMORY_SLACK, seen

    edit(g, 0)
    g.reload()
    until('all is well', lambda: not g.get('/health/ready').json['problems'])
    with Load(g, threads=4) as load:
        until('requests go on', lambda: load.done > 100)
    assert not load.failures, load.failures[:5]
    g.log_lines()  # each is JSON


# Faults of the programs themselves (base/fault.h), each in percent of its
# passings; those that a start would meet are left to tests/fault/torture.py.
FAULTS = ('front.conn:2%,req.new:2%,upstream.start:2%,timer.set:2%,'
          'pollset.set:2%,api.norm:1%,api.answer:1%,prov.openai:1%,'
          'prov.anthropic:1%,prov.gemini:1%,json.tape:1%')


@pytest.fixture(params=['lighttpd', 'apache'])
def faulty_gateway(request, build, mock, tmp_path, monkeypatch):
    if 'define WITH_FAULTS' not in (build / 'config.h').read_text():
        pytest.skip('%s is configured without --enable-faults' % build)
    monkeypatch.setenv('LLMGW_FAULT', FAULTS)
    config = stack.default_config(mock)
    in_a_hurry(config)
    g = stack.SERVERS[request.param](build, tmp_path, config)
    g.start()
    yield g
    g.stop()


@pytest.mark.long
def test_faults_within(faulty_gateway, mock):
    """What fails in a worker costs its own request and no more."""
    g, parent = faulty_gateway, faulty_gateway.parent_pid()
    pids = g.worker_pids()
    right = patient(lambda: right_answers(g))
    with Crowd(g, right, seed=400) as crowd:
        until('many are done', lambda: crowd.done() > 400, 60)
    print(crowd)
    assert not crowd.wrong(), crowd.wrong()[:5]
    assert crowd.count('whole') > 50 and crowd.count('error') > 50, crowd
    patient(lambda: all_is_calm(g, mock))
    assert g.parent_pid() == parent and g.worker_pids() == pids
