"""The three accounts of roles.sql: each is enough for what the manual says."""
import pathlib
import time

import pytest

import database
import stack
import talk
from conftest import make_gateway
from proc import until

ROLES = pathlib.Path(__file__).parents[2] / 'sql/mariadb/roles.sql'
PRICES = '{"gpt-x":{"input_cost_per_token":1e-6,' \
    '"output_cost_per_token":2e-6,"litellm_provider":"openai","mode":"chat"}}'

# What llmgw_console does: a call of each command that changes something, in an
# order in which they work; a second line is its standard input.
CONSOLE = '''\
tenant create acme
tenant set acme --timezone Europe/Berlin
tenant block acme
tenant unblock acme
team create red
team set red --title Reds
team block red
team unblock red
user create kim
user set kim --email kim@acme.example
user block kim
user unblock kim
team remove red kim
team add red kim
role revoke admin --user kim
role grant admin --user kim
grant remove GRANT
grant add * --team red
key create ci --team red
key restrict ci --networks 127.0.0.0/8
key new-pepper
key rotate ci --grace 0s
key drop-pepper OLD
key block ci
key unblock ci
limit create rpm --requests 100 --per 1m --each key
limit set rpm --amount 200
limit remove rpm
secret add one
secret rotate one
secret enable one
secret retire one
secret remove one
secret rotate-master
price import litellm FILE
price set openai demo --input 1 --output 2
price unset openai demo
key expire ci'''.splitlines()
# Those take away what these have made.
FIRST = {'team remove': 'team add red kim',
         'role revoke': 'role grant admin --user kim',
         'grant remove': 'grant add x --tenant acme'}


# Users who come by their tokens, keys that providers refuse: the gateway does
# these too. The others change files alone, or find nothing left to do.
BY_BOTH = ('user create', 'secret enable', 'key new-pepper', 'key drop-pepper',
           'secret rotate-master')


@pytest.fixture
def bed(mock, tmp_path):
    server = database.MariaDB(tmp_path)
    server.run(ROLES.read_text())
    password = tmp_path / 'password'
    password.write_text('of the test')
    for name in ('llmgw_owner', 'llmgw', 'llmgw_console'):
        server.run("ALTER USER %s@localhost IDENTIFIED BY '%s'"
                   % (name, password.read_text()))

    def url(name):
        return 'mariadb://%s@localhost/llmgw?socket=%s&password_file=%s' % (
            name, server.socket, password)
    yield server, url
    server.stop()


def call(ctl, line, url, tmp_path):
    old = [p['pepper'] for p in ctl.json('key', 'peppers', '--store', url)
           if p['state'] == 'old']
    grants = ctl.json('grant', 'list', '--store', url)
    words = [{'FILE': str(tmp_path / 'prices.json'),
              'OLD': old[0] if old else '',
              'GRANT': str(grants[-1]['id']) if grants else ''}.get(w, w)
             for w in line.split()]
    return ctl.call(*words, '--store', url, input='sk-of-the-test\n')


def test_each_account_does_its_part(build, mock, tmp_path, bed):
    server, url = bed
    (tmp_path / 'prices.json').write_text(PRICES)
    config = stack.default_config(mock)
    config.update(store=url('llmgw'), secrets={
        'master_key': 'file:%s' % (tmp_path / 'master')})
    config['ledger'] = {'keep': '30d', 'keep_minutes': '10d'}
    first = tmp_path / 'first.yaml'
    first.write_text('server: { state_dir: "%s" }\nstore: "%s"\n' % (
        tmp_path / 'state', url('llmgw')))
    (tmp_path / 'state').mkdir()
    ctl = database.Ctl(build, first)
    ctl.run('secret', 'new-master', str(tmp_path / 'master'))
    # the gateway's account makes no tables
    assert 'CREATE command denied' in ctl.call('db', 'init').stderr
    ctl.run('db', 'init', '--store', url('llmgw_owner'))
    server.run(ROLES.read_text())
    for name in ('llmgw_owner', 'llmgw', 'llmgw_console'):
        ctl.run('db', 'check', '--store', url(name))

    # what is long over: jobd drops the rows and folds the sums
    today = int(time.time()) // 86400
    server.run(
        'ALTER TABLE ledger REORGANIZE PARTITION p_rest INTO (PARTITION p%d '
        'VALUES LESS THAN (%d), PARTITION p_rest VALUES LESS THAN MAXVALUE);'
        'INSERT INTO ledger (day, id, request_id, attempt, began, node, client,'
        ' surface, alias, provider, model, state, is_estimated) VALUES (%d,'
        " 'x', 'r', 1, 1, 'n', '', 'chat', 'm', 'p', 'm', 'ok', 0)"
        % (today - 40, today - 39, today - 40), 'llmgw')
    for day in range(today - 9, today):
        server.run(
            "INSERT INTO usage_rollup VALUES ('day', %d, 1, 1, 1, 1, 'c', 'a',"
            " 'p', 'm', 5, 0, 0, 0, 0, 10, 10, 0, 0, 100%s)" % (
                day * 86400 * 10**6, ', 0' * (int(server.run(
                    "SELECT COUNT(*) FROM information_schema.columns WHERE "
                    "table_schema = 'llmgw' AND table_name = 'usage_rollup'"
                )[0][0]) - 20)), 'llmgw')

    g = make_gateway('lighttpd', mock, tmp_path, config)
    jobd = database.Jobd(g)
    ctl = database.Ctl(build, g.config_file)
    try:
        walk(ctl, url, tmp_path)
        key = ctl.json('key', 'rotate', 'ci', '--store',
                       url('llmgw_console'))['key']
        ctl.run('key', 'expire', 'ci', '--at', 'never', '--store',
                url('llmgw_console'))
        until('the key is known', lambda: g.post(talk.chat('gpt'), headers={
            'content-type': 'application/json',
            'authorization': 'Bearer ' + key}).status == 200)
        until('it is booked', lambda: server.run(
            "SELECT COUNT(*) FROM ledger WHERE state = 'ok' AND day >= %d"
            % today, 'llmgw') != [['0']])
        until('old rows are gone', lambda: server.run(
            'SELECT COUNT(*) FROM ledger WHERE day < %d' % today,
            'llmgw') == [['0']])
        until('days are folded', lambda: server.run(
            'SELECT COUNT(*) FROM usage_fold', 'llmgw') != [['0']])
        reprice(ctl, url)
        assert ctl.json('audit', 'verify')['is_whole']
    finally:
        jobd.stop()
        g.stop()


def walk(ctl, url, tmp_path):
    """The console's account may all that changes people, rules and prices; the
    gateway's none of it."""
    wanted = {'%s %s' % (r['group'], r['verb'])
              for r in ctl.json('help') if r['is_change']}
    done = {' '.join(line.split()[:2]) for line in CONSOLE}
    assert wanted - done == {'usage recompute'}
    for line in CONSOLE:
        command = ' '.join(line.split()[:2])
        if command in FIRST:
            p = call(ctl, FIRST[command], url('llmgw_console'), tmp_path)
            assert p.returncode == 0, p.stderr
        if command not in BY_BOTH:
            p = call(ctl, line, url('llmgw'), tmp_path)
            assert p.returncode == 1, line + p.stdout
            assert 'mariadb://llmgw_console@' in p.stderr, line + p.stderr
        p = call(ctl, line, url('llmgw_console'), tmp_path)
        assert p.returncode == 0, line + p.stderr


def reprice(ctl, url):
    ctl.run('price', 'set', 'openai', 'demo', '--input', '7', '--output', '9',
            '--store', url('llmgw_console'))
    day = time.strftime('%Y-%m-%d', time.gmtime())
    words = ['usage', 'recompute', '--from', day, '--to', day, '--write']
    p = ctl.call(*words, '--store', url('llmgw_console'))
    assert p.returncode == 1 and 'mariadb://llmgw@' in p.stderr, p.stderr
    p = ctl.call(*words)
    assert p.returncode == 0 and 'have other prices now' in p.stderr, p.stderr
    rows = ctl.json('usage', 'report', '--from', day)
    assert any(float(r['cost']) > 0 for r in rows if r['cost']), rows
