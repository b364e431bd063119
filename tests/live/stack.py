"""Processes of the live tests: mock provider, gateway, web servers."""
import http.client
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import time
import urllib.request

CLIENT_KEY = 'llmgw_test0001_client-key-of-the-live-tests'
UPSTREAM_KEY = 'sk-upstream-key-of-the-live-tests'


def until(what, condition, seconds=20):
    """Waits for a condition; the only way to wait in these tests."""
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        assert time.monotonic() < end, 'never happened: ' + what
        select.select([], [], [], 0.005)  # between two looks


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def answers(port, path='/health/ready'):
    try:
        c = http.client.HTTPConnection('127.0.0.1', port, timeout=5)
        c.request('GET', path)
        return c.getresponse().status == 200
    except OSError:
        return False


class Process:
    def __init__(self, args, folder, name, **kw):
        self.log = open(pathlib.Path(folder) / (name + '.log'), 'ab')
        self.p = subprocess.Popen(
            [str(a) for a in args], stdout=self.log, stderr=self.log,
            stdin=subprocess.DEVNULL, start_new_session=True, **kw)

    def stop(self, sig=signal.SIGTERM, seconds=20):
        if self.p.poll() is None:
            self.p.send_signal(sig)
            try:
                self.p.wait(seconds)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()
                raise
        self.log.close()
        return self.p.returncode


class Mock:
    """tests/tools/mockprov and its control interface."""

    def __init__(self, build, folder):
        self.port_file = folder / 'port'
        self.process = Process(
            [build / 'tests/tools/mockprov', '--listen', '127.0.0.1:0',
             '--port-file', self.port_file], folder, 'mockprov')
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

    def last(self, n=1):
        return self.call('GET', '/_mock/last?n=%d' % n)

    def stop(self):
        self.process.stop()


def default_config(mock):
    """Every dialect of the mock behind aliases; mock-* names pass through."""
    base = 'http://127.0.0.1:%d' % mock.port
    return {
        'server': {'workers': 2, 'drain_timeout': '20s'},
        'auth': {'keys': [{'name': 'live', 'key': 'file:KEYFILE',
                           'models': ['*']}]},
        'providers': {
            'openai': {'kind': 'openai', 'base_url': base + '/v1',
                       'api_key': 'file:UPFILE', 'allow_private': True},
            'anthropic': {'kind': 'anthropic', 'base_url': base,
                          'api_key': 'file:UPFILE', 'allow_private': True},
            'gemini': {'kind': 'gemini', 'base_url': base + '/v1beta',
                       'api_key': 'file:UPFILE', 'allow_private': True},
        },
        'models': {
            'gpt': target('openai', 'demo'),
            'claude': target('anthropic', 'demo'),
            'gem': target('gemini', 'demo'),
            'slow': target('openai', 'mock-chunks=200-gap=50'),
            'slow-claude': target('anthropic', 'mock-chunks=200-gap=50'),
            'quick': target('openai', 'mock-chunks=20-gap=5'),
            'big': target('openai', 'mock-chunks=2000-size=20000000'),
            'silent': target('openai', 'mock-delay=60000'),
            'broken': target('openai', 'mock-status=500', retry=0),
            'limited': target('openai', 'mock-status=429-retryafter=7',
                              retry=0),
            'cut': target('openai', 'mock-chunks=10-cut=3', retry=0),
            'failover': {'targets': [
                {'provider': 'openai', 'model': 'mock-status=503',
                 'priority': 1},
                {'provider': 'anthropic', 'model': 'demo', 'priority': 2}],
                'retry': {'attempts': 0}},
        },
        'log': {'format': 'json', 'to': 'file:LOGFILE'},
    }


def target(provider, model, retry=None):
    m = {'targets': [{'provider': provider, 'model': model}]}
    if retry is not None:
        m['retry'] = {'attempts': retry}
    return m


class Gateway:
    """llmgw-fcgi behind a web server; subclasses start the server."""

    def __init__(self, build, folder, config):
        self.build, self.folder = build, pathlib.Path(folder)
        self.port = free_port()
        self.requests_log = self.folder / 'requests.log'
        self.config_file = self.folder / 'llmgw.yaml'
        for name, text in (('key', CLIENT_KEY), ('upstream', UPSTREAM_KEY)):
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o600)
        (self.folder / 'state').mkdir()
        (self.folder / 'htdocs').mkdir()
        self.config = config
        self.write_config(config)

    def write_config(self, config):
        """JSON is YAML; a rename makes the change atomic."""
        config = json.loads(json.dumps(config))
        config['server']['state_dir'] = str(self.folder / 'state')
        text = json.dumps(config, indent=1)
        for word, path in (('KEYFILE', 'key'), ('UPFILE', 'upstream'),
                           ('LOGFILE', 'requests.log')):
            text = text.replace(word, str(self.folder / path))
        temporary = self.folder / 'new'
        temporary.write_text(text)
        temporary.rename(self.config_file)

    def start(self):
        self.start_server()
        until('gateway ready', lambda: answers(self.port), 30)

    # -- clients

    def connect(self, timeout=30):
        return http.client.HTTPConnection('127.0.0.1', self.port,
                                          timeout=timeout)

    def headers(self, **more):
        return dict({'authorization': 'Bearer ' + CLIENT_KEY,
                     'content-type': 'application/json'}, **more)

    def post(self, body, path='/v1/chat/completions', headers=None):
        """(status, headers, body bytes)"""
        c = self.connect()
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        c.request('POST', path, data, headers or self.headers())
        r = c.getresponse()
        return r.status, dict((k.lower(), v) for k, v in r.getheaders()), \
            r.read()

    def get(self, path, headers=None):
        c = self.connect()
        c.request('GET', path, headers=headers or self.headers())
        r = c.getresponse()
        return r.status, dict((k.lower(), v) for k, v in r.getheaders()), \
            r.read()

    def log_lines(self):
        if not self.requests_log.exists():
            return []
        return [json.loads(l) for l in
                self.requests_log.read_text().splitlines()]

    def metric(self, name):
        for line in self.get('/metrics')[2].decode().splitlines():
            if line.startswith(name):
                return float(line.split()[-1])
        return None

    # -- processes

    def parent_pid(self):
        raise NotImplementedError

    def worker_pids(self):
        parent = self.parent_pid()
        children = pathlib.Path('/proc/%d/task/%d/children'
                                % (parent, parent)).read_text().split()
        return [int(c) for c in children]


class Lighttpd(Gateway):
    def start_server(self):
        conf = self.folder / 'lighttpd.conf'
        conf.write_text('''
server.port = %d
server.bind = "127.0.0.1"
server.document-root = "%s/htdocs"
server.errorlog = "%s/lighttpd.log"
server.upload-dirs = ( "%s" )
server.modules = ( "mod_fastcgi" )
server.stream-response-body = 1
fastcgi.server = ( "/" => (( "socket" => "%s/fcgi", "max-procs" => 1,
  "check-local" => "disable", "kill-signal" => 15,
  "bin-path" => "%s/llmgw-fcgi --config %s" )) )
''' % (self.port, self.folder, self.folder, self.folder, self.folder,
            self.build, self.config_file))
        self.server = Process(['lighttpd', '-D', '-f', conf], self.folder,
                              'lighttpd-out')

    def parent_pid(self):
        pid = self.server.p.pid
        kids = pathlib.Path('/proc/%d/task/%d/children' % (pid, pid))
        return int(kids.read_text().split()[0])

    def stop(self):
        parent = self.parent_pid() if self.server.p.poll() is None else None
        self.server.stop()
        if parent:
            until('responder ends', lambda: not os.path.exists(
                '/proc/%d' % parent), 30)


class Apache(Gateway):
    MODULES = '/usr/lib/apache2/modules'

    def start_server(self):
        self.responder = Process(
            [self.build / 'llmgw-fcgi', '--config', self.config_file,
             '--listen', 'unix:%s/fcgi,mode=0666' % self.folder],
            self.folder, 'llmgw-fcgi')
        until('socket', lambda: (self.folder / 'fcgi').exists())
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
AllowEncodedSlashes NoDecode
<Location "/">
  CGIPassAuth On
</Location>
<Proxy "unix:{d}/fcgi|fcgi://llmgw/" flushpackets=on enablereuse=on max=512>
</Proxy>
ProxyPass "/" "unix:{d}/fcgi|fcgi://llmgw/" nocanon flushpackets=on enablereuse=on max=512
'''.format(d=self.folder, m=self.MODULES, port=self.port))
        self.server = Process(['apache2', '-DFOREGROUND', '-f', conf],
                              self.folder, 'apache-out')

    def parent_pid(self):
        return self.responder.p.pid

    def stop(self):
        self.server.stop()
        assert self.responder.stop() == 0


SERVERS = {'lighttpd': Lighttpd, 'apache': Apache}
