"""OpenAI's official client from npm, through each web server."""
import json
import pathlib
import subprocess

import pytest

from proc import until
from stack import CLIENT_KEY, UPSTREAM_KEY

SCRIPT = pathlib.Path(__file__).with_name('openai_client.mjs')
DIALECTS = ('gpt', 'claude', 'gem')


@pytest.fixture
def client(gateway, node_modules, mock):
    def run(scenario):
        p = subprocess.run(
            ['node', str(SCRIPT), str(node_modules),
             'http://127.0.0.1:%d/v1' % gateway.port, CLIENT_KEY, scenario],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            stdin=subprocess.DEVNULL, timeout=90)
        assert p.returncode == 0, p.stderr[-3000:]
        return json.loads(p.stdout)
    return run


def test_create(client):
    for model, c in client('create').items():
        message = c['choices'][0]['message']
        assert message['role'] == 'assistant'
        assert 'Hello official client' in message['content']
        assert c['choices'][0]['finish_reason'] == 'stop'
        assert c['object'] == 'chat.completion' and c['model']
        assert c['usage']['prompt_tokens'] > 0
        assert c['usage']['total_tokens'] == (
            c['usage']['prompt_tokens'] + c['usage']['completion_tokens'])
        assert c['id_header']


def test_stream(client):
    for model, s in client('stream').items():
        assert 'Hello streaming world' in s['text']
        assert s['chunks'] > 1
        assert s['finish'] == ['stop'] and s['roles'] == ['assistant']
        assert s['usage']['completion_tokens'] > 0


def test_stream_of_parallel_tool_calls(client):
    for model, choice in client('stream_tools').items():
        calls = choice['message']['tool_calls']
        assert choice['finish_reason'] == 'tool_calls'
        assert [json.loads(c['function']['arguments']) for c in calls] == [
            {'city': 'Bern'}, {'city': 'Oslo'}]
        assert len({c['id'] for c in calls}) == 2
        assert {c['function']['name'] for c in calls} == {'weather'}


def test_run_tools(client):
    for model, r in client('run_tools').items():
        assert r['asked'] == ['Bern']
        assert r['roles'] == ['user', 'assistant', 'tool', 'assistant']
        assert 'rain in Bern' in r['text']


def test_parse_json_schema(client):
    for model, parsed in client('parse').items():
        # zod has validated it; this is what parse() is for
        assert isinstance(parsed['city'], str)
        assert isinstance(parsed['degrees'], (int, float))
        assert all(isinstance(d['sunny'], bool) for d in parsed['days'])


# scenario: class, status, code, type
ERRORS = {
    'missing': ('NotFoundError', 404, 'model_not_found',
                'invalid_request_error'),
    'broken': ('InternalServerError', 500, None, 'server_error'),
    'limited': ('RateLimitError', 429, 'rate_limit_exceeded',
                'rate_limit_error'),
    'context': ('BadRequestError', 400, 'context_length_exceeded',
                'invalid_request_error'),
    'policy': ('BadRequestError', 400, 'content_filter',
               'invalid_request_error'),
    'quota': ('RateLimitError', 429, 'insufficient_quota',
              'insufficient_quota'),
    'badkey': ('InternalServerError', 502, 'upstream_auth', 'server_error'),
    'html': ('InternalServerError', 502, None, 'server_error'),
    'dead': ('InternalServerError', 502, 'connection_error', 'server_error'),
    'cut': ('InternalServerError', 502, 'upstream_cut', 'server_error'),
    'key': ('AuthenticationError', 401, 'invalid_api_key',
            'authentication_error'),
    'types': ('BadRequestError', 400, None, 'invalid_request_error'),
    'empty': ('BadRequestError', 400, None, 'invalid_request_error'),
    'path': ('NotFoundError', 404, 'unknown_url', 'invalid_request_error'),
}


def test_errors_are_of_the_right_class(client):
    got = client('errors')
    assert {name: (e['class'], e['status'], e['code'], e['type'])
            for name, e in got.items()} == ERRORS
    for name, e in got.items():
        assert e['id'], name
        assert len(e['message']) > 10, name
        assert UPSTREAM_KEY not in e['message']
    assert 'temperature' in got['types']['message']
    assert 'messages' in got['empty']['message']


def test_a_broken_stream_throws_after_its_text(client):
    for model, e in client('stream_error').items():
        assert e['text'], model
        assert e['class'] == 'APIError', (model, e)
        assert e['message'], model


def test_abort_cancels_upstream(client, mock):
    assert client('abort') == {'seen': 3, 'aborted': True}
    until('upstream is cancelled', lambda: mock.stats()['client_aborts'] == 1)


def test_thirty_at_once(client):
    got = client('thirty')
    assert len(got['all']) == 30
    for one in got['all']:
        if one['model'] == 'quick':
            assert one['text']
        elif 'number' in one:
            assert 'number %d' % one['number'] in one['text']
        else:
            assert 'Hello streaming world' in one['text']
    assert len(set(got['ids'])) == 30


def test_models(client, gateway):
    got = client('models')
    assert got['ids'] == list(gateway.config['models'])
    assert got['one']['id'] == 'gpt' and got['one']['object'] == 'model'
    assert got['none']['class'] == 'NotFoundError'
    assert got['none']['code'] == 'model_not_found'


def test_the_client_retries_what_may_help(client):
    got = client('retries')
    # a 502 that would be tried again, if the gateway did not say otherwise
    assert [c['retry'] for c in got['badkey']['calls']] == ['false']
    assert len(got['missing']['calls']) == 1
    assert got['failfirst']['class'] == 'none'
    assert len(got['failfirst']['calls']) == 1  # the gateway tried again
    # what the gateway has not tried again itself is the client's to try
    told = [c['retry'] for c in got['broken']['calls']]
    assert len(told) == (3 if told[0] != 'false' else 1)


def test_request_id_of_the_client_is_kept(client, gateway):
    got = client('request_id')
    assert set(got.values()) == {'trace-0123.abc'}
    until('its line in the log', lambda: [
        r for r in gateway.requests()
        if r['request_id'] == 'trace-0123.abc' and r['status'] == 200])
