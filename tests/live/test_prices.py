"""Prices of the database reach all workers, and stay when it is away."""
from decimal import Decimal

import pytest

import database
import stack
from conftest import make_gateway
from proc import until

MILLION = Decimal(1000000)


@pytest.fixture(params=['sqlite', 'mariadb'])
def store(request, tmp_path):
    """URL of an empty database, and what can stop and start it."""
    if request.param == 'sqlite':
        yield 'sqlite://%s/prices.db' % tmp_path, None
        return
    folder = tmp_path / 'db'
    folder.mkdir()
    db = database.MariaDB(folder)
    yield db.create('llmgw'), db
    db.stop()


def should_cost(answer, prompt, completion):
    usage = answer.json['usage']
    return (usage['prompt_tokens'] * Decimal(prompt) +
            usage['completion_tokens'] * Decimal(completion)) / MILLION


def costs(answer):
    text = answer.headers.get('x-llmgw-cost')
    return None if text is None else Decimal(text)


def test_prices_of_the_database(build, mock, tmp_path, store):
    url, server = store
    config = stack.default_config(mock)
    config['store'] = url
    config['models']['own'] = {'targets': [{
        'provider': 'openai', 'model': 'demo',
        'price': {'input': 100, 'output': 200}}]}
    first = tmp_path / 'first.yaml'
    first.write_text('store: %s\n' % url)
    ctl = database.Ctl(build, first)
    ctl.run('db', 'init')
    g = make_gateway('lighttpd', mock, tmp_path, config)
    ctl = database.Ctl(build, g.config_file)
    try:
        a = g.chat('gpt')
        assert a.status == 200 and costs(a) is None
        # counted once the client has its answer
        until('it is counted', lambda: (
            'llmgw_unpriced_total{gen_ai_provider_name="openai",'
            'gen_ai_request_model="demo"} 1' in g.metrics()))
        a = g.chat('own')
        assert costs(a) == should_cost(a, 100, 200)

        ctl.run('price', 'set', 'openai', 'dem*', '--input', '1.5',
                '--output', '2')
        # each of the workers: many in a row
        for _ in range(20):
            until('it has a price', lambda: costs(g.chat('gpt')))
        a = g.chat('gpt')
        assert costs(a) == should_cost(a, '1.5', 2)
        version = ctl.json('price', 'versions')[0]['version']
        until('it is in the log', lambda: [
            r for r in g.requests() if r.get('cost')
            and r['price_version'] == version])
        if server:
            server.stop()
            a = g.chat('gpt')
            assert costs(a) == should_cost(a, '1.5', 2)
            server.start()
        ctl.run('price', 'set', 'openai', 'demo', '--input', '7',
                '--output', '0')

        def is_new():
            a = g.chat('gpt')
            return costs(a) == should_cost(a, 7, 0)
        for _ in range(20):
            until('it has the other price', is_new, 30)
        # the configuration's own come first, whatever the database says
        a = g.chat('own')
        assert costs(a) == should_cost(a, 100, 200)
    finally:
        g.stop()
