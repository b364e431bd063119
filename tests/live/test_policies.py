"""Policies for people of the database: by tenant, team, user, role and key."""
import pytest

import stack
import talk
from database import Ctl
from proc import until

TOOLS = [{'type': 'function', 'function': {'name': 'f'}}]
HEADERS = {'content-type': 'application/json'}


@pytest.fixture
def people(build, mock, tmp_path):
    """Two tenants; acme's kim (team red, auditor) and lee, and their keys."""
    config = stack.default_config(mock)
    config['providers']['openai']['tags'] = ['us']
    config['providers']['anthropic']['tags'] = ['eu']
    g = stack.SERVERS['lighttpd'](build, tmp_path, config)
    ctl = Ctl(build, g.config_file)
    ctl.run('db', 'init')
    for tenant in 'acme', 'other':
        ctl.run('tenant', 'create', tenant)
        ctl.run('grant', 'add', '*', '--tenant', tenant)
    for user in 'kim', 'lee':
        ctl.run('user', 'create', user, '--tenant', 'acme')
        ctl.run('role', 'grant', 'developer', '--tenant', 'acme',
                '--user', user)
    ctl.run('team', 'create', 'red', '--tenant', 'acme')
    ctl.run('team', 'add', 'red', 'kim', '--tenant', 'acme')
    ctl.run('role', 'grant', 'auditor', '--tenant', 'acme', '--user', 'kim')
    ctl.run('team', 'create', 'blue', '--tenant', 'other')
    keys = {}
    for name, tenant, whose in (('kim', 'acme', ('--user', 'kim')),
                                ('lee', 'acme', ('--user', 'lee')),
                                ('bot', 'other', ('--team', 'blue'))):
        keys[name] = ctl.json('key', 'create', name + '-key', '--tenant',
                              tenant, *whose)['key']
    g.start()
    yield g, ctl, keys
    g.stop()


def ask(g, key, model='gpt', **more):
    return g.post(talk.chat(model, 'Hello', **more), headers=dict(
        HEADERS, authorization='Bearer ' + key))


@pytest.mark.parametrize('scope,refused', [
    ({'tenants': ['acme']}, ['kim', 'lee']),
    ({'teams': ['red']}, ['kim']),
    ({'users': ['le*']}, ['lee']),
    ({'roles': ['auditor']}, ['kim']),
    ({'keys': ['bot-*']}, ['bot']),
    ({'tenants': ['acme'], 'roles': ['developer'], 'users': ['kim']}, ['kim']),
    ({'teams': ['*']}, ['kim', 'bot']),
    ({'models': ['cl*']}, []),
    ({}, ['kim', 'lee', 'bot']),
], ids=str)
def test_whom_a_policy_is_for(people, scope, refused):
    g, _, keys = people
    g.config['policies'] = [{'name': 'no-tools', 'for': scope,
                             'deny': ['tools']}]
    g.reload()
    for name, key in keys.items():
        assert ask(g, key).status == 200, name
        a = ask(g, key, tools=TOOLS)
        assert a.status == (403 if name in refused else 200), name
        assert ("Policy 'no-tools'" in a.text) == (name in refused)


def test_a_tenant_stays_at_home(people):
    """Its residency is in force a moment after it was set, without a reload."""
    g, ctl, keys = people
    assert ask(g, keys['kim'], 'gpt').status == 200
    ctl.run('tenant', 'set', 'acme', '--residency', 'eu')
    until('it is in force', lambda: ask(g, keys['kim'], 'gpt').status == 403,
          5)
    a = ask(g, keys['lee'], 'gpt')
    assert a.status == 403 and 'tenant-residency' in a.text
    assert ask(g, keys['lee'], 'claude').status == 200
    assert ask(g, keys['bot'], 'gpt').status == 200
    assert any(r.get('policy') == 'tenant-residency' for r in g.requests())
    ctl.run('tenant', 'set', 'acme', '--residency', '')
    until('it is gone', lambda: ask(g, keys['kim'], 'gpt').status == 200, 5)
