"""The canary sweep: planted keys, passwords and prompts are looked for.

After a mixed load with failures of all sorts, everything that the gateway
leaves or shows is searched for each planted text, as it is, in hexadecimal
digits and in base64. The table says where each may be; anywhere else is a
failure. What was searched is printed (pytest -s).
"""
import base64
import fnmatch
import json
import os
import pathlib
import re
import secrets
import signal
import sqlite3
import subprocess

import pytest

import database
import stack
import talk
from proc import children, until
from test_quickstart import quick  # noqa: F401
from test_secrets import Ctl, refuse

# Memory is searched as a core dump would hold it, though none is written. What
# comes with requests, answers and configuration files lies in their buffers.
MEMORY = 'memory of gateway'

# name -> where it may be: globs over the names of places
ALLOWED = {
    'provider key, file': ['file provider.key'],
    'provider key, environment': ['environ *', MEMORY],
    'provider key, told by its provider': ['file teller.key', MEMORY],
    'provider key, sealed': [],
    'provider key, sealed and refused': [],
    'provider key, plain in a refused file': ['file llmgw.yaml.bad', MEMORY],
    'client key, file': ['file key', MEMORY],
    'client key, database': [MEMORY],
    'client key, unknown': [MEMORY],
    'database password': ['file db.password'],
    'master key, digits': ['file master.key'],
    'master key, bytes': ['file master.key'],  # as digits
    'pepper': ['file state/pepper'],
    'prompt': [MEMORY],
    'system prompt': [MEMORY],
    'tool argument': [MEMORY],
    'completion': [MEMORY],
}


def canary(what):
    return 'canary%s%s' % (what, secrets.token_hex(12))


def shapes(value):
    """The text as it is, and as others might write it."""
    raw = value if isinstance(value, bytes) else value.encode()
    found = {'as it is': raw, 'hex': raw.hex().encode(),
             'HEX': raw.hex().upper().encode()}
    for shift in range(3):
        # without the characters that the neighbours have a part in
        text = base64.b64encode(b'\0' * shift + raw)
        start = (0, 2, 3)[shift]
        found['base64+%d' % shift] = text[start:len(text) - 4]
    return found


class Sweep:
    def __init__(self, planted):
        self.planted = {n: shapes(v) for n, v in planted.items()}
        assert set(planted) == set(ALLOWED)
        self.found, self.places, self.bytes = [], {}, {}

    def look(self, place, content):
        if isinstance(content, str):
            content = content.encode()
        sort = place.split()[0]
        self.places[sort] = self.places.get(sort, 0) + 1
        self.bytes[sort] = self.bytes.get(sort, 0) + len(content)
        for name, texts in self.planted.items():
            for shape, text in texts.items():
                if text in content:
                    self.found.append((name, shape, place))

    def verdict(self):
        """What is where it may not be; what is not where it must be."""
        bad = [f for f in self.found if not any(
            fnmatch.fnmatch(f[2], glob) for glob in ALLOWED[f[0]])]
        here = {f[0] for f in self.found}
        missing = [n for n, places in ALLOWED.items()
                   if any(p != MEMORY for p in places) and n not in here]
        return bad, missing

    def print(self):
        print('\n%-44s %s' % ('planted', 'may be in'))
        for name, places in ALLOWED.items():
            print('%-44s %s' % (name, ', '.join(places) or 'nothing'))
        print('searched, each for %d texts in %d shapes:' % (
            len(self.planted), len(next(iter(self.planted.values())))))
        for sort in self.places:
            print('  %-10s %5d places %12d bytes' % (
                sort, self.places[sort], self.bytes[sort]))


def test_the_sweep_finds_what_is_there():
    """A sweep that finds nothing must be one that would."""
    planted = {n: canary(str(i)) for i, n in enumerate(ALLOWED)}
    value = planted['prompt']
    for around in (b'%s', b'x%s', b'xx%s', b'xxx%s'):
        for make in (lambda b: b, base64.b64encode,
                     lambda b: b.hex().encode()):
            s = Sweep(planted)
            s.look('log x', make(around % value.encode()))
            assert s.found and s.found[0][0] == 'prompt', (around, make)
    s = Sweep(planted)
    s.look('log x', b'nothing of that sort')
    assert not s.found and s.verdict()[1]


# ---- what is searched -----------------------------------------------------------

def files(sweep, folder):
    for path in sorted(pathlib.Path(folder).rglob('*')):
        if path.is_file() and not path.is_symlink():
            sweep.look('file %s' % path.relative_to(folder),
                       path.read_bytes())


def family(pid):
    return [pid] + [p for c in children(pid) for p in family(c)]


def processes(sweep, what, pids):
    for pid in pids:
        for name in ('cmdline', 'environ', 'comm'):
            try:
                content = pathlib.Path('/proc/%d/%s' % (pid, name)).read_bytes()
            except (PermissionError, FileNotFoundError):
                continue
            sweep.look('%s of %s' % (name, what), content)


def core_of(pid):
    """What a core dump would hold: mappings that are not left out of it."""
    maps = pathlib.Path('/proc/%d/smaps' % pid).read_text()
    with open('/proc/%d/mem' % pid, 'rb', buffering=0) as mem:
        for part in re.split(r'^(?=[0-9a-f]+-[0-9a-f]+ )', maps, flags=re.M):
            m = re.match(r'([0-9a-f]+)-([0-9a-f]+) r(\S+) ', part)
            flags = re.search(r'^VmFlags:(.*)$', part, re.M)
            if not m or not flags or ' dd' in flags.group(1):
                continue
            start, end = int(m.group(1), 16), int(m.group(2), 16)
            if '[vvar' in part or '[vsyscall' in part:
                continue
            try:
                mem.seek(start)
                yield mem.read(end - start)
            except (OSError, ValueError):
                pass  # nothing is behind it


# ---- the load ---------------------------------------------------------------------

class Client:
    """Keeps what it was told in errors."""

    def __init__(self, gateway, planted):
        self.g, self.p, self.errors = gateway, planted, []
        self.statuses = {}

    def messages(self):
        return [{'role': 'system', 'content': self.p['system prompt']},
                {'role': 'user', 'content': self.p['prompt']}]

    def send(self, body, key='client key, file', **headers):
        headers = {'content-type': 'application/json',
                   'authorization': 'Bearer ' + self.p[key], **headers}
        a = talk.exchange(self.g.port, 'POST', '/v1/chat/completions', body,
                          headers)
        self.statuses[a.status] = self.statuses.get(a.status, 0) + 1
        if a.status != 200:
            self.errors.append(a.text)
        self.errors.append(repr(a.headers))
        return a

    def ask(self, model, key='client key, file', **more):
        return self.send(dict({'model': model, 'messages': self.messages()},
                              **more), key)

    def stream(self, model):
        body = {'model': model, 'messages': self.messages(), 'stream': True}
        with talk.Stream(self.g.port, '/v1/chat/completions', body, {
                'content-type': 'application/json',
                'x-api-key': self.p['client key, file']}) as s:
            s.rest()
            self.errors += [repr(s.errors()), repr(s.headers)]

    def round(self, mock):
        for model in ('gpt', 'claude', 'gem', 'broken', 'limited', 'badkey',
                      'quota', 'html', 'dead', 'policy', 'context', 'sealed',
                      'env', 'failover', 'no-such-model'):
            self.ask(model)
        for model in ('quick', 'claude-cut', 'gem-errorat', 'reset'):
            self.stream(model)
        assert self.ask('gpt', 'client key, database').status == 200
        assert self.ask('gpt', 'client key, unknown').status == 401
        for body in (
                '{"model":"gpt","messages":[{"content":"%s' % self.p['prompt'],
                {'model': 'gpt', 'messages': self.p['prompt']},
                {'model': 'gpt', 'messages': self.messages(),
                 'temperature': 9000},
                b'\xff' + self.p['prompt'].encode()):
            assert self.send(body).status == 400
        self.ask('gpt', tools=[{'type': 'function', 'function': {
            'name': 'find', 'parameters': {'type': 'object'}}}], messages=[
                {'role': 'user', 'content': 'call:find {"q":"%s"}'
                 % self.p['tool argument']}])
        self.telling_answer(mock)

    def telling_answer(self, mock):
        """Providers that say what they should not, and a completion."""
        answer = {'match': {'model': 'teller'}, 'status': 200,
                  'headers': {'content-type': 'application/json'},
                  'body': {'id': 'x', 'object': 'chat.completion',
                           'created': 1, 'model': 'teller', 'choices': [{
                               'index': 0, 'finish_reason': 'stop',
                               'message': {'role': 'assistant', 'content':
                                           self.p['completion']}}],
                           'usage': {'prompt_tokens': 1, 'total_tokens': 2,
                                     'completion_tokens': 1}}}
        mock.call('POST', '/_mock/answer', answer)
        a = self.ask('teller')
        assert a.status == 200 and a.content == self.p['completion']
        for status in (401, 400, 500):
            mock.call('POST', '/_mock/answer', dict(
                answer, status=status, body={'error': {
                    'message': 'Incorrect API key provided: %s. You can find '
                    'it in your account.'
                    % self.p['provider key, told by its provider'],
                    'type': 'invalid_request_error',
                    'code': 'invalid_api_key'}}))
            assert self.ask('teller').status != 200
        self.quoting_answer(mock, answer)

    def quoting_answer(self, mock, answer):
        """An error that quotes the prompt: for its client, not for the log."""
        mock.call('POST', '/_mock/answer', dict(
            answer, status=400, body={'error': {
                'message': 'Not allowed: %s' % self.p['prompt'],
                'type': 'invalid_request_error', 'code': 'bad_text'}}))
        kept = len(self.errors)
        a = self.ask('teller')
        assert a.status == 400 and self.p['prompt'] in a.text
        del self.errors[kept:]


def make_config(mock, folder, url):
    config = stack.default_config(mock)
    config['store'] = url
    config['secrets'] = {'master_key': 'file:%s/master.key' % folder,
                         'recheck': '1s'}
    config['auth']['keys'] = [{'name': 'live', 'key': 'file:KEYFILE',
                               'models': ['*']}]
    common = {'allow_private': True, 'kind': 'openai',
              'base_url': 'http://127.0.0.1:%d/v1' % mock.port}
    for p in config['providers'].values():
        p['api_key'] = 'file:%s/provider.key' % folder
    config['providers']['sealed'] = dict(
        common, api_keys=['sealed:good', 'sealed:refused'])
    config['providers']['env'] = dict(common, api_key='env:CANARY_KEY')
    config['models']['sealed'] = stack.target('sealed', 'demo')
    config['models']['env'] = stack.target('env', 'demo')
    config['providers']['teller'] = dict(
        common, api_key='file:%s/teller.key' % folder)
    config['models']['teller'] = stack.target('teller', 'teller', retry=0)
    return config


def secret_file(path, text):
    path.write_text(text)
    path.chmod(0o600)


class Store:
    """The gateway's database, with an account that has a password."""

    def __init__(self, product, folder, planted):
        self.product, self.folder, self.db = product, folder, None
        secret_file(folder / 'db.password', planted['database password'])
        if product == 'sqlite':
            self.url = 'sqlite://%s/keys.db' % folder
            return
        self.db = database.MariaDB(folder)
        self.db.create('llmgw')
        self.db.run("CREATE USER 'gate'@'localhost' IDENTIFIED BY '%s';"
                    "GRANT ALL ON llmgw.* TO 'gate'@'localhost'"
                    % planted['database password'])
        self.url = ('mariadb://gate@localhost/llmgw?socket=%s&'
                    'password_file=%s/db.password' % (self.db.socket, folder))

    def rows(self, sweep):
        """Every value of every table, as the database gives it."""
        if self.db:
            for table, in self.db.run('SHOW TABLES', 'llmgw'):
                sweep.look('table %s' % table, self.bytes_of(table))
            return
        with sqlite3.connect('%s/keys.db' % self.folder) as c:
            tables = [r[0] for r in c.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                rows = c.execute('SELECT * FROM "%s"' % table).fetchall()
                sweep.look('table %s' % table, b'\n'.join(
                    v if isinstance(v, bytes) else str(v).encode()
                    for row in rows for v in row))

    def count(self, table):
        if self.db:
            return int(self.db.run('SELECT COUNT(*) FROM %s' % table,
                                   'llmgw')[0][0])
        with sqlite3.connect('%s/keys.db' % self.folder) as c:
            return c.execute('SELECT COUNT(*) FROM %s' % table).fetchone()[0]

    def bytes_of(self, table):
        return subprocess.run(
            ['mariadb', '--no-defaults', '-u', 'root', '-N', '-B', '--raw',
             '-S', str(self.db.socket), 'llmgw', '-e',
             'SELECT * FROM `%s`' % table], timeout=60, check=True,
            stdout=subprocess.PIPE).stdout

    def restart(self):
        if self.db:
            self.db.stop()
            self.db.start()

    def stop(self):
        if self.db:
            self.db.stop()


def plant():
    # of a form that no rule for redaction knows
    planted = {name: canary('key%d' % i)
               for i, name in enumerate(ALLOWED)}
    for name in 'prompt', 'system prompt', 'tool argument', 'completion':
        planted[name] = canary('text')
    # words, which no rule takes for a key
    planted['prompt'] = ' '.join(
        re.findall('....', 'canary' + secrets.token_hex(15)))
    return planted


def prepare(build, folder, mock, planted, store):
    """Configuration, files and rows; the gateway is not started yet."""
    secret_file(folder / 'provider.key', planted['provider key, file'])
    secret_file(folder / 'teller.key',
                planted['provider key, told by its provider'])
    config = make_config(mock, folder, store.url)
    g = stack.Lighttpd(build, folder, config)
    secret_file(folder / 'key', planted['client key, file'])
    ctl = Ctl(build, g.config_file)
    said = [ctl.run('secret', 'new-master', str(folder / 'master.key')),
            ctl.run('db', 'init'),
            ctl.run('secret', 'add', 'good',
                    text=planted['provider key, sealed']),
            ctl.run('secret', 'add', 'refused',
                    text=planted['provider key, sealed and refused']),
            ctl.run('tenant', 'create', 'acme'),
            ctl.run('grant', 'add', '*', '--tenant', 'acme')]
    made = ctl.json('key', 'create', 'app', '--tenant', 'acme')
    planted['client key, database'] = made['key']
    digits = (folder / 'master.key').read_text().strip()
    planted['master key, digits'] = digits
    planted['master key, bytes'] = bytes.fromhex(digits)
    planted['pepper'] = next(
        (folder / 'state').rglob('pepper')).read_bytes()
    return g, ctl, said


def run_load(g, mock, store, planted, folder):
    client = Client(g, planted)
    refuse(mock, planted['provider key, sealed and refused'])
    for _ in range(3):
        client.round(mock)
    until('the refused key is out', lambda: (
        client.ask('sealed').status == 200
        and 'key refused out: 401' in g.get('/health/ready').text))
    # a bad file, which is told of but not repeated
    good = g.config_file.read_text()
    bad = json.loads(good)
    bad['providers']['env']['api_key'] = \
        planted['provider key, plain in a refused file']
    (folder / 'llmgw.yaml.bad').write_text(json.dumps(bad))
    g.write_text(json.dumps(bad))
    g.hang_up()
    until('it is refused', lambda: 'may not stand in the configuration'
          in g.get('/health/ready').text)
    g.write_text(good)
    g.hang_up()
    until('the good one is in force', lambda: 'may not stand'
          not in g.get('/health/ready').text)
    os.kill(g.worker_pids()[0], signal.SIGKILL)
    store.restart()
    until('all is well in each worker', lambda: all(client.ask(
        'gpt', 'client key, database').status == 200 for _ in range(200)), 60)
    client.round(mock)
    return client


def aborted(g):
    """A worker that dies of a bug leaves no core."""
    pid = g.worker_pids()[0]
    subprocess.run(['prlimit', '--pid', str(pid), '--core=unlimited'],
                   check=True)
    os.kill(pid, signal.SIGABRT)
    until('it is gone', lambda: pid not in g.worker_pids())
    until('another has come', lambda: len(g.worker_pids()) == 2)


def sweep_all(sweep, g, ctl, store, client, said, pids):
    for text in client.errors:
        sweep.look('answer', text)
    for path in ('/metrics', '/health/ready', '/health/live', '/v1/models'):
        a = g.get(path, {'authorization': 'Bearer ' + client.p[
            'client key, file']})
        sweep.look('page %s' % path, a.text + repr(a.headers))
    for text in said + [
            ctl.run('secret', 'list'), ctl.run('key', 'list', '--json'),
            ctl.run('audit', 'list', '--json'), ctl.run('audit', 'export'),
            ctl.run('secret', 'rotate-master')]:
        sweep.look('llmgwctl', text)
    processes(sweep, 'web server', [g.server.p.pid])
    processes(sweep, 'gateway', pids)
    if store.db:
        processes(sweep, 'database', family(store.db.process.p.pid))


def drained(sweep, g, store, build):
    """What the workers have written down, in the database."""
    p = subprocess.run(
        [str(build / 'llmgw-jobd'), '--once', '--foreground', '--config',
         str(g.config_file)], timeout=60, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    assert p.returncode == 0, p.stdout
    sweep.look('llmgw-jobd', p.stdout)
    store.rows(sweep)
    assert store.count('ledger') > 50
    assert store.count('audit') > 10


def memory(sweep, pids):
    """As root; the kernel shows nobody else what the gateway holds."""
    for pid in pids:
        for part in core_of(pid):
            sweep.look(MEMORY, part)


@pytest.mark.parametrize('product', ['sqlite', 'mariadb'])
def test_canaries(product, build, mock, tmp_path, monkeypatch, is_sanitized):
    planted = plant()
    monkeypatch.setenv('CANARY_KEY', planted['provider key, environment'])
    store = Store(product, tmp_path, planted)
    try:
        g, ctl, said = prepare(build, tmp_path, mock, planted, store)
        g.headers = lambda **more: {
            'authorization': 'Bearer ' + planted['client key, file']}
        sweep = Sweep(planted)
        g.start()
        try:
            client = run_load(g, mock, store, planted, tmp_path)
            pids = family(g.parent_pid())
            assert len(pids) == 3
            if os.getuid() == 0 and not is_sanitized:
                memory(sweep, pids)
            aborted(g)
            sweep_all(sweep, g, ctl, store, client, said,
                      family(g.parent_pid()))
        finally:
            g.stop()
        drained(sweep, g, store, build)
    finally:
        store.stop()
    files(sweep, tmp_path)
    cores = [p for p in tmp_path.rglob('*core*') if p.is_file()]
    assert not cores
    sweep.print()
    print('answers by status: %s' % client.statuses)
    bad, missing = sweep.verdict()
    assert not bad, '\n'.join(sorted({'%s (%s) in %s' % b for b in bad}))
    assert not missing, missing


# ---- quickstart -----------------------------------------------------------------

def test_the_folder_of_quickstart(quick):
    """Where somebody looks first, and sends it to somebody else."""
    text = canary('text')
    quick.start()  # with its mock provider: nobody's network is needed
    key = (quick.dir / 'keys/client').read_text().strip()
    for wanted in key, 'llmgw_wrong000_' + key[15:]:
        for stream in False, True:
            talk.exchange(quick.port, 'POST', '/v1/chat/completions',
                          talk.chat('default-chat', text, stream=stream),
                          {'content-type': 'application/json',
                           'authorization': 'Bearer ' + wanted})
    until('all is logged', lambda: len(quick.requests()) >= 4)
    searched = 0
    for path in quick.dir.rglob('*'):
        if not path.is_file():
            continue
        content = path.read_bytes()
        searched += 1
        for value, owner in ((text, None), (key, 'client'),
                             (key[15:], 'client')):
            for shape in shapes(value).values():
                assert shape not in content or (
                    path.parent.name == 'keys' and path.name == owner), \
                    (value, path)
    assert searched > 8
    print('searched %d files of the folder' % searched)
