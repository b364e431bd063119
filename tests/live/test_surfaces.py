"""What each path answers, through each web server."""
import json
import re
import shutil
import subprocess

import pytest

import talk
from proc import until
from stack import OTHER_KEY, UPSTREAM_KEY


@pytest.mark.parametrize('model,provider', [
    ('gpt', 'openai'), ('claude', 'anthropic'), ('gem', 'gemini')])
def test_chat_completions(gateway, mock, model, provider):
    a = gateway.chat(model, 'Grüße aus Zürich')
    assert a.status == 200
    assert 'Grüße aus Zürich' in a.content
    assert a.json['object'] == 'chat.completion'
    assert a.json['choices'][0]['finish_reason'] == 'stop'
    assert a.headers['content-type'] == 'application/json'
    assert a.headers['x-llmgw-provider'] == provider
    assert a.headers['x-llmgw-model'] == 'demo'
    assert a.headers['x-llmgw-attempts'] == '1'
    assert int(a.headers['x-llmgw-overhead-us']) >= 0


@pytest.mark.parametrize('model,provider', [
    ('gpt', 'openai'), ('claude', 'anthropic'), ('gem', 'gemini')])
def test_the_envelope(gateway, mock, model, provider):
    body = dict(talk.chat(model, 'Hello envelope'), client_id='crm',
                metadata={'request_id': 'crm-42'})
    a = gateway.post(body, '/v1/chat')
    assert a.status == 200
    assert {'id', 'message', 'model', 'provider', 'usage'} <= set(a.json)
    assert 'choices' not in a.json
    assert a.json['provider'] == provider
    assert a.json['message']['role'] == 'assistant'
    assert 'Hello envelope' in a.json['message']['content']
    u = a.json['usage']
    assert u['total_tokens'] == u['prompt_tokens'] + u['completion_tokens']
    until('the log has its id', lambda: [
        r for r in gateway.requests()
        if r.get('client_request_id') == 'crm-42' and r['surface'] == 'chat'
        and r['alias'] == model])


@pytest.mark.parametrize('model', ['gpt', 'claude', 'gem'])
def test_the_envelope_as_a_stream(gateway, mock, model):
    with gateway.stream(model, 'Hello envelope', path='/v1/chat') as s:
        assert s.status == 200
        assert s.headers['content-type'].startswith('text/event-stream')
        events = list(s.events())
        text = json.dumps(events)
        assert s.ended and len(events) > 1
        assert 'envelope' in text and 'usage' in events[-1]


@pytest.mark.parametrize('model,status,type', [
    ('missing', 404, 'model_not_found'),
    ('limited', 429, 'upstream_error'), ('broken', 500, 'upstream_error'),
    ('policy', 400, 'policy_violation'), ('context', 400, 'invalid_request')])
def test_errors_of_the_envelope(gateway, mock, model, status, type):
    a = gateway.post(talk.chat(model), '/v1/chat')
    assert a.status == status
    assert sorted(a.error) == ['message', 'type']
    assert a.error['type'] == type or (
        model == 'limited' and a.error['type'] == 'rate_limit_exceeded')


def test_tools_whole_and_streamed_agree(gateway, mock):
    tools = [{'type': 'function', 'function': {
        'name': n, 'parameters': {'type': 'object', 'properties': {
            'x': {'type': 'string'}}}}} for n in ('first', 'second')]
    ask = 'call:first {"x":"ä1"} call:second {"x":"b\\"2"}'
    want = [('first', {'x': 'ä1'}), ('second', {'x': 'b"2'})]
    for model in ('gpt', 'claude', 'gem'):
        a = gateway.chat(model, ask, tools=tools)
        assert a.status == 200, a
        calls = a.json['choices'][0]['message']['tool_calls']
        assert [(c['function']['name'], json.loads(c['function']['arguments']))
                for c in calls] == want
        with gateway.stream(model, ask, tools=tools) as s:
            assert joined_calls(s) == want
            assert s.finish() == ['tool_calls'] and s.done


def joined_calls(stream):
    """Tool calls of a stream, put together by their index."""
    stream.rest()
    calls = {}
    for e in stream.got:
        for c in e['choices']:
            for t in c['delta'].get('tool_calls', []):
                one = calls.setdefault(t['index'], ['', ''])
                one[0] += t['function'].get('name') or ''
                one[1] += t['function'].get('arguments') or ''
    return [(n, json.loads(a)) for _, (n, a) in sorted(calls.items())]


def test_what_is_dropped_is_told(gateway, mock):
    a = gateway.chat('claude', seed=7, logit_bias={'5': 1})
    assert a.status == 200
    dropped = a.headers['x-llmgw-dropped']
    assert 'seed' in dropped and 'logit_bias' in dropped


def test_failover(gateway, mock):
    for model, provider in (('failover', 'anthropic'),
                            ('failover-dead', 'gemini')):
        a = gateway.chat(model)
        assert a.status == 200
        assert a.headers['x-llmgw-provider'] == provider
        assert a.headers['x-llmgw-attempts'] == '2'
    line = until('the log tells what was tried', lambda: [
        r for r in gateway.requests() if r.get('alias') == 'failover'])[0]
    assert re.match(r'openai/mock-status=503:overloaded:\w+:503:\d+us,'
                    r'anthropic/demo:ok:', line['tried'])
    assert line['attempts'] == 2 and line['status'] == 200


def test_retry_after_reaches_the_client(gateway, mock):
    a = gateway.chat('limited')
    assert a.status == 429
    assert 1 <= int(a.headers['retry-after']) <= 7


def test_models(gateway, mock):
    a = gateway.get('/v1/models')
    assert a.status == 200 and a.json['object'] == 'list'
    assert [m['id'] for m in a.json['data']] == list(gateway.config['models'])
    one = gateway.get('/v1/models/gpt')
    assert one.status == 200 and one.json['id'] == 'gpt'
    assert gateway.get('/v1/models/none').status == 404


def test_models_shows_what_a_key_may_use(gateway, mock):
    headers = {'authorization': 'Bearer ' + OTHER_KEY}
    a = gateway.get('/v1/models', headers=headers)
    assert [m['id'] for m in a.json['data']] == ['gpt']
    assert gateway.get('/v1/models/claude', headers=headers).status == 404
    headers['content-type'] = 'application/json'
    a = gateway.post(talk.chat('claude'), headers=headers)
    assert a.status == 404 and a.error['code'] == 'model_not_found'
    assert gateway.post(talk.chat('gpt'), headers=headers).status == 200


def test_request_ids(gateway, mock):
    for path in ('/v1/models', '/v1/none', '/health/live', '/metrics'):
        a = gateway.get(path)
        assert re.fullmatch(r'req_\w{24}', a.headers['x-request-id']), path
        a = gateway.get(path, headers=gateway.headers(
            **{'x-request-id': 'abc:1.2-3_4'}))
        assert a.headers['x-request-id'] == 'abc:1.2-3_4'
    for bad in ('has space', 'x' * 300, 'quote"', 'ä', ''):
        a = gateway.get('/v1/models', headers=gateway.headers(
            **{'x-request-id': bad.encode('utf-8')}))
        assert a.headers['x-request-id'].startswith('req_'), bad
    with gateway.stream('gpt') as s:
        assert s.headers['x-request-id'].startswith('req_')


def test_unknown_paths_answer_json(gateway, mock):
    for path in ('/v1', '/v1/', '/v1/nothing', '/v1/chat/completions/x',
                 '/v1/%2e%2e/etc/passwd', '/v1/chat%00', '/v1/%zz',
                 '/nothing', '/v1/models/a%2Fb'):
        a = gateway.get(path)
        assert a.status in (400, 404), path
        if a.headers['content-type'].startswith('text/html'):
            # the web server itself refuses what is no path
            assert '%00' in path or '%zz' in path
            continue
        assert a.headers['content-type'] == 'application/json', path
        assert a.error['message'] and a.error['type']


def test_query_and_encoded_path_arrive(gateway, mock):
    """Clients add their own ?api-version=..., and ids of models hold /."""
    for query in ('?api-version=2024-10-21', '?beta=true&x=%2F%3F', '?'):
        assert gateway.get('/v1/models' + query).status == 200, query
        assert gateway.get('/v1/models/gpt' + query).status == 200, query
        a = gateway.get('/v1/models/a%2Fb%3Fc%20d' + query)
        assert a.status == 404, query
        assert "'a/b?c d'" in a.error['message'], query


def test_wrong_methods_answer_json(gateway, mock):
    for method, path, allow in (
            ('GET', '/v1/chat/completions', 'POST'),
            ('POST', '/v1/models', 'GET, HEAD'),
            ('PUT', '/v1/models/gpt', 'GET, HEAD')):
        a = gateway.get(path, method=method)
        assert a.status == 405, path
        assert a.headers['allow'] == allow
        assert a.error['code'] == 'method_not_allowed'
    a = gateway.get('/v1/chat', method='DELETE')
    assert (a.status, a.headers['allow']) == (405, 'POST')
    assert sorted(a.error) == ['message', 'type']


def test_head(gateway, mock):
    for path in ('/v1/models', '/health/live', '/health/ready'):
        a = gateway.get(path, method='HEAD')
        assert a.status == 200 and a.body == b'', path


def test_health(gateway, mock):
    assert gateway.get('/health/live', headers={'x': 'y'}).status == 200
    a = gateway.get('/health/ready', headers={'x': 'y'})
    assert a.status == 200
    assert a.json['status'] == 'ready' and a.json['problems'] == []
    assert a.json['usable'] == a.json['models'] == len(gateway.config['models'])


def test_metrics(gateway, mock):
    assert shutil.which('promtool'), 'see .ci/packages'
    for model in ('gpt', 'claude', 'gem', 'broken'):
        gateway.chat(model)
    with gateway.stream('quick') as s:
        s.rest()
    text = gateway.metrics()
    p = subprocess.run(['promtool', 'check', 'metrics'], input=text, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 0 and not p.stdout.strip(), p.stdout
    for name in ('gen_ai_client_operation_duration_seconds',
                 'gen_ai_client_token_usage',
                 'gen_ai_server_time_to_first_token_seconds',
                 'llmgw_requests_total', 'llmgw_breaker_state',
                 'llmgw_config_last_reload_successful'):
        assert re.search(r'^%s' % name, text, re.M), name
    assert UPSTREAM_KEY not in text


def test_metrics_count_every_request_of_all_workers(gateway, mock):
    def total():
        return sum(float(n) for n in re.findall(
            r'^llmgw_requests_total\{surface="chat.completions",.*\} (\S+)$',
            gateway.metrics(), re.M))
    before = total()
    for _ in range(25):
        assert gateway.chat('gpt').status == 200
    assert total() == before + 25


def test_the_log_has_one_line_for_each_request(gateway, mock):
    ids = set()
    for model in ('gpt', 'claude', 'broken', 'missing'):
        ids.add(gateway.chat(model).headers['x-request-id'])
    ids.add(gateway.post(b'{').headers['x-request-id'])

    def lines():
        return [r for r in gateway.requests() if r['request_id'] in ids]
    until('all lines', lambda: len(lines()) >= len(ids))
    assert len(lines()) == len(ids)
    for r in lines():
        assert r['client'] == 'live' and r['remote'] == '127.0.0.1'
        assert r['total_us'] >= 0 and r['time'] and r['outcome']
    one = [r for r in lines() if r.get('alias') == 'claude'][0]
    assert (one['provider'], one['status']) == ('anthropic', 200)
    assert one['prompt_tokens'] > 0 and one['completion_tokens'] > 0
