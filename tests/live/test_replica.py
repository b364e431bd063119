"""What this host knew serves while the database is away, in new workers, too."""
import json
import os
import signal

import pytest

import stack
import talk
from database import Ctl, Jobd, MariaDB
from proc import until

WORKERS = 2
LIMIT = 5


@pytest.fixture
def bed(build, mock, tmp_path):
    server = MariaDB(tmp_path)
    config = stack.default_config(mock)
    config['server']['workers'] = WORKERS
    config['store'] = server.create('llmgw')
    g = stack.SERVERS['lighttpd'](build, tmp_path, config)
    ctl = Ctl(build, g.config_file)
    ctl.run('db', 'init')
    ctl.run('tenant', 'create', 'acme')
    ctl.run('grant', 'add', '*')
    g.start()
    jobd = Jobd(g)
    yield g, ctl, server
    if server.process.p.poll() is None:
        server.go_on()
    g.stop()
    jobd.stop()
    server.stop()


def ask(g, key):
    return g.post(talk.chat('gpt'), headers={
        'content-type': 'application/json',
        'authorization': 'Bearer ' + key})


def new_key(ctl, name):
    return ctl.json('key', 'create', name)['key']


def replica_has(g, ctl, name, state):
    """The copy is a store like any other."""
    p = ctl.call('key', 'show', name, '--json', '--store',
                 'sqlite://%s/state/replica.db' % g.folder)
    return p.returncode == 0 and json.loads(p.stdout)['state'] == state


def replace_workers(g):
    old = g.worker_pids()
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    until('other workers', lambda: len(g.worker_pids()) == WORKERS
          and not set(old) & set(g.worker_pids()))
    until('they answer', g.is_ready)


@pytest.mark.parametrize('trouble', ['killed', 'held'])
def test_new_workers_while_the_database_is_away(bed, trouble):
    g, ctl, server = bed
    good, blocked = new_key(ctl, 'good'), new_key(ctl, 'blocked')
    limited = new_key(ctl, 'limited')
    ctl.run('limit', 'create', 'few', '--key', 'limited', '--requests',
            str(LIMIT), '--per', '24h')
    ctl.run('key', 'block', 'blocked')
    until('it is copied', lambda: replica_has(g, ctl, 'blocked', 'blocked'))
    server.kill() if trouble == 'killed' else server.hold()
    replace_workers(g)

    for _ in range(10 * WORKERS):
        assert ask(g, good).status == 200
    assert ask(g, blocked).status in (401, 503)
    assert ask(g, 'llmgw_%s_%s' % ('Z' * 8, 'z' * 43)).status == 503
    got = [ask(g, limited).status for _ in range(2 * LIMIT)]
    assert got == LIMIT * [200] + LIMIT * [429]
    until('health tells', lambda: 'database' in g.get('/health/ready').text)

    server.start() if trouble == 'killed' else server.go_on()
    until('a wrong key is just wrong', lambda: ask(
        g, 'llmgw_%s_%s' % ('Z' * 8, 'z' * 43)).status == 401, 60)
    late = new_key(ctl, 'late')
    until('a new key is known', lambda: ask(g, late).status == 200, 60)
