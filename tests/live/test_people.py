"""People and keys: what llmgwctl changes is in force on all workers soon."""
import time

import pytest

import stack
import talk
from database import Ctl, MariaDB
from proc import until

WORKERS = 4


@pytest.fixture(params=['sqlite', 'mariadb'])
def acme(request, build, mock, tmp_path):
    """A gateway, and llmgwctl that knows tenant acme; no grant yet."""
    config = stack.default_config(mock)
    config['server']['workers'] = WORKERS
    config['models']['gpt']['tags'] = ['eu']
    server = MariaDB(tmp_path) if request.param == 'mariadb' else None
    if server:
        server.create('llmgw')
        config['store'] = server.url('llmgw')
    g = stack.SERVERS['lighttpd'](build, tmp_path, config)
    ctl = Ctl(build, g.config_file)
    ctl.run('db', 'init')
    ctl.run('tenant', 'create', 'acme')
    ctl.run('team', 'create', 'red')
    g.start()
    yield g, ctl
    g.stop()
    if server:
        server.stop()


def new_key(ctl, name, *options):
    return ctl.json('key', 'create', name, *options)['key']


def ask(g, key, model='gpt'):
    return g.post(talk.chat(model), headers={
        'content-type': 'application/json',
        'authorization': 'Bearer ' + key}).status


def settles(g, key, status, model='gpt'):
    """Every worker answers so; how long the last other answer came after."""
    start = time.monotonic()
    last, same = start, 0

    def all_answer_so():
        nonlocal last, same
        got = ask(g, key, model)
        same = same + 1 if got == status else 0
        if got != status:
            last = time.monotonic()
        return same >= 8 * WORKERS
    until('%s answers %d' % (model, status), all_answer_so)
    return last - start


def test_denied_until_granted(acme):
    g, ctl = acme
    key = new_key(ctl, 'ci', '--team', 'red')
    assert ask(g, key) == 404
    by_name = ctl.json('grant', 'add', 'gp*', '--team', 'red')['id']
    settles(g, key, 200)
    assert ask(g, key, 'claude') == 404
    # what one denies is denied whatever allows it
    by_tag = ctl.json('grant', 'add', 'eu', '--tag', '--deny')['id']
    settles(g, key, 404)
    ctl.run('grant', 'remove', str(by_tag))
    settles(g, key, 200)
    ctl.run('grant', 'remove', str(by_name))
    settles(g, key, 404)
    # a key without a user counts as a developer
    ctl.run('grant', 'add', '*', '--role', 'developer')
    settles(g, key, 200)
    settles(g, key, 200, 'claude')
    ctl.run('key', 'restrict', 'ci', '--models', 'claude')
    settles(g, key, 404)
    assert ask(g, key, 'claude') == 200


def test_what_is_blocked_is_refused_on_all_workers(acme):
    g, ctl = acme
    ctl.run('grant', 'add', '*')
    ctl.run('user', 'create', 'kim')
    ctl.run('role', 'grant', 'developer', '--user', 'kim')
    key = new_key(ctl, 'ci', '--team', 'red', '--user', 'kim')
    settles(g, key, 200)
    slowest = 0
    for what in (('key', 'ci'), ('user', 'kim'), ('team', 'red'),
                 ('tenant', 'acme')):
        ctl.run(what[0], 'block', what[1])
        slowest = max(slowest, settles(g, key, 401))
        ctl.run(what[0], 'unblock', what[1])
        settles(g, key, 200)
    ctl.run('role', 'revoke', 'developer', '--user', 'kim')
    settles(g, key, 403)
    print('refused by all %d workers %d ms after the command, at the latest'
          % (WORKERS, 1000 * slowest))


def test_rotate_expire_restrict(acme):
    g, ctl = acme
    ctl.run('grant', 'add', '*')
    old = new_key(ctl, 'ci')
    settles(g, old, 200)
    new = ctl.json('key', 'rotate', 'ci', '--grace', '1h')['key']
    settles(g, new, 200)
    settles(g, old, 200)
    # the former secret alone
    ctl.run('key', 'block', old[:14])
    settles(g, old, 401)
    settles(g, new, 200)
    third = ctl.json('key', 'rotate', 'ci', '--grace', '0s')['key']
    settles(g, new, 401)
    settles(g, third, 200)
    # all secrets are one client
    names = {line['client'] for line in g.requests()
             if line.get('status') == 200}
    assert len(names) == 1, names

    ctl.run('key', 'restrict', 'ci', '--networks', '203.0.113.0/24')
    settles(g, third, 401)
    ctl.run('key', 'restrict', 'ci', '--networks', '127.0.0.0/8')
    settles(g, third, 200)
    ctl.run('key', 'expire', 'ci')
    settles(g, third, 401)
    ctl.run('key', 'expire', 'ci', '--at', 'never')
    settles(g, third, 200)


def test_the_pepper_changes_under_load(acme):
    """Keys of an old pepper go on; it goes when none of them lasts."""
    g, ctl = acme
    ctl.run('grant', 'add', '*')
    old = new_key(ctl, 'old')
    settles(g, old, 200)
    first, = ctl.json('key', 'peppers')
    assert first['state'] == 'present' and first['lasting'] == 1
    refused = 0
    for n in range(2):
        ctl.run('key', 'new-pepper')
        for _ in range(200):  # over the polls of all workers
            refused += ask(g, old) != 200
    assert refused == 0
    new = new_key(ctl, 'new')
    settles(g, new, 200)
    settles(g, old, 200)
    rows = ctl.json('key', 'peppers')
    assert [r['state'] for r in rows] == ['present', 'old', 'old']
    assert [r['lasting'] for r in rows] == [1, 0, 1]
    assert rows[2]['pepper'] == first['pepper']
    ctl.run('key', 'drop-pepper', rows[1]['pepper'])
    p = ctl.call('key', 'drop-pepper', rows[2]['pepper'])
    assert p.returncode == 1 and '1 secrets that last' in p.stderr
    listed = ctl.json('key', 'list', '--pepper', rows[2]['pepper'])
    assert [k['name'] for k in listed] == ['old']
    p = ctl.call('key', 'drop-pepper', rows[0]['pepper'])
    assert p.returncode == 1 and 'the present pepper' in p.stderr
    p = ctl.call('key', 'drop-pepper', 'nobody')
    assert p.returncode == 1 and 'no old pepper' in p.stderr
    settles(g, old, 200)
    again = ctl.json('key', 'rotate', 'old', '--grace', '1h')['key']
    assert ctl.call('key', 'drop-pepper',
                    rows[2]['pepper']).returncode == 1
    settles(g, old, 200)
    ctl.run('key', 'expire', old[:14])
    ctl.run('key', 'drop-pepper', rows[2]['pepper'])
    settles(g, old, 401)
    settles(g, again, 200)
    settles(g, new, 200)
    assert [r['state'] for r in ctl.json('key', 'peppers')] == [
        'missing', 'present']
    assert ctl.json('audit', 'verify')['is_whole']
    # a host that has another file
    path = g.folder / 'state' / 'pepper'
    kept = path.read_bytes()
    path.write_bytes(bytes(31))
    p = ctl.call('key', 'create', 'third')
    assert p.returncode == 1 and '32 bytes' in p.stderr
    settles(g, again, 200)  # what the workers know stays
    path.unlink()
    p = ctl.call('key', 'new-pepper')
    assert p.returncode == 1 and 'none yet' in p.stderr
    path.write_bytes(kept)
    settles(g, again, 200)


ROLES = ('viewer', 'developer', 'operator', 'admin', 'auditor')
MAY_CALL = ('developer', 'operator', 'admin')


def walk(g, key, may, why):
    """Each surface of the gateway: what it answers to that key."""
    head = {'content-type': 'application/json',
            'authorization': 'Bearer ' + key}
    for path, body in (
            ('/v1/chat/completions', talk.chat('gpt')),
            ('/v1/chat/completions', dict(talk.chat('gpt'), stream=True)),
            ('/v1/chat', dict(talk.chat('gpt'), client_id='c',
                              metadata={'request_id': 'r'}))):
        a = g.post(body, path=path, headers=head)
        assert a.status == (200 if may else 403), (why, path, a.text)
    a = g.get('/v1/models', headers=head)
    assert a.status == 200, why
    names = {m['id'] for m in a.json['data']}
    assert ('gpt' in names) == may, (why, names)
    assert may or not names, (why, names)
    a = g.get('/v1/models/gpt', headers=head)
    assert a.status == (200 if may else 404), (why, a.text)


def test_each_role_walks_each_surface(acme):
    """By the user himself, by a team, by both; the grants are the same."""
    g, ctl = acme
    ctl.run('grant', 'add', '*')
    keys = {}
    for role in ROLES:
        ctl.run('user', 'create', role)
        ctl.run('role', 'grant', role, '--user', role)
        keys[role] = new_key(ctl, role, '--user', role)
        ctl.run('team', 'create', 'team-' + role)
        ctl.run('user', 'create', 'of-' + role)
        ctl.run('team', 'add', 'team-' + role, 'of-' + role)
        ctl.run('role', 'grant', role, '--team', 'team-' + role)
        keys['of-' + role] = new_key(ctl, 'of-' + role, '--user',
                                     'of-' + role)
    for name, key in keys.items():
        walk(g, key, name.removeprefix('of-') in MAY_CALL, name)
    ctl.run('user', 'create', 'none')
    walk(g, new_key(ctl, 'none', '--user', 'none'), False, 'no role')
    walk(g, new_key(ctl, 'machine'), True, 'a key without a user')
    # what is said of them is what they may
    for role in ROLES:
        assert ctl.json('user', 'show', role)['roles'] == [role]
        assert ctl.json('key', 'show', 'of-' + role)['roles'] == [role]
    # a role in another tenant is none here; taken away it is gone
    ctl.run('tenant', 'create', 'other')
    ctl.run('user', 'create', 'far', '--tenant', 'other')
    ctl.run('role', 'grant', 'admin', '--user', 'far', '--tenant', 'other')
    far = new_key(ctl, 'far', '--user', 'far', '--tenant', 'other')
    settles(g, far, 404)
    for role in MAY_CALL:
        ctl.run('role', 'revoke', role, '--user', role, '--tenant', 'acme')
        settles(g, keys[role], 403)
        walk(g, keys[role], False, 'no longer ' + role)
    ctl.run('role', 'grant', 'viewer', '--user', 'developer', '--tenant',
            'acme')
    ctl.run('role', 'grant', 'developer', '--user', 'developer', '--tenant',
            'acme')
    settles(g, keys['developer'], 200)
    walk(g, keys['developer'], True, 'viewer and developer')
