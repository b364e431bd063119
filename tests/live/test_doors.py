"""All the ways in which a web server can reach llmgw-fcgi.

The event door behind lighttpd and Apache over a unix socket is what the other
live tests go through; here are its other forms, and the libfcgi door.
"""
import json
import os
import socket

import pytest

import conftest
import stack
import talk
from proc import Process, free_port, until

MODULES = stack.Apache.MODULES


class LighttpdTcp(stack.Lighttpd):
    """Our parent listens on a port; lighttpd only connects."""

    def start_server(self):
        fcgi_port = free_port()
        self.responder = Process(
            [self.build / 'llmgw-fcgi', '--config', self.config_file,
             '--listen', '127.0.0.1:%d' % fcgi_port],
            self.folder, 'llmgw-fcgi')
        conf = self.folder / 'lighttpd.conf'
        conf.write_text('''
server.port = {port}
server.bind = "127.0.0.1"
server.document-root = "{d}/htdocs"
server.errorlog = "{d}/lighttpd.log"
server.upload-dirs = ( "{d}" )
server.modules = ( "mod_fastcgi" )
server.stream-response-body = 2
server.stream-request-body = 2
fastcgi.server = ( "/" => (( "host" => "127.0.0.1", "port" => {fport},
  "check-local" => "disable" )) )
'''.format(port=self.port, d=self.folder, fport=fcgi_port))
        self.server = Process(['lighttpd', '-D', '-f', conf], self.folder,
                              'lighttpd-out')

    def parent_pid(self):
        return self.responder.p.pid

    def stop(self):
        self.server.stop()
        code = self.responder.stop(seconds=40)
        self.check_logs()
        assert code == 0


class LighttpdLibfcgi(stack.Lighttpd):
    """One request at a time in each of four processes."""

    def parent_pid(self):
        return None

    def start_server(self):
        conf = self.folder / 'lighttpd.conf'
        conf.write_text('''
server.port = {port}
server.bind = "127.0.0.1"
server.document-root = "{d}/htdocs"
server.errorlog = "{d}/lighttpd.log"
server.upload-dirs = ( "{d}" )
server.modules = ( "mod_fastcgi" )
server.stream-response-body = 2
fastcgi.server = ( "/" => (( "socket" => "{d}/fcgi", "max-procs" => 4,
  "check-local" => "disable", "kill-signal" => 15,
  "bin-path" => "{build}/llmgw-fcgi --door libfcgi --config {conf}" )) )
'''.format(port=self.port, d=self.folder, build=self.build,
           conf=self.config_file))
        self.server = Process(['lighttpd', '-D', '-f', conf], self.folder,
                              'lighttpd-out')

    def stop(self):
        self.server.stop()
        self.check_logs()


class ApacheModule(stack.Gateway):
    """Apache starts the processes itself."""
    lines = ''
    alias = 'ScriptAliasMatch "^/" "{d}/cgi/llmgw"'

    def start_server(self):
        wrapper = self.folder / 'cgi' / 'llmgw'
        wrapper.parent.mkdir()
        wrapper.write_text('#!/bin/sh\nexec "%s" --config "%s" %s\n' % (
            self.build / 'llmgw-fcgi', self.config_file, self.options))
        wrapper.chmod(0o755)
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
LoadModule alias_module {m}/mod_alias.so
DocumentRoot "{d}/htdocs"
AllowEncodedSlashes NoDecode
<Directory "{d}/cgi">
  CGIPassAuth On
  Options +ExecCGI
</Directory>
{alias}
{lines}
'''.format(d=self.folder, m=MODULES, port=self.port,
           alias=self.alias.format(d=self.folder),
           lines=self.lines.format(d=self.folder, m=MODULES,
                                   build=self.build,
                                   conf=self.config_file)))
        self.server = Process(['apache2', '-DFOREGROUND', '-f', conf],
                              self.folder, 'apache-out')

    def stop(self):
        self.server.stop()
        self.check_logs()


class ApacheCgi(ApacheModule):
    """Plain CGI: a process for each request."""
    options = ''
    lines = '''
LoadModule cgid_module {m}/mod_cgid.so
ScriptSock "{d}/cgid.sock"
'''


class ApacheFcgid(ApacheModule):
    """mod_fcgid hands one request at a time to each process."""
    options = ''
    lines = '''
LoadModule fcgid_module {m}/mod_fcgid.so
FcgidIPCDir "{d}"
FcgidProcessTableFile "{d}/fcgid_shm"
FcgidOutputBufferSize 0
FcgidMaxRequestLen 67108864
FcgidMaxProcesses 8
<Location "/">
  SetHandler fcgid-script
  Options +ExecCGI
  CGIPassAuth On
  FcgidWrapper "{build}/llmgw-fcgi --workers 1 --config {conf}" virtual
</Location>
'''
    alias = ''


DOORS = {c.__name__: c for c in (LighttpdTcp, LighttpdLibfcgi, ApacheCgi,
                                 ApacheFcgid)}


def make(door, mock, folder):
    config = stack.default_config(mock)
    config['server']['max_body'] = '1MiB'
    if os.getuid() == 0:
        # Apache gives its children away; they must reach these folders
        for p in [folder] + list(folder.parents)[:3]:
            if str(p).startswith('/tmp/'):
                p.chmod(0o755)
    g = DOORS[door](conftest.BUILD, folder, config)
    g.start()
    return g


@pytest.fixture(scope='module', params=DOORS)
def door(request, shared_mock, tmp_path_factory):
    g = make(request.param, shared_mock, tmp_path_factory.mktemp('door'))
    yield g
    g.stop()


def test_whole(door, mock):
    a = door.chat('gpt')
    assert a.status == 200, a
    assert a.content
    assert a.headers['x-llmgw-provider'] == 'openai'


def test_without_a_key(door, mock):
    a = door.post(talk.chat('gpt'), headers={
        'content-type': 'application/json'})
    assert a.status == 401, a
    assert a.error['message']


def test_the_first_token_comes_while_the_model_speaks(door, mock):
    with door.stream('slow') as s:
        s.first()
        assert mock.stats()['streams_open'] == 1
    until('upstream is cancelled',
          lambda: mock.stats()['client_aborts'] == 1)


def test_a_stream_to_its_end(door, mock):
    with door.stream('quick') as s:
        assert s.rest()
        assert s.done and s.ended
        assert s.finish() == ['stop']


def test_several_at_once(door, mock):
    streams = [door.stream('paced') for _ in range(4)]
    for s in streams:
        assert s.rest() and s.done
        s.close()


def test_a_large_body(door, mock):
    a = door.chat('gpt', 'word ' * 150000)
    assert a.status == 200, a
    sent = mock.last()
    assert 'word word' in json.dumps(sent)[-2000000:]


def test_a_body_that_is_too_large(door, mock):
    """The answer comes although the web server is still sending."""
    a = door.chat('gpt', 'x' * (3 << 20))
    assert a.status == 413, a
    assert a.error['type'] == 'invalid_request_error'
    # and all is well afterwards
    assert door.chat('gpt').status == 200


def test_answered_before_the_body_has_come(door, mock):
    """A route that does not exist is refused without the body."""
    a = door.post({'x': 'y' * (900 << 10)}, path='/v1/nothing')
    assert a.status == 404, a
    assert door.chat('gpt').status == 200


def test_a_client_that_leaves_in_its_body(door, mock):
    s = socket.create_connection(('127.0.0.1', door.port), timeout=20)
    s.sendall(b'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n'
              b'Authorization: Bearer %s\r\n'
              b'Content-Type: application/json\r\n'
              b'Content-Length: 1000\r\n\r\n{"model":"gpt"'
              % stack.CLIENT_KEY.encode())
    s.close()
    assert door.chat('gpt').status == 200
    assert mock.stats()['requests'] == 1


def test_a_get_without_a_body(door, mock):
    a = door.get('/v1/models')
    assert a.status == 200, a
    assert 'gpt' in [m['id'] for m in a.json['data']]


def test_odd_characters_in_the_path(door, mock):
    a = door.get('/v1/models/a%2Fb%20c?x=%C3%A9')
    assert a.status in (400, 404), a
    assert a.error['message']
