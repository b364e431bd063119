"""The worker dies at each place of a call where something changes.

A build with fault points kills it there as kill -9 would (base/fault.h). What
the ledger says of the call must be what the provider saw of it: nothing, that it
was asked, how much it had told.
"""
import os
import re
import sqlite3

import pytest

import booked
import database
import stack
import talk
from conftest import make_gateway
from proc import until

# A worker dies at its fifth passing of a place: its first request is not
# watched as closely as the others. The parent waits longer each time before it
# starts another; so no more of them than meet several kinds of calls.
NTH = 5
DEATHS = 3
ASKED = 18
ID = re.compile(r'kill-\d{4}')
MODELS = ('gpt', 'claude', 'gem', 'quick', 'claude-quick', 'gem-quick')
NANO = {'prompt': 1000, 'completion': 2000}

# place -> what becomes of the calls that were in hand there (state, is the
# provider's count known exactly); None: either
PLACES = {
    'kill.begun': ('not_sent', True),
    'kill.unhanded': ('not_sent', True),
    'kill.handing': ('unsure', False),
    'kill.sent': ('unsure', False),
    'kill.handed': ('lost', False),
    'kill.status': ('lost', False),
    'kill.content': ('lost', False),
    'kill.told': ('lost', None),
    'kill.settle': ('lost', True),
    'kill.appended': ('ok', True),
    'kill.settled': ('ok', True),
}
# Never asked, and asked, though both are unsure.
UNASKED = ('kill.begun', 'kill.unhanded', 'kill.handing')


def config(mock):
    c = stack.default_config(mock)
    c['server']['workers'] = 1
    for name in MODELS:
        for t in c['models'][name]['targets']:
            t['price'] = {'input': '1', 'output': '2'}
    return c


@pytest.fixture
def own_mock(build, tmp_path):
    m = stack.Mock(build, tmp_path)
    yield m
    m.stop()


@pytest.fixture
def place(request, build, own_mock, tmp_path, monkeypatch):
    if 'define WITH_FAULTS' not in (build / 'config.h').read_text():
        pytest.skip('%s is configured without --enable-faults' % build)
    c = config(own_mock)
    c['store'] = 'sqlite://%s' % (tmp_path / 'state' / 'llmgw.db')
    monkeypatch.setenv('LLMGW_FAULT', '%s:%d' % (request.param, NTH))
    g = make_gateway('lighttpd', own_mock, tmp_path, c)
    monkeypatch.delenv('LLMGW_FAULT')
    database.Ctl(build, g.config_file).run('db', 'init')
    jobd = database.Jobd(g)
    yield request.param, g, tmp_path / 'state' / 'llmgw.db'
    jobd.stop()
    g.stop()


def ask(g, n):
    """True: it was answered."""
    model, id = MODELS[n % len(MODELS)], 'kill-%04d' % n
    headers = g.headers(**{'x-request-id': id})
    try:
        if 'quick' not in model:
            return g.post(talk.chat(model, id), headers=headers).status == 200
        body = talk.chat(model, id, stream=True)
        with talk.Stream(g.port, '/v1/chat/completions', body, headers) as s:
            s.rest()
            return s.status == 200 and s.done and not s.errors()
    except (OSError, ValueError, talk.http.client.HTTPException):
        return False


def check_killed(name, truth, rows):
    """Those that were in hand: what is said of them, what the provider knows."""
    state, is_exact = PLACES[name]
    assert rows and {r.state for r in rows} == {state}, rows
    if is_exact is not None:
        assert {bool(r.estimated) for r in rows} == {not is_exact}, rows
    else:
        assert {r.estimated for r in rows} == {0, 1}, rows
    known = [r for r, _ in truth.pairs]
    assert not any(r in known for r in rows) if name in UNASKED \
        else all(r in known for r in rows), rows


@pytest.mark.parametrize('place', sorted(PLACES), indirect=True)
def test_killed_at(place, own_mock):
    name, g, db = place
    bad, pids, asked = set(), set(), 0
    while asked < ASKED and len(bad) < DEATHS:
        pids |= set(until('a worker', g.worker_pids))
        if not ask(g, asked):
            bad.add('kill-%04d' % asked)
        asked += 1
    assert len(pids) > 1, 'nobody was killed'
    parent = g.parent_pid()
    g.server.stop()
    until('the responder ends', lambda: not os.path.exists(
        '/proc/%d' % parent), 30)
    folder = g.folder / 'state' / 'spool'
    until('the spool is empty', lambda: not [
        f for f in folder.iterdir() if f.suffix in ('.seg', '.open')], 60)
    with sqlite3.connect('file:%s?mode=ro' % db, uri=True) as c:
        rows = booked.rows_of(c.execute(
            'SELECT %s FROM ledger' % booked.COLUMNS))
    truth = booked.Truth(rows, booked.calls_of(own_mock, ID, 4000))
    truth.check(NANO)
    truth.tell(own_mock.stats())
    # of a call that is settled its client may know already
    killed = [r for r in rows if r.id in bad]
    assert len(killed) == DEATHS or PLACES[name][0] == 'ok', name
    if killed:
        check_killed(name, truth, killed)
    done = [r for r in rows if r.id not in bad]
    assert {r.state for r in done} <= {'ok'} and not any(
        r.estimated for r in done), name
    assert len(done) == asked - len(bad)
