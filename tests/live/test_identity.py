"""Keys, tokens and people while the database is well, away, and back."""
import base64
import json
import re
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import stack
import talk
from database import Ctl, Jobd, MariaDB
from proc import until

WORKERS = 2
JSON = {'content-type': 'application/json'}


def bearer(key):
    return dict(JSON, authorization='Bearer ' + key)


def ask(g, key):
    return g.post(talk.chat('gpt'), headers=bearer(key))


def all_workers(g, key, status):
    """Whether each says so: a busy machine lets one answer many in a row."""
    return g.by_each_worker(
        lambda: ask(g, key).status) == [status] * WORKERS


@pytest.fixture
def bed(build, mock, tmp_path):
    """A gateway on MariaDB, its server, and llmgwctl of tenant acme."""
    server = MariaDB(tmp_path)
    server.create('llmgw')
    config = stack.default_config(mock)
    config['server']['workers'] = WORKERS
    config['store'] = server.url('llmgw')
    g = stack.SERVERS['lighttpd'](build, tmp_path, config)
    ctl = Ctl(build, g.config_file)
    ctl.run('db', 'init')
    ctl.run('tenant', 'create', 'acme')
    ctl.run('grant', 'add', '*')
    g.start()
    yield g, ctl, server
    g.stop()
    server.stop()


def new_key(ctl, name, *options):
    return ctl.json('key', 'create', name, *options)['key']


def test_database_stopped_and_back(bed):
    g, ctl, server = bed
    known, unknown = new_key(ctl, 'known'), new_key(ctl, 'unknown')
    until('every worker knows it', lambda: all_workers(g, known, 200))
    server.stop()
    # the workers' connections are gone; who is known does not notice
    for _ in range(20 * WORKERS):
        assert ask(g, known).status == 200
    a = ask(g, unknown)
    assert a.status == 503
    assert a.error['code'] == 'temporarily_unavailable'
    assert int(a.headers['retry-after']) >= 1
    # one that has not even the form of a key needs no database
    assert ask(g, 'sk-wrong').status == 401
    until('health tells', lambda: 'database' in g.get('/health/ready').text)
    assert g.get('/health/ready').status == 200
    until('metrics tell', lambda: 'llmgw_store_away %d' % WORKERS
          in g.metrics())
    server.start()
    until('it is known now', lambda: all_workers(g, unknown, 200), 60)
    assert 'llmgw_store_away 0' in g.metrics()
    assert 'database' not in g.get('/health/ready').text


def test_database_hangs(bed):
    """It keeps its connections and says nothing: nobody known waits."""
    g, ctl, server = bed
    known = new_key(ctl, 'known')
    until('every worker knows it', lambda: all_workers(g, known, 200))
    server.hold()
    try:
        slowest = 0
        for _ in range(50 * WORKERS):
            start = time.monotonic()
            assert ask(g, known).status == 200
            slowest = max(slowest, time.monotonic() - start)
        a = ask(g, new_key_text())
        assert a.status == 503 and int(a.headers['retry-after']) >= 1
    finally:
        server.go_on()
    print('#| database held: slowest of %d requests %.1f ms'
          % (50 * WORKERS, slowest * 1000))
    until('a wrong key is just wrong again',
          lambda: ask(g, new_key_text()).status == 401, 60)


def new_key_text():
    """In the form of a key, and nobody's."""
    return 'llmgw_%s_%s' % ('Z' * 8, ('%d' % time.monotonic_ns()).zfill(43))


def test_refusals_are_the_same_to_the_client(bed):
    g, ctl, _ = bed
    good = new_key(ctl, 'good')
    blocked = new_key(ctl, 'blocked')
    ctl.run('key', 'block', 'blocked')
    elsewhere = ctl.json('key', 'create', 'elsewhere', '--networks',
                         '10.99.0.0/16')['key']
    answers = {}
    for why, key in (('unknown', new_key_text()), ('blocked', blocked),
                     ('foreign', good[:-1] + ('a' if good[-1] != 'a' else 'b')),
                     ('network', elsewhere)):
        a = until(why, lambda: (lambda x: x if x.status == 401 else None)(
            ask(g, key)))
        answers[why] = (a.status, a.json, sorted(a.headers))
    assert len({repr(a) for a in answers.values()}) == 1, answers
    for why in answers:
        until('the log tells', lambda: any(
            line.get('refused') == why for line in g.requests()))


def raw(g, key, path, body):
    """All bytes of the answer, but for the time."""
    with socket.create_connection(('127.0.0.1', g.port), timeout=30) as s:
        head = ('POST %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n'
                'Content-Type: application/json\r\nX-Request-Id: same\r\n'
                'Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n'
                % (path, key, len(body)))
        s.sendall(head.encode() + body)
        got = b''
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            got += piece
    return re.sub(rb'\r\nDate: [^\r]*', b'', got)


def test_refusals_are_the_same_byte_for_byte(bed):
    """Each answer, its headers and their order; also a second time, when
    it is known, on each surface, and beside an old pepper."""
    g, ctl, _ = bed
    good = new_key(ctl, 'good')
    ctl.run('user', 'create', 'kim')
    keys = {
        'unknown': new_key_text(),
        'foreign': good[:-1] + ('a' if good[-1] != 'a' else 'b'),
        'malformed': 'sk-proj-1234',
        'short': good[:-1],
        'blocked': new_key(ctl, 'blocked'),
        'expired': new_key(ctl, 'expired'),
        'network': new_key(ctl, 'network', '--networks', '10.99.0.0/16'),
        'user': new_key(ctl, 'user', '--user', 'kim'),
        'former': new_key(ctl, 'rotated'),
    }
    ctl.run('key', 'block', 'blocked')
    ctl.run('key', 'expire', 'expired')
    ctl.run('user', 'block', 'kim')
    ctl.run('key', 'rotate', 'rotated', '--grace', '0s')
    for peppers in (1, 2):
        for path, body in (
                ('/v1/chat/completions', json.dumps(talk.chat('gpt'))),
                ('/v1/chat', json.dumps(talk.chat('nobody'))),
                ('/v1/chat/completions', '{ no JSON')):
            answers = {}
            for name, key in keys.items():
                answers[name] = {raw(g, key, path, body.encode())
                                 for _ in range(3 * WORKERS)}
            first = answers['unknown']
            assert len(first) == 1 and b' 401 ' in min(first)
            assert all(a == first for a in answers.values()), answers
        ctl.run('key', 'new-pepper')
        until('the good one is known', lambda: all_workers(g, good, 200))
    for why in ('unknown', 'foreign', 'blocked', 'expired', 'network'):
        assert any(line.get('refused') == why for line in g.requests()), why


# -- tokens

def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip('=')


class Issuer:
    """An identity provider with one Ed25519 key, by openssl."""

    def __init__(self, folder, kid):
        self.folder, self.kid = folder, kid
        self.key = folder / ('issuer-' + kid)
        self.openssl('genpkey', '-algorithm', 'ed25519', '-out', self.key)

    @staticmethod
    def openssl(*args):
        return subprocess.run(['openssl', *args], check=True, timeout=60,
                              capture_output=True).stdout

    def jwk(self):
        der = self.openssl('pkey', '-in', self.key, '-pubout',
                           '-outform', 'DER')
        return {'kty': 'OKP', 'crv': 'Ed25519', 'kid': self.kid,
                'use': 'sig', 'x': b64(der[-32:])}

    def token(self, **claims):
        claims = dict({'iss': 'https://id.test', 'aud': 'llmgw', 'sub': 'kim',
                       'exp': int(time.time()) + 600}, **claims)
        text = '.'.join(b64(json.dumps(part).encode()) for part in (
            {'alg': 'EdDSA', 'kid': self.kid, 'typ': 'JWT'}, claims))
        path = self.folder / 'to-sign'
        path.write_text(text)
        return text + '.' + b64(self.openssl(
            'pkeyutl', '-sign', '-inkey', self.key, '-rawin', '-in', path))


def test_tokens(build, mock, tmp_path):
    """A user of the database by a token; the key set in a file is replaced."""
    first, second = Issuer(tmp_path, 'one'), Issuer(tmp_path, 'two')
    jwks = tmp_path / 'jwks.json'
    jwks.write_text(json.dumps({'keys': [first.jwk()]}))
    config = stack.default_config(mock)
    config['auth']['jwt'] = {
        'issuer': 'https://id.test', 'audience': 'llmgw', 'tenant': 'acme',
        'keys': 'file:%s' % jwks, 'roles_claim': 'roles'}
    g = stack.SERVERS['lighttpd'](build, tmp_path, config)
    ctl = Ctl(build, g.config_file)
    ctl.run('db', 'init')
    ctl.run('tenant', 'create', 'acme')
    ctl.run('user', 'create', 'kim')
    ctl.run('grant', 'add', 'gpt', '--user', 'kim')
    g.start()
    try:
        token = first.token(roles=['developer'])
        assert ask(g, token).status == 200
        until('the log tells who', lambda: any(
            line.get('client') == 'acme/kim' for line in g.requests()))
        assert ask(g, first.token()).status == 403  # without a role
        for bad in (first.token(sub='lee', roles='developer'),
                    first.token(aud='other', roles='developer'),
                    first.token(exp=int(time.time()) - 600),
                    second.token(roles='developer'),
                    token[:-8] + 'AAAAAAAA'):
            assert ask(g, bad).status == 401
        ctl.run('user', 'block', 'kim')
        until('blocked', lambda: all_workers(g, token, 401))
        ctl.run('user', 'unblock', 'kim')
        until('unblocked', lambda: all_workers(g, token, 200))
        jwks.write_text(json.dumps({'keys': [second.jwk()]}))
        g.hang_up()
        g.config['auth']['jwt']['leeway'] = '10s'
        g.reload()
        until('the old key is gone', lambda: all_workers(g, token, 401))
        assert ask(g, second.token(roles='developer')).status == 200
        log = g.requests_log.read_text()
        assert token not in log and token.split('.')[2] not in log
    finally:
        g.stop()


@pytest.mark.parametrize('product', ['sqlite', 'mariadb'])
def test_users_come_by_their_tokens(build, mock, tmp_path, product):
    """Nobody makes them by hand; deny by default holds for them."""
    issuer = Issuer(tmp_path, 'one')
    jwks = tmp_path / 'jwks.json'
    jwks.write_text(json.dumps({'keys': [issuer.jwk()]}))
    config = stack.default_config(mock)
    config['auth']['jwt'] = {
        'issuer': 'https://id.test', 'audience': 'llmgw',
        'tenant_claim': 'org', 'team_claim': 'team',
        'keys': 'file:%s' % jwks, 'roles_claim': 'roles'}
    server = MariaDB(tmp_path) if product == 'mariadb' else None
    if server:
        server.create('llmgw')
        config['store'] = server.url('llmgw')
    g = stack.SERVERS['lighttpd'](build, tmp_path, config)
    ctl = Ctl(build, g.config_file)
    ctl.run('db', 'init')
    ctl.run('tenant', 'create', 'acme')
    ctl.run('team', 'create', 'red')
    ctl.run('grant', 'add', 'gpt', '--role', 'developer')
    ctl.run('limit', 'create', 'each', '--requests', '2', '--per', '1h',
            '--tenant', 'acme', '--each', 'user')
    g.start()
    jobd = Jobd(g)

    def token(sub, roles='developer', **claims):
        return issuer.token(sub=sub, roles=roles, org='acme', **claims)

    def users():
        return [u['name'] for u in ctl.json('user', 'list')]

    try:
        assert ask(g, token('ann')).status == 401  # off by default
        g.config['auth']['jwt']['create_users'] = True
        g.reload()
        # the first request of each waits until he is there
        at_once = [token('ann'), token('bob', team='red')] * 4
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda t: ask(g, t).status, at_once))
        # exact for each of them: two of four, over all workers
        assert sorted(got[0::2]) == [200, 200, 429, 429], got
        assert sorted(got[1::2]) == [200, 200, 429, 429], got
        assert users() == ['ann', 'bob']
        until('reports know them', lambda: {
            (r['user'], r['requests'])
            for r in ctl.json('usage', 'report', '--by', 'user')} == {
                ('ann', 2), ('bob', 2)})
        until('reports know the team', lambda: {
            (r['team'], r['requests'])
            for r in ctl.json('usage', 'report', '--by', 'team')} >= {
                ('red', 2)})
        made = [r for r in ctl.json('audit', 'list')
                if r['action'] == 'user.create']
        assert [(r['actor'], r['result']) for r in made] == [
            ('issuer:https://id.test', 'ok')] * 2
        assert {r['object'] for r in made} == {
            'user:%d' % u['id'] for u in ctl.json('user', 'list')}
        # without a role there is a user, and he may nothing
        assert ask(g, token('eve', roles='root')).status == 403
        assert users() == ['ann', 'bob', 'eve']
        assert ctl.json('user', 'show', 'eve')['roles'] == []
        assert ctl.json('user', 'show', 'ann')['roles'] == []
        assert ask(g, token('cid', roles='viewer')).status == 403
        # neither a tenant nor a user of a blocked one is made
        assert ask(g, issuer.token(
            sub='dan', org='emca', roles='developer')).status == 401
        ctl.run('tenant', 'block', 'acme')
        until('blocked', lambda: all_workers(g, token('ann'), 401))
        assert ask(g, token('dan')).status == 401
        ctl.run('tenant', 'unblock', 'acme')
        # a user whom an operator blocks stays out, by any token
        ctl.run('user', 'block', 'bob')
        until('blocked', lambda: all_workers(
            g, token('bob', team='red', jti='2'), 401))
        assert 'dan' not in users() and 'emca' not in {
            t['name'] for t in ctl.json('tenant', 'list')}
        # nobody makes them: told to come again, and nothing is lost
        jobd.stop()
        until('unblocked', lambda: ask(g, token('eve')).status in (200, 429))
        a = ask(g, token('fay'))
        assert a.status == 503 and a.headers['retry-after'] == '2'
        jobd.start()
        until('he is made', lambda: 'fay' in users())
        assert ask(g, token('fay')).status == 200
        assert ctl.json('audit', 'verify')['is_whole']
    finally:
        jobd.stop()
        g.stop()
        if server:
            server.stop()
