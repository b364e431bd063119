"""Who may ask, and that no key goes where it does not belong."""
import pytest

import talk
from proc import environment, until
from stack import CLIENT_KEY, OTHER_KEY, UPSTREAM_KEY

JSON = {'content-type': 'application/json'}


@pytest.mark.parametrize('headers', [
    {},
    {'authorization': 'Bearer'},
    {'authorization': 'Bearer '},
    {'authorization': 'Bearer llmgw_test0001_wrong'},
    {'authorization': 'Bearer ' + CLIENT_KEY + 'x'},
    {'authorization': 'Bearer ' + CLIENT_KEY[:-1]},
    {'authorization': 'Bearer ' + CLIENT_KEY.upper()},
    {'authorization': 'Bearer ' + UPSTREAM_KEY},
    {'authorization': 'Basic bGl2ZTpsaXZl'},
    {'authorization': CLIENT_KEY},
    {'x-api-key': 'wrong'},
    {'authorization': 'Bearer wrong', 'x-api-key': 'wrong'},
    {'remote-user': 'live'},
    {'remote_user': 'live'},
    {'x-remote-user': 'live'},
    {'ssl-client-s-dn': 'CN=live'},
], ids=lambda h: '+'.join(h) or 'none')
def test_without_a_good_key_nothing_is_done(gateway, mock, headers):
    a = gateway.post(talk.chat('gpt'), headers=dict(headers, **JSON))
    assert a.status == 401
    assert a.headers['www-authenticate'].startswith('Bearer')
    assert a.error['type'] == 'authentication_error'
    assert a.error['code'] == 'invalid_api_key'
    assert 'key' in a.error['message'].lower()
    for secret in (CLIENT_KEY, UPSTREAM_KEY):
        assert secret not in a.text
    assert gateway.get('/v1/models', headers=dict(headers, x='y')).status == 401
    a = gateway.post(talk.chat('gpt'), '/v1/chat', dict(headers, **JSON))
    assert a.status == 401 and a.error['type'] == 'authentication_error'
    assert mock.stats()['requests'] == 0


@pytest.mark.parametrize('headers', [
    {'authorization': 'Bearer ' + CLIENT_KEY},
    {'authorization': 'bearer ' + CLIENT_KEY},
    {'x-api-key': CLIENT_KEY},
    {'api-key': CLIENT_KEY},
], ids=lambda h: '+'.join('%s-%s' % (k, v[:6].strip()) for k, v in h.items()))
def test_ways_to_bring_a_key(gateway, mock, headers):
    assert gateway.post(talk.chat('gpt'),
                        headers=dict(headers, **JSON)).status == 200


@pytest.mark.parametrize('model', ['gpt', 'claude', 'gem'])
def test_the_clients_key_never_reaches_a_provider(gateway, mock, model):
    for headers in ({'authorization': 'Bearer ' + CLIENT_KEY},
                    {'x-api-key': CLIENT_KEY}, {'api-key': CLIENT_KEY},
                    {'authorization': 'Bearer ' + CLIENT_KEY,
                     'x-api-key': CLIENT_KEY, 'x-goog-api-key': CLIENT_KEY,
                     'cookie': 'session=' + CLIENT_KEY,
                     'openai-organization': CLIENT_KEY}):
        assert gateway.post(talk.chat(model),
                            headers=dict(headers, **JSON)).status == 200
        with talk.Stream(gateway.port, '/v1/chat/completions',
                         talk.chat(model, stream=True),
                         dict(headers, **JSON)) as s:
            s.rest()
    calls = mock.last(100)
    assert len(calls) == 8
    for c in calls:
        assert CLIENT_KEY not in repr(c)
        # ours does, by the header that the maker wants
        assert UPSTREAM_KEY in repr(c['headers'])
        assert UPSTREAM_KEY not in c['line']
        assert UPSTREAM_KEY not in (c['body'] or '')


def test_the_providers_key_reaches_nobody_else(gateway, mock):
    seen = []
    for model in ('gpt', 'claude', 'gem', 'broken', 'badkey', 'limited',
                  'dead', 'html', 'failover', 'cut', 'missing'):
        a = gateway.chat(model)
        seen += [a.text, repr(a.headers)]
    for model in ('quick', 'cut', 'claude-errorat', 'gem-reset'):
        with gateway.stream(model) as s:
            seen += [s.rest(), repr(s.got), repr(s.headers)]
    for path in ('/metrics', '/health/ready', '/v1/models'):
        seen.append(gateway.get(path).text)
    until('the log is written', lambda: len(gateway.requests()) >= 15)
    for log in gateway.folder.glob('*.log'):
        seen.append(log.read_text(errors='replace'))
    for text in seen:
        assert UPSTREAM_KEY not in text
        assert CLIENT_KEY not in text and OTHER_KEY not in text


def test_keys_are_in_no_process_list(gateway, mock):
    for pid in [gateway.parent_pid()] + gateway.worker_pids():
        arguments = open('/proc/%d/cmdline' % pid, 'rb').read()
        for text in (arguments, environment(pid)):
            assert UPSTREAM_KEY.encode() not in text
            assert CLIENT_KEY.encode() not in text


def test_a_limit_of_a_key(own_gateway, mock):
    g = own_gateway
    g.config['auth']['keys'][1]['limits'] = [{'requests': 3, 'per': '1h'}]
    g.reload()
    headers = {'authorization': 'Bearer ' + OTHER_KEY, **JSON}
    got = [g.post(talk.chat('gpt'), headers=headers) for _ in range(5)]
    # exact over all workers
    assert [a.status for a in got] == [200, 200, 200, 429, 429]
    assert [a.headers['x-ratelimit-remaining-requests']
            for a in got[:3]] == ['2', '1', '0']
    last = got[-1]
    assert int(last.headers['retry-after']) > 60
    assert last.error['code'] == 'rate_limit_exceeded'
    a = g.post(talk.chat('gpt'), '/v1/chat', headers)
    assert a.status == 429 and a.error['type'] == 'rate_limit_exceeded'
    assert g.chat('gpt').status == 200  # another key
    assert mock.stats()['requests'] == 4


def test_anonymous_when_configured(own_gateway, mock):
    g = own_gateway
    g.config['auth'].update(anonymous=True, anonymous_models=['gpt'])
    g.reload()
    assert g.post(talk.chat('gpt'), headers=JSON).status == 200
    assert g.post(talk.chat('claude'), headers=JSON).status == 404
    wrong = dict(JSON, authorization='Bearer wrong')
    assert g.post(talk.chat('gpt'), headers=wrong).status == 401


def test_metrics_are_denied_from_elsewhere(own_gateway, mock):
    g = own_gateway
    assert g.get('/metrics').status == 200
    g.config['server']['metrics_allow'] = ['10.1.0.0/16']
    g.write_config(g.config)
    g.hang_up()
    until('the new configuration is in force',
          lambda: g.get('/metrics').status == 403)
    a = g.get('/metrics', headers={'x-forwarded-for': '10.1.0.1',
                                   'x-real-ip': '10.1.0.1',
                                   'remote-addr': '10.1.0.1'})
    assert a.status == 403 and a.error['type'] == 'permission_error'
