"""Processes of the live tests: mock provider, gateway behind a web server."""
import json
import os
import pathlib
import re
import signal
import urllib.request

import talk
from proc import Process, children, free_port, state, until

CLIENT_KEY = 'llmgw_test0001_client-key-of-the-live-tests'
OTHER_KEY = 'llmgw_test0002_key-that-may-use-one-model'
UPSTREAM_KEY = 'sk-upstream-key-of-the-live-tests'

# What no program of ours may ever write to its log.
CRASH_WORDS = re.compile(
    r'(?:AddressSanitizer|LeakSanitizer|runtime error:|assertion failed'
    r'|Assertion).*')


class Mock:
    """tests/tools/mockprov and its control interface."""

    def __init__(self, build, folder, last=4000):
        self.port_file = folder / 'port'
        self.process = Process(
            [build / 'tests/tools/mockprov', '--listen', '127.0.0.1:0',
             '--port-file', self.port_file, '--last', str(last)],
            folder, 'mockprov')
        until('mock provider', lambda: self.port_file.exists()
              and self.port_file.read_text().strip())
        self.port = int(self.port_file.read_text())

    def call(self, method, path, body=None):
        r = urllib.request.Request(
            'http://127.0.0.1:%d%s' % (self.port, path), method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={'content-type': 'application/json'})
        with urllib.request.urlopen(r, timeout=10) as f:
            text = f.read()
        return json.loads(text) if text else None

    def stats(self):
        return self.call('GET', '/_mock/stats')

    def last(self, n=1, brief=False):
        return self.call('GET', '/_mock/last?n=%d%s' % (
            n, '&brief' if brief else ''))

    def quiet(self):
        """Waits until earlier tests have let go of it; counters from 0."""
        until('no stream is open', lambda: not self.stats()['streams_open'])
        self.call('POST', '/_mock/reset')
        return self

    def written(self):
        """Bytes of text that its streams have given so far."""
        return self.stats()['streamed_bytes']

    def stop(self):
        self.process.stop()


def target(provider, model, retry=None):
    m = {'targets': [{'provider': provider, 'model': model}]}
    if retry is not None:
        m['retry'] = {'attempts': retry}
    return m


def fall_back(*targets):
    return {'targets': [dict(zip(('provider', 'model'), t), priority=i + 1)
                        for i, t in enumerate(targets)],
            'retry': {'attempts': 0}}


def models():
    """Aliases for the behaviours of the mock that tests need."""
    m = {
        'gpt': target('openai', 'demo'),
        'claude': target('anthropic', 'demo'),
        'gem': target('gemini', 'demo'),
        'dead': target('nobody', 'demo', retry=0),
        'failover': fall_back(('openai', 'mock-status=503'),
                              ('anthropic', 'demo')),
        'failover-dead': fall_back(('nobody', 'demo'), ('gemini', 'demo')),
        'big': target('openai', 'mock-chunks=2000-size=20000000'),
    }
    for name, knobs in (
            ('slow', 'chunks=200-gap=50'), ('quick', 'chunks=20-gap=5'),
            ('paced', 'chunks=20-gap=50'), ('steady', 'chunks=100-gap=50'),
            ('burst', 'chunks=400'),
            ('cut', 'chunks=10-cut=3'),
            ('reset', 'chunks=10-reset=3-gap=20'),
            ('errorat', 'chunks=10-errorat=4'), ('badjson', 'chunks=10-badjson'),
            ('nodone', 'chunks=10-nodone')):
        for prefix, provider in (('', 'openai'), ('claude-', 'anthropic'),
                                 ('gem-', 'gemini')):
            m[prefix + name] = target(provider, 'mock-' + knobs, retry=0)
    for name, knobs in (
            ('silent', 'delay=60000'), ('broken', 'status=500'),
            ('limited', 'status=429-retryafter=7'), ('down', 'status=503'),
            ('context', 'err=context'), ('policy', 'err=policy'),
            ('quota', 'err=quota'), ('badkey', 'err=key'),
            ('html', 'html'), ('nostream', 'nostream'),
            ('failfirst', 'failfirst=1-status=503')):
        m[name] = target('openai', 'mock-' + knobs,
                         retry=1 if name == 'failfirst' else 0)
    return m


def default_config(mock):
    """Every dialect of the mock; breakers that stay out of a test's way."""
    base = 'http://127.0.0.1:%d' % mock.port
    common = {'api_key': 'file:UPFILE', 'allow_private': True}
    return {
        'server': {'workers': 2, 'drain_timeout': '20s'},
        'auth': {'keys': [
            {'name': 'live', 'key': 'file:KEYFILE', 'models': ['*']},
            {'name': 'narrow', 'key': 'file:OTHERFILE', 'models': ['gpt']}]},
        'providers': {
            'openai': dict(common, kind='openai', base_url=base + '/v1'),
            'anthropic': dict(common, kind='anthropic', base_url=base),
            'gemini': dict(common, kind='gemini', base_url=base + '/v1beta'),
            # nobody listens on port 1
            'nobody': dict(common, kind='openai',
                           base_url='http://127.0.0.1:1/v1'),
        },
        'models': models(),
        'breaker': {'failures': 1000000, 'min_requests': 1000000},
        'log': {'format': 'json', 'to': 'file:LOGFILE'},
    }


class Gateway:
    """llmgw-fcgi behind a web server; subclasses start the server."""

    def __init__(self, build, folder, config):
        self.build, self.folder = build, pathlib.Path(folder)
        self.port = free_port()
        self.requests_log = self.folder / 'requests.log'
        self.config_file = self.folder / 'llmgw.yaml'
        for name, text in (('key', CLIENT_KEY), ('other', OTHER_KEY),
                           ('upstream', UPSTREAM_KEY)):
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o600)
        (self.folder / 'state').mkdir(exist_ok=True)
        (self.folder / 'htdocs').mkdir()
        self.config = config
        self.write_config(config)

    def write_text(self, text):
        """A rename makes the change atomic."""
        temporary = self.folder / 'new'
        temporary.write_text(text)
        temporary.rename(self.config_file)

    def write_config(self, config):
        """JSON is YAML."""
        config = json.loads(json.dumps(config))
        config['server']['state_dir'] = str(self.folder / 'state')
        text = json.dumps(config, indent=1)
        for word, path in (('KEYFILE', 'key'), ('OTHERFILE', 'other'),
                           ('UPFILE', 'upstream'),
                           ('LOGFILE', 'requests.log')):
            text = text.replace(word, str(self.folder / path))
        self.write_text(text)

    def start(self):
        self.start_server()
        until('gateway ready', self.is_ready, 30)

    def is_ready(self):
        try:
            return self.get('/health/ready').status == 200
        except OSError:
            return False

    # -- clients

    def connect(self, timeout=30):
        return talk.connect(self.port, timeout)

    def headers(self, **more):
        return dict({'authorization': 'Bearer ' + CLIENT_KEY,
                     'content-type': 'application/json'}, **more)

    def post(self, body, path='/v1/chat/completions', headers=None):
        return talk.exchange(self.port, 'POST', path, body,
                             headers or self.headers())

    def get(self, path, headers=None, method='GET'):
        return talk.exchange(self.port, method, path, None,
                             headers or self.headers())

    def chat(self, model, text='Hello', **more):
        return self.post(talk.chat(model, text, **more))

    def stream(self, model, text='Hello', path='/v1/chat/completions', **more):
        body = talk.chat(model, text, stream=True, **more)
        return talk.Stream(self.port, path, body, self.headers())

    def log_lines(self):
        if not self.requests_log.exists():
            return []
        return [json.loads(line) for line in
                self.requests_log.read_text().splitlines()
                if line.startswith('{')]

    def requests(self):
        return [line for line in self.log_lines() if 'request_id' in line]

    def metrics(self):
        return self.get('/metrics').text

    # -- configuration in force

    def digest(self):
        m = re.search(r'llmgw_config_info\{digest="(\w+)"', self.metrics())
        return m and m.group(1)

    def hang_up(self):
        os.kill(self.parent_pid(), signal.SIGHUP)

    def reload(self, hang_up=True):
        """Writes the configuration; back when every worker has it."""
        old, seen = self.digest(), []
        self.write_config(self.config)
        if hang_up:
            self.hang_up()

        def all_new():
            # each worker is asked often enough
            seen.append(self.digest() != old)
            return len(seen) > 30 and all(seen[-30:])
        until('the new configuration is in force', all_new)

    # -- processes

    def parent_pid(self):
        raise NotImplementedError

    def worker_pids(self):
        return children(self.parent_pid())

    def by_each_worker(self, call):
        """What the call returns while one worker answers and the others are
        held, for each. Not behind a server that keeps connections to them."""
        pids, got = self.worker_pids(), []
        for pid in pids:
            others = [p for p in pids if p != pid]
            try:
                for p in others:
                    os.kill(p, signal.SIGSTOP)
                for p in others:
                    until('it is held', lambda: state(p) == 'T')
                got.append(call())
            finally:
                for p in others:
                    os.kill(p, signal.SIGCONT)
        return got

    def check_logs(self):
        """A report of a sanitizer or an assertion fails the test."""
        for log in self.folder.glob('*.log'):
            found = CRASH_WORDS.findall(log.read_text(errors='replace'))
            assert not found, '%s: %s' % (log, found[:20])


class Lighttpd(Gateway):
    # 2: a slow client slows the upstream down; 1 spools to disk instead.
    stream_response_body = 2

    def start_server(self):
        conf = self.folder / 'lighttpd.conf'
        conf.write_text('''
server.port = {port}
server.bind = "127.0.0.1"
server.document-root = "{d}/htdocs"
server.errorlog = "{d}/lighttpd.log"
server.upload-dirs = ( "{d}" )
server.max-fds = 16384
server.modules = ( "mod_fastcgi" )
server.stream-response-body = {mode}
fastcgi.server = ( "/" => (( "socket" => "{d}/fcgi", "max-procs" => 1,
  "check-local" => "disable", "kill-signal" => 15,
  "bin-path" => "{build}/llmgw-fcgi --config {conf}" )) )
'''.format(port=self.port, d=self.folder, build=self.build,
           mode=self.stream_response_body, conf=self.config_file))
        self.server = Process(['lighttpd', '-D', '-f', conf], self.folder,
                              'lighttpd-out')

    def socket_path(self):
        """lighttpd adds the number of the process."""
        return str(self.folder / 'fcgi-0')

    def parent_pid(self):
        pids = children(self.server.p.pid)
        return pids[0] if pids else None

    def stop(self):
        parent = self.parent_pid() if self.server.p.poll() is None else None
        self.server.stop()
        if parent:
            until('responder ends', lambda: not os.path.exists(
                '/proc/%d' % parent), 30)
        self.check_logs()


class Apache(Gateway):
    MODULES = '/usr/lib/apache2/modules'

    def start_responder(self):
        self.responder = Process(
            [self.build / 'llmgw-fcgi', '--config', self.config_file,
             '--listen', 'unix:%s/fcgi,mode=0666' % self.folder],
            self.folder, 'llmgw-fcgi')
        until('socket', lambda: (self.folder / 'fcgi').exists())

    def start_server(self):
        self.start_responder()
        conf = self.folder / 'apache.conf'
        conf.write_text('''
ServerRoot "{d}"
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile "{d}/apache.pid"
ErrorLog "{d}/apache.log"
DefaultRuntimeDir "{d}"
LoadModule mpm_event_module {m}/mod_mpm_event.so
LoadModule authz_core_module {m}/mod_authz_core.so
LoadModule proxy_module {m}/mod_proxy.so
LoadModule proxy_fcgi_module {m}/mod_proxy_fcgi.so
DocumentRoot "{d}/htdocs"
ThreadsPerChild 64
MaxRequestWorkers 512
ServerLimit 8
LimitRequestFieldSize 65536
AllowEncodedSlashes NoDecode
<Location "/">
  CGIPassAuth On
</Location>
<Proxy "unix:{d}/fcgi|fcgi://llmgw/" flushpackets=on enablereuse=on max=512 retry=0 timeout=660>
</Proxy>
ProxyPass "/" "unix:{d}/fcgi|fcgi://llmgw/" flushpackets=on enablereuse=on max=512 retry=0
'''.format(d=self.folder, m=self.MODULES, port=self.port))
        self.server = Process(['apache2', '-DFOREGROUND', '-f', conf],
                              self.folder, 'apache-out')

    def socket_path(self):
        return str(self.folder / 'fcgi')

    def parent_pid(self):
        return self.responder.p.pid

    def stop(self):
        self.server.stop()
        code = self.responder.stop(sig=signal.SIGTERM, seconds=40)
        self.check_logs()
        assert code == 0, 'llmgw-fcgi ended with %d' % code


SERVERS = {'lighttpd': Lighttpd, 'apache': Apache}
