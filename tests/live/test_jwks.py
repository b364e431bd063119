"""An issuer's key set over https: a server of the test's, by a CA of its own."""
import http.server
import json
import ssl
import threading

import pytest

import certs
import stack
import test_doors
from database import Ctl
from proc import until
from test_identity import WORKERS, Issuer, all_workers, ask

DOORS = {'lighttpd': stack.SERVERS['lighttpd'], 'cgi': test_doors.ApacheCgi}


class KeyServer:
    """https://127.0.0.1:PORT/certs; keys is what it answers."""

    def __init__(self, certificate, key):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.keys, self.asked, self.port = [], 0, 0
        self.server = None

    def start(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                body = json.dumps({'keys': outer.keys}).encode()
                self.send_response(200 if self.path == '/certs' else 404)
                self.send_header('content-length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def get_request(self):
                s, address = super().get_request()
                s.settimeout(20)
                return outer.tls.wrap_socket(
                    s, server_side=True, do_handshake_on_connect=False), address

            def handle_error(self, *_):
                pass  # a client that does not trust it

        self.server = Server(('127.0.0.1', self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        self.server = None


class Bed:
    def __init__(self, build, mock, folder, ca=None, door='lighttpd'):
        self.authority = certs.Authority(folder)
        self.server = KeyServer(*self.authority.issue('id'))
        self.server.start()
        self.first, self.second = Issuer(folder, 'one'), Issuer(folder, 'two')
        self.server.keys = [self.first.jwk()]
        config = stack.default_config(mock)
        config['server']['workers'] = WORKERS
        config['auth']['jwt'] = {
            'issuer': 'https://id.test', 'audience': 'llmgw', 'tenant': 'acme',
            'keys': 'https://127.0.0.1:%d/certs' % self.server.port,
            'ca_file': str(ca or self.authority.ca), 'allow_private': True,
            'roles_claim': 'roles'}
        self.gateway = DOORS[door](build, folder, config)
        ctl = Ctl(build, self.gateway.config_file)
        ctl.run('db', 'init')
        ctl.run('tenant', 'create', 'acme')
        ctl.run('user', 'create', 'kim')
        ctl.run('grant', 'add', 'gpt', '--user', 'kim')
        self.gateway.start()

    def stop(self):
        self.server.stop()
        self.gateway.stop()


@pytest.fixture
def make(build, mock, tmp_path):
    beds = []

    def begin(**more):
        beds.append(Bed(build, mock, tmp_path, **more))
        return beds[0]
    yield begin
    for b in beds:
        b.stop()


def test_rotation_and_a_server_that_is_away(make):
    b = make()
    g = b.gateway
    one = b.first.token(roles='developer')
    two = b.second.token(roles='developer')
    # the first of each worker: it waits for the set, or it is there
    assert all_workers(g, one, 200)
    asked = b.server.asked
    assert asked == WORKERS
    # a key that is in no set: within 10 s nobody asks again
    assert ask(g, two).status == 401
    assert ask(g, two).status == 401
    assert b.server.asked == asked
    # the issuer has a new one: a token that names it has the set read again
    b.server.keys = [b.first.jwk(), b.second.jwk()]
    until('every worker has it', lambda: all_workers(g, two, 200), 40)
    assert asked < b.server.asked <= asked + 2 * WORKERS
    # the server is gone: what was read stays, also when it is tried again
    b.server.stop()
    g.config['auth']['jwt']['leeway'] = '20s'
    g.reload()
    until('the log tells', lambda: 'the key set cannot be read' in
          g.requests_log.read_text())
    assert all_workers(g, one, 200) and all_workers(g, two, 200)
    assert ask(g, two[:-8] + 'AAAAAAAA').status == 401
    # and the old key leaves when it is back
    b.server.keys = [b.second.jwk()]
    b.server.start()
    until('the first key is gone', lambda: all_workers(g, one, 401), 40)
    assert all_workers(g, two, 200)


def test_a_server_that_nobody_vouches_for(make, tmp_path):
    b = make(ca=certs.Authority(tmp_path, 'foreign').ca)
    a = ask(b.gateway, b.first.token(roles='developer'))
    assert a.status == 503 and 'retry-after' in a.headers, a
    assert b.server.asked == 0
    assert 'the key set cannot be read: tls' in \
        b.gateway.requests_log.read_text()


def test_each_cgi_process_reads_it_first(make):
    """It has seen no token before, and answers the first."""
    b = make(door='cgi')
    token = b.first.token(roles='developer')
    for _ in range(5):
        assert ask(b.gateway, token).status == 200
    assert ask(b.gateway, b.second.token(roles='developer')).status == 401
    b.server.keys = [b.second.jwk()]
    assert ask(b.gateway, b.second.token(roles='developer')).status == 200


def test_kept_while_its_server_is_away(make):
    """What one process has read is there for those that begin later."""
    b = make()
    g = b.gateway
    one = b.first.token(roles='developer')
    two = b.second.token(roles='developer')
    assert all_workers(g, one, 200)
    kept = g.folder / 'state/jwks'
    until('it is kept', kept.exists)
    assert kept.stat().st_mode & 0o777 == 0o600
    whole = kept.read_bytes()
    b.server.stop()
    for text, status in ((whole, 200), (whole[:-9], 503), (b'', 503),
                         (whole.replace(b'jwks 1', b'jwks 2'), 503)):
        g.stop()
        kept.write_bytes(text)
        g.start()
        assert all_workers(g, one, status), text
        # a key that is not in it may be the server's by now
        assert ask(g, two).status == 503
    g.stop()
    kept.write_bytes(whole)
    kept.chmod(0o620)  # somebody else's word
    g.start()
    assert all_workers(g, one, 503)
    # it is written anew
    g.stop()
    b.server.start()
    b.server.keys = [b.second.jwk()]
    g.start()
    assert all_workers(g, two, 200) and ask(g, one).status == 401
    g.stop()
    assert kept.read_bytes() != whole
    assert kept.stat().st_mode & 0o777 == 0o600
    assert not list(g.folder.glob('state/.jwks*'))


def test_each_cgi_process_has_the_kept_one(make):
    b = make(door='cgi')
    token = b.first.token(roles='developer')
    assert ask(b.gateway, token).status == 200
    b.server.stop()
    for _ in range(3):
        assert ask(b.gateway, token).status == 200
    (b.gateway.folder / 'state/jwks').unlink()
    assert ask(b.gateway, token).status == 503


def test_not_kept_is_told_and_mended(make):
    """Who cannot keep it serves on, and keeps it when it is read again."""
    b = make()
    g = b.gateway
    kept = g.folder / 'state/jwks'
    g.stop()
    kept.unlink(missing_ok=True)
    kept.mkdir(parents=True)
    g.start()
    assert all_workers(g, b.first.token(roles='developer'), 200)
    until('the log tells', lambda: 'the key set cannot be kept in %s: Is a '
          'directory' % kept.parent in g.requests_log.read_text())
    kept.rmdir()
    g.config['auth']['jwt']['leeway'] = '20s'
    g.reload()
    until('it is kept', kept.exists)
    g.stop()
    assert not list(g.folder.glob('state/.jwks*'))
