"""What was used is still used on a new host: its shared memory and memcached
know nothing, the ledger does."""
import pytest

import stack
import talk
from database import Ctl, Jobd, MariaDB, Memcached
from proc import until

PRICES = [{'provider': '*', 'model': '*', 'input': 1, 'output': 10}]
TINY = 0.000001  # dollars: less than a call costs


class Shared:
    """What hosts have in common: a database and memcached."""

    def __init__(self, folder, store):
        self.memcached = Memcached(folder)
        self.server = MariaDB(folder) if store == 'mariadb' else None
        self.url = (self.server.create('llmgw') if self.server
                    else 'sqlite://%s/shared.db' % folder)

    def stop(self):
        self.memcached.stop()
        if self.server:
            self.server.stop()


class Host:
    """A gateway with llmgw-jobd."""

    def __init__(self, build, mock, folder, shared, aliases, limits):
        c = stack.default_config(mock)
        self.shared = shared
        c.update(prices=PRICES, limits=limits, store=shared.url,
                 memcached=[shared.memcached.address])
        c['providers']['spare'] = dict(c['providers']['openai'])
        c['providers']['metered'] = dict(
            c['providers']['openai'],
            limits=[{'money': TINY, 'period': 'quarter'}])
        c['providers']['counted'] = dict(
            c['providers']['openai'],
            limits=[{'requests': 3, 'period': 'quarter'}])
        for alias, provider in aliases.items():
            c['models'][alias] = stack.target(provider, 'demo')
        folder.mkdir(exist_ok=True)
        self.gateway = stack.Lighttpd(build, folder, c)
        self.ctl = Ctl(build, self.gateway.config_file)
        self.keys = {}

    def people(self, tenant, team, user):
        at = ('--tenant', tenant)
        self.ctl.run('tenant', 'create', tenant)
        self.ctl.run('team', 'create', team, *at)
        self.ctl.run('user', 'create', user, *at)
        self.ctl.run('role', 'grant', 'developer', '--user', user, *at)
        self.ctl.run('grant', 'add', '*', *at)
        self.keys[tenant] = self.ctl.json(
            'key', 'create', 'ci', '--team', team, '--user', user, *at)['key']

    def start(self):
        self.gateway.start()
        self.jobd = Jobd(self.gateway)

    def stop(self):
        self.gateway.stop()
        self.jobd.stop()

    def ask(self, who, alias):
        key = self.keys.get(who, stack.CLIENT_KEY)
        return self.gateway.post(talk.chat(alias), headers={
            'content-type': 'application/json',
            'authorization': 'Bearer ' + key})

    def ask_until_refused(self, who, alias):
        n = 0
        while self.ask(who, alias).status == 200:
            n += 1
            assert n < 30, alias
        return n

    def used(self):
        return {r['name']: r['used']
                for r in self.ctl.json('limit', 'status')}

    def booked(self):
        return sum(r['requests']
                   for r in self.ctl.json('usage', 'report', '--by', 'model'))

    def forget(self):
        """As another host, and nobody else has counted."""
        (self.gateway.folder / 'state/shm').unlink()
        self.shared.memcached.flush()


def limit(name, **more):
    return dict({'name': name, 'money': TINY, 'period': 'quarter',
                 'timezone': 'UTC', 'model': name}, **more)


# Who spends what; others are not refused because of it.
LIMITS = [
    limit('team', team='red'),
    limit('user', user='kim'),
    limit('wild-tenant', tenant='ac*'),
    limit('wild-user', user='k*', each_of=['tenant']),
    limit('wild-key', key='*i'),
    limit('file-key', key='live'),
    limit('each-team', each_of=['team']),
    limit('one-provider', provider='spare'),
    limit('each-provider', each_of=['provider']),
    dict(limit('tokens'), money=None, tokens=60),
    dict(limit('window'), money=None, period=None, timezone=None, output=40,
         per='366d'),
]
SPENT = [
    # (who spent, alias, who is refused then, who is not)
    ('acme', 'team', ['acme', 'acorn'], ['zoo', 'live']),
    ('acme', 'user', ['acme', 'acorn'], ['zoo', 'live']),
    ('acorn', 'wild-tenant', ['acme', 'acorn'], ['zoo', 'live']),
    ('acme', 'wild-user', ['acme'], ['acorn', 'zoo', 'live']),
    ('zoo', 'wild-key', ['acme', 'acorn', 'zoo'], ['live']),
    ('live', 'file-key', ['live'], ['acme']),
    ('acme', 'each-team', ['acme'], ['acorn', 'zoo', 'live']),
    ('acme', 'one-provider', ['acme', 'zoo', 'live'], []),
    ('acme', 'each-provider', ['acme', 'zoo'], []),
    ('zoo', 'tokens', ['acme', 'zoo', 'live'], []),
    ('zoo', 'window', ['acme', 'zoo', 'live'], []),
    ('acme', 'metered', ['acme', 'zoo'], []),
    ('acme', 'counted', ['acme', 'zoo'], []),
]
BUDGETS = {row[1] for row in SPENT if row[1] not in (
    'one-provider', 'each-provider', 'metered', 'counted', 'tokens',
    'window')}


@pytest.fixture(params=['sqlite', 'mariadb'])
def host(request, build, mock, tmp_path):
    aliases = {row[1]: 'openai' for row in SPENT}
    aliases.update({'one-provider': 'spare', 'each-provider': 'anthropic',
                    'metered': 'metered', 'counted': 'counted'})
    shared = Shared(tmp_path, request.param)
    h = Host(build, mock, tmp_path / 'gw', shared, aliases,
             [{k: v for k, v in row.items() if v is not None}
              for row in LIMITS])
    h.ctl.run('db', 'init')
    h.people('acme', 'red', 'kim')
    h.people('acorn', 'red', 'kim')
    h.people('zoo', 'blue', 'lee')
    h.start()
    yield h
    h.stop()
    shared.stop()


def test_all_that_was_used_is_used(host):
    n = sum(host.ask_until_refused(who, alias) for who, alias, _, _ in SPENT)
    assert n >= len(SPENT) + 2
    until('all of it is in the ledger', lambda: host.booked() == n, 60)
    before = host.used()
    host.stop()
    host.forget()
    host.start()
    for _, alias, refused, _ in SPENT:
        for who in refused:
            a = host.ask(who, alias)
            assert a.status == 429, (who, alias, a)
            if alias in BUDGETS:
                assert a.error['code'] == 'insufficient_quota', (alias, a)
                assert a.headers['x-should-retry'] == 'false'
    # to the last token, and to the nano-dollar
    after = host.used()
    assert after == before
    assert sum(v is not None for v in after.values()) == len(LIMITS) - 3, after
    assert host.booked() == n
    # what nobody used is free
    for _, alias, _, free in SPENT:
        for who in free:
            assert host.ask(who, alias).status == 200, (who, alias)


def test_what_spools_held_is_found_later(host):
    """The ledger gets it only after the new host has begun."""
    host.jobd.stop()
    assert host.ask_until_refused('acme', 'team') == 1
    spent = host.used()['team']
    host.gateway.stop()
    host.forget()
    host.gateway.start()
    assert host.used()['team'] is None
    # it begins at nothing, since nobody can know
    assert host.ask('acme', 'team').status == 200
    host.jobd = Jobd(host.gateway)
    until('both are in the ledger', lambda: host.booked() == 2, 60)

    def both_count():
        assert host.ask('acorn', 'team').status == 429
        return host.used()['team'] == 2 * spent
    until('both count', both_count, 30)


def test_what_a_host_knew_that_is_gone(build, mock, tmp_path):
    """memcached is flushed: the other host is not there to count again."""
    shared = Shared(tmp_path, 'sqlite')
    limits = [limit('tokens', money=None, input=40)]
    hosts = [Host(build, mock, tmp_path / name, shared, {'tokens': 'openai'},
                  [{k: v for k, v in row.items() if v is not None}
                   for row in limits]) for name in 'ab']
    hosts[0].ctl.run('db', 'init')
    # one llmgw-jobd at a time: they are one machine's
    hosts[0].gateway.start()
    hosts[1].start()
    try:
        mine = sum(hosts[0].ask('live', 'tokens').status == 200
                   for _ in range(2))
        assert mine == 2
        n = hosts[1].ask_until_refused('live', 'tokens')
        assert n > 2
        until('its part is in the ledger', lambda: hosts[0].booked() == n, 60)
        hosts[1].stop()
        hosts[0].jobd = Jobd(hosts[0].gateway)
        until('all of it is', lambda: hosts[0].booked() == n + mine, 60)
        shared.memcached.flush()
        for _ in range(3):
            assert hosts[0].ask('live', 'tokens').status == 429
    finally:
        for h in hosts:
            h.gateway.stop()
            if hasattr(h, 'jobd'):
                h.jobd.stop()
        shared.stop()
