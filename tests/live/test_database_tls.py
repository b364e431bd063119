"""MariaDB over a network: whom it talks to is known, or it does not talk."""
import pytest

import certs
import mariadb_bed
import stack
import talk
from database import Ctl, MariaDB
from proc import free_port


class Server(MariaDB):
    """On 127.0.0.1, with a certificate of the test's CA."""

    def __init__(self, folder, tls):
        self.port, self.tls = free_port(), tls
        super().__init__(folder)

    def command(self):
        return mariadb_bed.command(str(self.folder), [
            '--skip-networking=0', '--bind-address=127.0.0.1',
            '--port=%d' % self.port, '--skip-name-resolve', *self.tls])

    def restart(self, tls):
        self.tls = tls
        self.stop()
        self.start()


@pytest.fixture
def bed(build, mock, tmp_path):
    authority = certs.Authority(tmp_path)
    server = None

    def tls(name='db', alternatives='IP:127.0.0.1'):
        certificate, key = authority.issue(name, alternatives)
        return ['--ssl-ca=%s' % authority.ca, '--ssl-cert=%s' % certificate,
                '--ssl-key=%s' % key]
    server = Server(tmp_path, tls())
    server.run('CREATE DATABASE llmgw;'
               "CREATE USER gate@'127.0.0.1' REQUIRE SSL;"
               "GRANT ALL ON llmgw.* TO gate@'127.0.0.1';"
               "CREATE USER open@'127.0.0.1';"
               "GRANT ALL ON llmgw.* TO open@'127.0.0.1';"
               "CREATE USER known@'127.0.0.1' REQUIRE X509;"
               "GRANT ALL ON llmgw.* TO known@'127.0.0.1';")
    config = stack.default_config(mock)
    config['store'] = 'mariadb://gate@127.0.0.1:%d/llmgw' % server.port
    g = stack.SERVERS['lighttpd'](build, tmp_path, config)
    yield g, Ctl(build, g.config_file), server, authority, tls
    server.stop()


def asked(ctl, server, user, query):
    """What `db check` says of such an address."""
    return ctl.call('db', 'check', '--store', 'mariadb://%s@127.0.0.1:%d/llmgw'
                    '%s' % (user, server.port, query and '?' + query))


def test_tls(bed, tmp_path):
    g, ctl, server, authority, tls = bed
    good = 'ca_file=%s' % authority.ca
    ctl.run('db', 'init', '--store',
            'mariadb://gate@127.0.0.1:%d/llmgw?%s' % (server.port, good))
    assert asked(ctl, server, 'gate', good).returncode == 0
    # the account wants TLS, so what works is encrypted
    p = asked(ctl, server, 'gate', '')
    assert p.returncode != 0 and 'Access denied' in p.stderr, p.stderr
    assert asked(ctl, server, 'gate', 'tls=required').returncode == 0

    other = certs.Authority(tmp_path, 'foreign')
    for query in ('ca_file=%s' % other.ca, 'tls=verify'):
        p = asked(ctl, server, 'gate', query)
        assert p.returncode != 0 and 'certificate' in p.stderr, p.stderr

    # an account that wants to know us
    assert asked(ctl, server, 'known', good).returncode != 0
    ours = authority.issue('gateway')
    assert asked(ctl, server, 'known', good + '&cert_file=%s&key_file=%s'
                 % ours).returncode == 0

    # the right CA, and another host's certificate
    server.restart(tls('elsewhere', 'DNS:db.example'))
    p = asked(ctl, server, 'gate', good)
    assert p.returncode != 0 and 'SSL' in p.stderr, p.stderr
    assert asked(ctl, server, 'gate', 'tls=required').returncode == 0

    # a server without TLS is spoken to only by who does not ask for it
    server.restart(['--skip-ssl'])
    for query in (good, 'tls=required', 'tls=verify'):
        p = asked(ctl, server, 'open', query)
        assert p.returncode != 0 and 'SSL' in p.stderr, p.stderr
    assert asked(ctl, server, 'open', '').returncode == 0


def test_workers_use_it(bed):
    g, ctl, server, authority, _ = bed
    g.config['store'] += '?ca_file=%s' % authority.ca
    g.write_config(g.config)
    ctl.run('db', 'init')
    ctl.run('tenant', 'create', 'acme')
    ctl.run('grant', 'add', '*')
    key = ctl.json('key', 'create', 'ci')['key']
    g.start()
    try:
        a = g.post(talk.chat('gpt'), headers={
            'content-type': 'application/json',
            'authorization': 'Bearer ' + key})
        assert a.status == 200, a
        ciphers = server.run(
            'SELECT COUNT(*) FROM information_schema.processlist '
            "WHERE user = 'gate'")
        assert int(ciphers[0][0]) >= 1
    finally:
        g.stop()
