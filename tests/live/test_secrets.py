"""Keys of providers: several of them, sealed ones, the master key's change.

The mock refuses keys by name; a client never sees it while another key works.
"""
import json
import os
import re
import subprocess

import pytest

import database
import stack
from conftest import make_gateway
from proc import until
from test_workers import Load

KEYS = ['sk-live-key-number-%d-%s' % (i, 'x' * 20) for i in range(3)]


def used(mock, n=4000):
    """Which keys the last requests carried, oldest first."""
    seen = []
    for r in mock.last(n):
        headers = {k.lower(): v for k, v in r['headers'].items()}
        value = (headers.get('authorization', '').removeprefix('Bearer ')
                 or headers.get('x-api-key') or headers.get('x-goog-api-key'))
        if value:
            seen.append(value)
    return seen


def refuse(mock, *keys, status=401):
    text = ''.join('%s %d\n' % (k, status) for k in keys)
    import urllib.request
    r = urllib.request.Request(
        'http://127.0.0.1:%d/_mock/keys' % mock.port, method='POST',
        data=text.encode())
    with urllib.request.urlopen(r, timeout=10) as f:
        assert f.status == 200


def with_keys(mock, folder, references, **more):
    """The usual configuration with these keys for every provider."""
    config = stack.default_config(mock)
    for p in config['providers'].values():
        del p['api_key']
        p['api_keys'] = references
    config.update(more)
    for i, key in enumerate(KEYS):
        path = folder / ('provider-key-%d' % i)
        path.write_text(key + '\n')
        path.chmod(0o600)
    return config


@pytest.mark.parametrize('server', ['lighttpd', 'apache'])
def test_one_of_two_keys_is_refused(server, mock, tmp_path):
    """The load moves to the other key, and no client sees an error."""
    config = with_keys(mock, tmp_path, [
        {'key': 'file:%s/provider-key-%d' % (tmp_path, i), 'name': 'k%d' % i}
        for i in range(2)], secrets={'recheck': '1s'})
    g = make_gateway(server, mock, tmp_path, config)
    try:
        with Load(g) as load:
            until('both keys are used',
                  lambda: set(used(mock)) == set(KEYS[:2]))
            refuse(mock, KEYS[0])
            for provider in ('openai', 'anthropic', 'gemini'):
                until('k0 is out at ' + provider, lambda: (
                    'provider %s: key k0 out: 401 since ' % provider
                    in g.get('/health/ready').text))
            assert 'llmgw_provider_key_state{provider="openai",key="k0"} 2' \
                in g.metrics()
            sent = load.done
            until('load goes on', lambda: load.done > sent + 100)
            refuse(mock)
            until('it comes back', lambda: (
                'key k0' not in g.get('/health/ready').text))
            sent = load.done
            until('load goes on', lambda: load.done > sent + 50)
            until('both are used again',
                  lambda: set(used(mock, 40)) == set(KEYS[:2]))
        assert not load.failures, load.failures[:3]
        refused = [r for r in g.requests() if ':upstream_auth:' in
                   r.get('tried', '')]
        assert refused, 'no attempt was refused'
        lines = g.requests_log.read_text()
        assert lines.count('key k0 is out') >= 3
        assert lines.count('key k0 is accepted again') >= 3
        for key in KEYS:
            assert key not in lines and key not in g.metrics()
    finally:
        g.stop()


def test_all_keys_are_refused(mock, tmp_path):
    config = with_keys(mock, tmp_path, [
        'file:%s/provider-key-0' % tmp_path, 'file:%s/provider-key-1' % tmp_path])
    g = make_gateway('lighttpd', mock, tmp_path, config)
    try:
        refuse(mock, *KEYS)
        a = g.chat('gpt')
        assert a.status == 502 and a.error['code'] == 'upstream_auth'
        assert a.headers['x-should-retry'] == 'false'
        health = g.get('/health/ready')
        assert health.status == 200
        assert 'key provider-key-1 out: 401' in health.text
        refuse(mock)  # no key is better: the next request shows it
        assert g.chat('gpt').status == 200
        until('health knows', lambda: len(re.findall(
            'provider openai: key', g.get('/health/ready').text)) <= 1)
        g.hang_up()  # a reload has the other one tried at once
        until('all are in', lambda: g.chat('gpt').status == 200
              and 'provider openai: key' not in g.get('/health/ready').text)
    finally:
        g.stop()


# ---- sealed keys -------------------------------------------------------------

class Ctl:
    """llmgwctl on the gateway's configuration."""

    def __init__(self, build, config_file):
        self.build, self.config_file = build, config_file

    def run(self, *args, text='', code=0):
        p = subprocess.run(
            [str(self.build / 'llmgwctl'), *args,
             '--config', str(self.config_file)], input=text,
            text=True, capture_output=True, timeout=60)
        assert p.returncode == code, (args, p.returncode, p.stdout, p.stderr)
        for key in KEYS:
            assert key not in p.stdout + p.stderr
        return p.stdout + p.stderr

    def json(self, *args, **kw):
        return json.loads(self.run(*args, '--json', **kw))


@pytest.fixture(params=['sqlite', 'mariadb'])
def store(request, tmp_path):
    """URL of an empty database, and what can stop and start it."""
    if request.param == 'sqlite':
        yield 'sqlite://%s/keys.db' % tmp_path, None
        return
    folder = tmp_path / 'db'
    folder.mkdir()
    db = database.MariaDB(folder)
    yield db.create('llmgw'), db
    db.stop()


def sealed_gateway(build, mock, tmp_path, url, server='lighttpd', keys=1):
    master = tmp_path / 'master.key'
    config = with_keys(mock, tmp_path, ['sealed:one'], store=url,
                       secrets={'master_key': 'file:%s' % master})
    first = tmp_path / 'first.yaml'
    state = tmp_path / 'state0'
    state.mkdir()
    first.write_text(json.dumps(dict(
        config, server={'state_dir': str(state)}, log={}, auth={})))
    ctl = Ctl(build, first)
    ctl.run('secret', 'new-master', str(master))
    ctl.run('db', 'init')
    if keys:
        ctl.run('secret', 'add', 'one', text=KEYS[0])
    g = make_gateway(server, mock, tmp_path, config)
    ctl.config_file = g.config_file
    return g, ctl


def each_worker_knows(g, name, is_known=True):
    """Back when every one of them does; no load may be on: they are held."""
    g.by_each_worker(lambda: until(
        'this worker has that set',
        lambda: ('key="%s"' % name in g.metrics()) == is_known))


def test_sealed_key_rotates_with_overlap(build, mock, tmp_path, store):
    g, ctl = sealed_gateway(build, mock, tmp_path, store[0])
    try:
        assert g.chat('gpt').status == 200
        assert used(mock, 1) == [KEYS[0]]
        with Load(g) as before:
            ctl.run('secret', 'rotate', 'one', '--grace', '1h', text=KEYS[1])
            until('the new one is used', lambda: KEYS[1] in used(mock, 40))
            assert KEYS[0] in used(mock)
        assert not before.failures, before.failures[:3]
        # Each worker looks for keys in its own time, and a request keeps the
        # set it began with: until then the provider has to take the old one.
        each_worker_knows(g, 'one@1')
        with Load(g) as load:
            until('both are used',
                  lambda: set(used(mock, 40)) == set(KEYS[:2]))
            # the provider forgets the old one before its time is over
            refuse(mock, KEYS[0])
            until('the old one is out', lambda: (
                'key one@1 out: 401' in g.get('/health/ready').text))
            ctl.run('secret', 'retire', 'one@1')
            ctl.run('secret', 'remove', 'one@1')
            until('a worker does not know it any more', lambda: (
                'one@1' not in g.get('/health/ready').text
                and 'one@1' not in g.metrics()))
        assert not load.failures, load.failures[:3]
        each_worker_knows(g, 'one@1', False)
        names = [r['name'] for r in ctl.json('secret', 'list')]
        assert names == ['one']
        actions = [r['action'] for r in ctl.json('audit', 'list')]
        for action in ('secret.create', 'secret.rotate', 'secret.retire',
                       'secret.remove'):
            assert action in actions
    finally:
        g.stop()


def test_a_refused_key_is_listed(build, mock, tmp_path, store):
    """Out with when and why; in again when accepted, rotated or enabled."""
    g, ctl = sealed_gateway(build, mock, tmp_path, store[0])
    jobd = database.Jobd(g)

    def rows():
        return {r['name']: (r['state'], r['out_why'])
                for r in ctl.json('secret', 'list')}

    try:
        assert g.chat('gpt').status == 200
        assert rows() == {'one': ('valid', None)}
        for status in (401, 402, 403):
            refuse(mock, KEYS[0], status=status)
            assert g.chat('gpt').status == (429 if status == 402 else 502)
            until('it is listed as refused', lambda: rows() == {
                'one': ('refused', 'openai answered %d' % status)})
            since, = [r['out_since'] for r in ctl.json('secret', 'list')]
            assert since[:4].isdigit() and since.endswith('Z')
            said = ctl.run('secret', 'list')
            assert 'openai answered %d' % status in said
            refuse(mock)
            assert g.chat('gpt').status == 200
            until('it is in again', lambda: rows() == {
                'one': ('valid', None)})
        # beside another key nobody asks with it, until it is enabled
        g.config['providers']['openai']['api_keys'].append(
            'file:%s/provider-key-2' % tmp_path)
        g.reload()
        refuse(mock, KEYS[0])
        until('it is out', lambda: (
            g.chat('gpt').status == 200 and rows()['one'][0] == 'refused'))
        refuse(mock)
        for _ in range(20):
            assert g.chat('gpt').status == 200
        assert set(used(mock, 20)) == {KEYS[2]}
        assert 'tries it' in ctl.run('secret', 'enable', 'one')
        assert rows()['one'][0] == 'refused'
        until('it is in again', lambda: (
            g.chat('gpt').status == 200 and rows()['one'][0] == 'valid'))
        g.config['providers']['openai']['api_keys'].pop()
        g.reload()
        # a new one in its place is not out because the old one was
        refuse(mock, KEYS[0])
        assert g.chat('gpt').status == 502
        until('it is out', lambda: rows()['one'][0] == 'refused')
        ctl.run('secret', 'rotate', 'one', text=KEYS[1])
        assert rows() == {'one': ('valid', None),
                          'one@1': ('refused', 'openai answered 401')}
        until('the new one works', lambda: g.chat('gpt').status == 200)
        refuse(mock, *KEYS)
        until('the new one is out as well', lambda: (
            g.chat('gpt').status == 502 and rows()['one'] == (
                'refused', 'openai answered 401')))
        # another host, or this one without its memory: told by the row
        g.stop()
        os.unlink(g.folder / 'state' / 'shm')
        refuse(mock)
        g.start()
        assert 'key one out: 401' in g.get('/health/ready').text
        until('a request has it in again', lambda: (
            g.chat('gpt').status == 200 and rows()['one'] == ('valid', None)))
        ctl.run('secret', 'retire', 'one')
        assert 'is over' in ctl.run('secret', 'enable', 'one', code=1)
        assert rows()['one'] == ('over', None)
        assert 'there is no secret' in ctl.run(
            'secret', 'enable', 'two', code=1)
        verdict = ctl.json('audit', 'verify')
        assert verdict['is_whole']
    finally:
        jobd.stop()
        g.stop()


def test_master_key_changes_under_load(build, mock, tmp_path, store):
    """Broken off by kill -9 in the middle, read half done, done again."""
    g, ctl = sealed_gateway(build, mock, tmp_path, store[0])
    rows = 61
    master, old = tmp_path / 'master.key', tmp_path / 'master.old'

    def masters():
        return {r['master_id'] for r in ctl.json('secret', 'list')}

    def half_done():
        """A new master key, and a rotation that is killed under way."""
        os.rename(master, old)
        ctl.run('secret', 'new-master', str(master))
        g.config['secrets']['master_key_old'] = ['file:%s' % old]
        g.reload()
        p = subprocess.Popen(
            [str(build / 'llmgwctl'), 'secret', 'rotate-master',
             '--config', str(g.config_file)], stdout=subprocess.DEVNULL)
        until('one is done',
              lambda: p.poll() is not None or len(masters()) > 1)
        p.kill()
        p.wait()
        # all workers read all of them anew: some of each master key
        g.hang_up()
        assert g.chat('gpt').status == 200
        assert 'missing' not in g.get('/health/ready').text
        return len(masters()) == 2

    try:
        for i in range(rows - 1):
            ctl.run('secret', 'add', 'other-%d' % i, text=KEYS[2])
        with Load(g) as load:
            in_the_middle = 0
            for _ in range(10):
                before = masters()
                assert len(before) == 1
                is_half = half_done()
                done = ctl.json('secret', 'rotate-master')
                assert done['resealed'] + done['done_before'] == rows
                assert done['closed'] == 0
                assert is_half == (done['resealed'] > 0)
                assert len(masters()) == 1 and masters() != before
                again = ctl.json('secret', 'rotate-master')
                assert again['done_before'] == rows
                del g.config['secrets']['master_key_old']
                old.unlink()
                g.reload()
                sent = load.done
                until('load goes on', lambda: load.done > sent + 50)
                in_the_middle += is_half
                if in_the_middle == 2:
                    break
            assert in_the_middle > 0, 'no kill came in the middle'
        assert not load.failures, load.failures[:3]
        assert 'missing' not in g.get('/health/ready').text
        assert set(used(mock, 50)) == {KEYS[0]}
        assert ctl.json('audit', 'verify')['is_whole']
    finally:
        g.stop()


def test_database_away_at_start(build, mock, tmp_path):
    """Its key is told to be missing, the others work; then it comes."""
    folder = tmp_path / 'db'
    folder.mkdir()
    db = database.MariaDB(folder)
    try:
        g, ctl = sealed_gateway(build, mock, tmp_path, db.create('llmgw'))
        try:
            # one that is still starting would not know the key
            assert g.by_each_worker(lambda: g.chat('gpt').status) == [200, 200]
            db.stop()
            assert g.chat('gpt').status == 200  # the last good set stays
            g.config['providers']['openai'].update(
                api_keys=['sealed:two', 'file:%s/provider-key-1' % tmp_path])
            g.config['providers']['gemini']['api_keys'] = ['sealed:two']
            g.reload()
            for i in range(10):
                assert g.chat('gpt').status == 200
                assert g.chat('gem').status == 502
            assert 'provider gemini: key two missing' in \
                g.get('/health/ready').text
            db.start()
            ctl.run('secret', 'add', 'two', text=KEYS[2])
            until('it is there',
                  lambda: g.chat('gem').status == 200, 30)
            until('health knows', lambda: (
                'missing' not in g.get('/health/ready').text))
        finally:
            g.stop()
    finally:
        db.stop()


def test_keys_never_come_by_arguments(build, tmp_path):
    config = tmp_path / 'c.yaml'
    config.write_text('providers: { p: { kind: openai } }\n')
    ctl = Ctl(build, config)
    ctl.run('secret', 'add', 'one', 'sk-x', code=2)
    ctl.run('db', 'init', '--store', 'sqlite://%s/a.db' % tmp_path)
    said = ctl.run('secret', 'add', 'one', '--store',
                   'sqlite://%s/a.db' % tmp_path, text='sk-1', code=1)
    assert 'secrets.master_key' in said
    ctl.run('secret', 'new-master', str(tmp_path / 'm'))
    assert (tmp_path / 'm').stat().st_mode & 0o777 == 0o600
    ctl.run('secret', 'new-master', str(tmp_path / 'm'), code=1)
    config.write_text('secrets: { master_key: "file:%s/m" }\n' % tmp_path
                      + config.read_text())
    store = ('--store', 'sqlite://%s/a.db' % tmp_path)
    for text in ('', 'two words', 'x' * 9000, 'umlaut-\u00e4'):
        said = ctl.run('secret', 'add', 'one', *store, text=text, code=1)
        assert 'standard input' in said
    ctl.run('secret', 'add', 'a/b', *store, text='sk-1', code=1)
    ctl.run('secret', 'add', 'one', '--in', 'soon', *store, text='sk-1', code=1)
    ctl.run('secret', 'add', 'one', '--provider', 'p', '--weight', '3',
            '--in', '1h', '--for', '2d', *store, text='sk-1\r\n')
    ctl.run('secret', 'add', 'one', *store, text='sk-1', code=1)
    row, = ctl.json('secret', 'list', *store)
    assert row['provider'] == 'p' and row['weight'] == 3
    assert row['state'] == 'waiting' and row['not_after']
    ctl.run('secret', 'rotate', 'no', *store, text='sk-1', code=1)
