"""The audit: who is refused and why, told there and not to the client."""
import json

import pytest

import stack
import talk
from database import Ctl, Jobd, MariaDB
from proc import until
from test_identity import Issuer

HEADERS = {'content-type': 'application/json'}


@pytest.fixture(params=['sqlite', 'mariadb'])
def books(request, build, mock, tmp_path):
    """A gateway with a database, llmgwctl and llmgw-jobd on both products."""
    config = stack.default_config(mock)
    config['policies'] = [{'name': 'bare', 'deny': ['tools']}]
    server = MariaDB(tmp_path) if request.param == 'mariadb' else None
    if server:
        server.create('llmgw')
        config['store'] = server.url('llmgw')
    g = stack.SERVERS['lighttpd'](build, tmp_path, config)
    ctl = Ctl(build, g.config_file)
    ctl.run('db', 'init')
    ctl.run('tenant', 'create', 'acme')
    ctl.run('team', 'create', 'red', '--tenant', 'acme')
    ctl.run('grant', 'add', '*', '--tenant', 'acme')
    new_key(ctl, 'first')  # makes the pepper, which workers read at start
    g.start()
    jobd = Jobd(g)
    yield g, ctl, jobd
    jobd.stop()
    g.stop()
    if server:
        server.stop()


def new_key(ctl, name, *options):
    return ctl.json('key', 'create', name, '--tenant', 'acme', '--team',
                    'red', *options)['key']


def ask(g, key, model='gpt', **more):
    return g.post(talk.chat(model, 'Hello', **more), headers=dict(
        HEADERS, authorization='Bearer ' + key, **{
            'x-llmgw-reason': 'the test of ' + key[6:14]}))


def events(ctl, action):
    """Rows of the audit, the oldest first."""
    rows = ctl.json('audit', 'list', '--action', action, '--limit', '10000')
    return rows[::-1]


def detail(row):
    return json.loads(row['detail'])


def test_refusals_are_told_apart_in_the_audit_alone(books):
    g, ctl, jobd = books
    keys = {name: new_key(ctl, name, *options) for name, options in (
        ('good', ()), ('expired', ()), ('blocked', ()),
        ('network', ('--networks', '203.0.113.0/24')))}
    ctl.run('key', 'expire', 'expired', '--tenant', 'acme')
    ctl.run('key', 'block', 'blocked', '--tenant', 'acme', '--reason',
            'lost laptop')
    keys['unknown'] = 'llmgw_' + 'Zz0Zz0Zz' + keys['good'][14:]
    # right name, wrong secret
    keys['foreign'] = keys['good'][:-1] + ('a' if keys['good'][-1] != 'a'
                                           else 'b')
    assert ask(g, keys['good']).status == 200

    answers = {}
    for name, key in keys.items():
        if name != 'good':
            answers[name] = ask(g, key)
    for name, a in answers.items():
        assert a.status == 401, name
        assert a.text == answers['unknown'].text, name
        assert {k.lower() for k in a.headers} == {
            k.lower() for k in answers['unknown'].headers}, name

    until('all are in the audit', lambda: len(
        events(ctl, 'auth.refused')) == len(answers))
    rows = {r['result']: r for r in events(ctl, 'auth.refused')}
    assert set(rows) == set(answers)
    for name, r in rows.items():
        assert r['actor'] == 'key:' + keys[name][6:14]
        assert r['reason'] == 'the test of ' + keys[name][6:14]
        assert r['address'] == '127.0.0.1'
        assert detail(r)['status'] == 401
    # what was done to the keys is there as well, and no secret is
    block, = events(ctl, 'key.block')
    assert block['reason'] == 'lost laptop'
    whole = ctl.run('audit', 'export')
    assert not any(key in whole for key in keys.values())
    assert ctl.json('audit', 'verify')['is_whole']


def test_a_stranger_with_a_good_token_is_named(books, tmp_path):
    """Whom the issuer vouches for and nobody has let in, or who is blocked."""
    g, ctl, jobd = books
    issuer = Issuer(tmp_path, 'one')
    jwks = tmp_path / 'jwks.json'
    jwks.write_text(json.dumps({'keys': [issuer.jwk()]}))
    g.config['auth']['jwt'] = {
        'issuer': 'https://id.test', 'audience': 'llmgw', 'tenant': 'acme',
        'keys': 'file:%s' % jwks, 'roles_claim': 'roles'}
    ctl.run('user', 'create', 'kim', '--tenant', 'acme')
    ctl.run('user', 'block', 'kim', '--tenant', 'acme')
    g.reload()
    for name in 'eve', 'kim':
        token = issuer.token(sub=name, roles='developer')
        for _ in range(4):  # looked up, then remembered by each worker
            assert ask(g, token).status == 401
    other = Issuer(tmp_path, 'two')
    assert ask(g, other.token(sub='mallory')).status == 401
    until('all are in the audit', lambda: len(
        events(ctl, 'auth.refused')) == 9)
    assert sorted((r['actor'], r['result'])
                  for r in events(ctl, 'auth.refused')) == [
        ('nobody', 'bad_token'), *[('user:acme/eve', 'unknown')] * 4,
        *[('user:acme/kim', 'blocked')] * 4]


def test_each_event_once_whatever_is_killed(books):
    """jobd and workers are killed while refusals come; ids tell them apart."""
    g, ctl, jobd = books
    good = new_key(ctl, 'good')
    tools = [{'type': 'function', 'function': {'name': 'f'}}]
    ids = []
    for i in range(60):
        a = ask(g, good, tools=tools)
        assert a.status == 403
        ids.append({k.lower(): v for k, v in a.headers.items()}
                   ['x-request-id'])
        if i % 6 == 0:
            jobd.kill()
            jobd.start()
    until('all are in the audit', lambda: len(
        events(ctl, 'policy.refused')) >= len(ids))
    rows = events(ctl, 'policy.refused')
    assert sorted(detail(r)['request_id'] for r in rows) == sorted(ids)
    assert {r['result'] for r in rows} == {'bare'}
    assert {r['actor'] for r in rows} == {'key:acme/good'}
    assert ctl.json('audit', 'verify')['is_whole']


def test_guesses_are_bounded(books):
    g, ctl, jobd = books
    g.config['audit'] = {'refused_per_minute': 5}
    g.reload()
    n, workers = 200, len(g.worker_pids())
    for i in range(n):
        assert ask(g, 'llmgw_guess%03d_' % i + 'x' * 43).status == 401
    # the rest is told when a worker ends, at the latest
    g.stop()
    until('the sums are there', lambda: sum(
        detail(r).get('more', 1) for r in events(ctl, 'auth.refused')) == n)
    rows = events(ctl, 'auth.refused')
    assert len(rows) <= workers * 6 * 2  # a minute may end meanwhile
    assert any('more from this address' in r['reason'] for r in rows)
    # all workers have told of one change of the configuration: one row
    assert len(events(ctl, 'config.reloaded')) == 1
    assert len(events(ctl, 'worker.started')) == workers
    assert ctl.json('audit', 'verify')['is_whole']


def test_a_bad_configuration_is_told_once(books):
    g, ctl, jobd = books
    provider = g.config['providers']['openai']
    provider['kind'] = 'nonsense'
    g.write_config(g.config)
    g.hang_up()
    until('it is in the audit', lambda: events(ctl, 'config.refused'))
    provider['kind'] = 'openai'
    provider['headers'] = {'x-changed': 'yes'}
    g.reload()
    until('the good one is', lambda: events(ctl, 'config.reloaded'))
    refused, = events(ctl, 'config.refused')
    assert 'nonsense' in refused['result']
    assert refused['actor'] == 'gateway'


def test_reasons_can_be_required(books):
    g, ctl, jobd = books
    g.config['audit'] = {'require_reason': True, 'access': 'all',
                         'addresses': False}
    g.reload()
    p = ctl.call('tenant', 'create', 'other')
    assert p.returncode == 1 and '--reason' in p.stderr
    # what only looks needs none
    recompute = ['usage', 'recompute', '--from', '2026-11-01', '--to',
                 '2026-11-02']
    ctl.run(*recompute)
    p = ctl.call(*recompute, '--write')
    assert p.returncode == 1 and '--reason' in p.stderr
    ctl.run('tenant', 'create', 'other', '--reason', 'ticket 7')
    made = events(ctl, 'tenant.create')[-1]
    assert made['reason'] == 'ticket 7'
    good = ctl.json('key', 'create', 'good', '--tenant', 'acme', '--team',
                    'red', '--reason', 'ticket 8')['key']
    assert ask(g, good).status == 200
    until('the access is in the audit', lambda: events(ctl, 'request'))
    row = events(ctl, 'request')[-1]
    assert row['actor'] == 'key:acme/good' and row['object'] == 'model:gpt'
    assert row['result'] == 'ok' and row['address'] == ''
    assert row['reason'].startswith('the test of ')
