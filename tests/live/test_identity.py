"""Keys, tokens and people while the database is well, away, and back."""
import base64
import json
import subprocess
import time

import pytest

import stack
import talk
from database import Ctl, MariaDB
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


def new_key(ctl, name):
    return ctl.json('key', 'create', name)['key']


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
