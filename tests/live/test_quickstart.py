"""./quickstart as a user runs it, with the programs of the build under test.

It must neither install packages nor build here: apt-get and sudo are stubs
that fail and leave a note, and the programs must stay the files they were.
"""
import json
import os
import pathlib
import re
import socket
import subprocess

import pytest

import talk
from conftest import BUILD, TOP
from proc import environment, free_port, until
from stack import CRASH_WORDS

PROGRAMS = ('lighttpd', 'apache', 'llmgw-fcgi', 'llmgw-jobd', 'mockprov',
            'memcached', 'mariadbd')
STUB = '#!/bin/sh\necho "$0 $*" >>%s\nexit 1\n'


def command_line(pid):
    """Without those that have ended and wait for their parent to notice."""
    try:
        return pathlib.Path('/proc/%s/cmdline' % pid).read_bytes().decode(
            errors='replace').replace('\0', ' ')
    except OSError:
        return ''


class Quickstart:
    def __init__(self, folder):
        self.dir, self.port = folder / 'state', free_port()
        self.note = folder / 'forbidden'
        stubs = folder / 'bin'
        stubs.mkdir()
        for name in 'apt-get', 'sudo', 'autoreconf':
            (stubs / name).write_text(STUB % self.note)
            (stubs / name).chmod(0o755)
        self.env = {k: v for k, v in os.environ.items()
                    if not k.endswith('_API_KEY')}
        self.env.update(LLMGW_BUILD=str(BUILD),
                        PATH='%s:%s' % (stubs, os.environ['PATH']))

    def run(self, *args, env=None):
        return subprocess.run(
            [TOP / 'quickstart', *map(str, args), '--dir', self.dir],
            env=dict(self.env, **(env or {})), text=True, timeout=120,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

    def start(self, *args, env=None):
        p = self.run('--port', self.port, *args, env=env)
        assert p.returncode == 0, p.stdout + p.stderr
        return p.stdout

    def refused(self, *args):
        """Starts in vain; what it says."""
        p = self.run('--port', self.port, *args)
        assert p.returncode == 1, p.stdout + p.stderr
        return p.stderr

    def shell(self, line):
        """The line in a user's shell, which has no stubs."""
        p = subprocess.run(['bash', '-c', line], text=True, timeout=60,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
        assert p.returncode == 0, p.stderr
        return p.stdout

    def pids(self):
        """Every process, child or not, that has to do with the folder."""
        return [p for p in os.listdir('/proc') if p.isdigit()
                and p != str(os.getpid())
                and str(self.dir) in command_line(p)]

    def requests(self):
        """The lines of the request log; one is written after its answer."""
        log = self.dir / 'log/requests.log'
        return [json.loads(l) for l in log.read_text().splitlines()]

    def logged(self, request_id):
        return until('a line in the request log', lambda: [
            r for r in self.requests() if r.get('request_id') == request_id])

    def get(self, path):
        key = (self.dir / 'keys/client').read_text()
        return talk.exchange(self.port, 'GET', path, None,
                             {'authorization': 'Bearer ' + key})

    def models(self):
        return [m['id'] for m in self.get('/v1/models').json['data']]

    def check(self):
        assert not self.note.exists(), self.note.read_text()
        for log in self.dir.glob('log/*.log'):
            found = CRASH_WORDS.findall(log.read_text(errors='replace'))
            assert not found, '%s: %s' % (log, found[:20])


@pytest.fixture
def quick(tmp_path):
    q = Quickstart(tmp_path)
    yield q
    p = q.run('stop')
    assert p.returncode == 0, p.stderr
    left = [command_line(p) for p in q.pids()]
    assert not left, 'still there: %s' % left
    q.check()


def printed(text, word):
    """The command that the line which begins with the word gives."""
    line = re.search(r'^%s.*$' % re.escape(word), text, re.M).group()
    return line if word == 'curl' else line.split(None, 1)[1]


def text_of(stream):
    """The text of a stream as curl has printed it."""
    assert stream.rstrip().endswith('data: [DONE]'), stream
    events = [json.loads(l[6:]) for l in stream.splitlines()
              if l.startswith('data: {')]
    return ''.join(talk.piece(e) for e in events)


def servers(q):
    """The names that `status` gives."""
    p = q.run('status')
    names = [l.split()[0] for l in p.stdout.splitlines() if ' runs (pid ' in l]
    assert p.returncode == (0 if names else 1), p.stdout
    return names


@pytest.mark.parametrize('option, running', [
    ((), ['lighttpd', 'llmgw-jobd', 'mockprov']),
    (('--apache',), ['apache', 'llmgw-fcgi', 'llmgw-jobd', 'mockprov']),
    (('--mariadb',), ['lighttpd', 'llmgw-jobd', 'mockprov', 'memcached',
                      'mariadbd'])])
def test_all_that_it_prints_works(quick, option, running):
    out = quick.start(*option)
    assert servers(quick) == running
    assert text_of(quick.shell(printed(out, 'curl')))
    listed = json.loads(quick.shell(printed(out, 'models')))
    assert [m['id'] for m in listed['data']] == ['default-chat']
    ready = json.loads(quick.shell(printed(out, 'health')))
    assert ready['status'] == 'ready' and not ready['problems']
    assert 'llmgw_build_info' in quick.shell(printed(out, 'metrics'))
    assert printed(out, 'config').split()[0] == str(quick.dir / 'llmgw.yaml')
    assert printed(out, 'logs') == str(quick.dir / 'log')
    # the one for its own folder
    stop = printed(out, 'stop')
    assert stop == './quickstart stop --dir %s' % quick.dir
    quick.shell('cd %s && %s' % (TOP, stop))
    assert servers(quick) == [] and quick.pids() == []


def test_the_request_is_in_the_log(quick):
    line = printed(quick.start(), 'curl')
    quick.shell(line.replace('curl ', 'curl -H "X-Request-Id: mine-1" ', 1))
    [entry] = quick.logged('mine-1')
    assert entry['client'] == 'quickstart'
    assert entry['alias'] == 'default-chat' and entry['provider'] == 'demo'
    assert entry['stream'] is True and entry['status'] == 200


@pytest.mark.parametrize('option', [(), ('--mariadb',)])
def test_the_request_is_in_the_ledger(quick, option):
    out = quick.start(*option)
    quick.shell(printed(out, 'curl'))
    report = printed(out, 'usage ')
    assert until('a sum', lambda: re.search(
        r'^demo +quickstart +1 ', quick.shell(report), re.M)), report


def test_the_second_start_makes_nothing_anew(quick):
    out = quick.start()
    made = [BUILD / 'llmgw-fcgi', BUILD / 'llmgwctl', BUILD / 'Makefile',
            quick.dir / 'keys/client']

    def look():
        return [(p.stat().st_ino, p.stat().st_mtime_ns) for p in made]

    before, old = look(), set(quick.pids())
    again = quick.start()
    assert printed(again, 'curl') == printed(out, 'curl')
    assert look() == before
    assert old and not old & set(quick.pids()), 'the old ones have ended'
    assert text_of(quick.shell(printed(out, 'curl')))


def test_apache_takes_the_place_of_lighttpd(quick):
    quick.start()
    out = quick.start('--apache')
    assert servers(quick) == ['apache', 'llmgw-fcgi', 'llmgw-jobd',
                              'mockprov']
    assert text_of(quick.shell(printed(out, 'curl')))


def test_apache_is_more_patient_than_the_gateway(quick):
    """Its own Timeout (60 s) would cut whole answers that take longer."""
    quick.start('--apache')
    config, apache = quick.dir / 'llmgw.yaml', quick.dir / 'apache.conf'
    config.write_text(config.read_text().replace(
        'model: demo }', 'model: mock-delay=2500 }'))
    out = quick.start('--apache')
    # What it did after a minute it would do after a second now.
    apache.write_text('Timeout 1\n' + apache.read_text())
    log = quick.dir / 'log/apache.log'
    before = log.read_text().count('AH00094: Command line')
    subprocess.run(['apache2', '-f', apache, '-k', 'restart'], check=True,
                   env=quick.env, stderr=subprocess.DEVNULL)
    until('it runs with the new Timeout', lambda: log.read_text().count(
        'AH00094: Command line') > before)
    answer = json.loads(quick.shell(
        printed(out, 'curl').replace('"stream":true,', '')))
    assert answer['choices'][0]['message']['content']
    for f in apache, TOP / 'conf/apache2/llmgw.conf':
        seconds = re.findall(r'^ *ProxyPass.* timeout=(\d+)', f.read_text(),
                             re.M)
        assert seconds and min(map(int, seconds)) > 600, f


def test_two_run_side_by_side(quick, tmp_path):
    (tmp_path / 'other').mkdir()
    other = Quickstart(tmp_path / 'other')
    a = quick.start()
    try:
        b = other.start('--apache')
        for out in a, b:
            assert text_of(quick.shell(printed(out, 'curl')))
    finally:
        assert other.run('stop').returncode == 0
    other.check()
    assert other.pids() == []
    assert text_of(quick.shell(printed(a, 'curl')))


def test_a_long_folder_name_has_its_socket_elsewhere(quick):
    quick.dir = quick.dir / ('x' * 100)
    out = quick.start('--apache')
    assert text_of(quick.shell(printed(out, 'curl')))
    [line] = [command_line(p) for p in quick.pids()
              if 'mode=0666' in command_line(p)][:1]
    sock = re.search(r'unix:([^,]+)', line).group(1)
    assert quick.run('stop').returncode == 0
    folder = pathlib.Path(sock).parent
    assert folder.parent == pathlib.Path('/tmp') and not folder.exists()


def test_a_taken_port_is_told(quick):
    with socket.socket() as s:
        s.bind(('127.0.0.1', quick.port))
        s.listen()
        said = quick.refused()
    assert 'port %d is in use' % quick.port in said and '--port' in said
    assert quick.pids() == []


def test_an_edited_configuration_is_kept(quick):
    quick.start()
    config = quick.dir / 'llmgw.yaml'
    edited = config.read_text().replace('default-chat:', 'my-chat:')
    config.write_text(edited)
    until('it is in force', lambda: quick.models() == ['my-chat'])
    out = quick.start()
    assert 'keeping' in out and config.read_text() == edited
    # the mock provider has the port that the file names
    line = printed(out, 'curl').replace('default-chat', 'my-chat')
    assert text_of(quick.shell(line))
    config.unlink()
    assert text_of(quick.shell(printed(quick.start(), 'curl')))


def test_a_broken_one_is_told_and_nothing_is_left(quick):
    quick.start()
    config = quick.dir / 'llmgw.yaml'
    config.write_text(config.read_text() + 'providers: 7\n')
    said = quick.refused()
    assert str(config) in said and 'problems' in said
    assert servers(quick) == [] and quick.pids() == []


def own_config(mock, folder, auth):
    """A user's file: with a model of its own, behind the shared mock."""
    (folder / 'mykey').write_text('llmgw_test0003_key-of-a-user-of-his-own')
    (folder / 'mykey').chmod(0o600)
    path = folder / 'mine.yaml'
    path.write_text(json.dumps({
        'auth': auth,
        'providers': {'p': {
            'kind': 'openai-compatible', 'allow_private': True,
            'base_url': 'http://127.0.0.1:%d/v1' % mock.port}},
        'models': {'mine': {'targets': [
            {'provider': 'p', 'model': 'demo'}]}}}))
    return path


def test_a_configuration_of_his_own(quick, mock, tmp_path):
    path = own_config(mock, tmp_path, {'anonymous': True})
    before = path.read_bytes()
    out = quick.start('--config', path)
    assert servers(quick) == ['lighttpd'], 'no mock provider is needed'
    assert text_of(quick.shell(printed(out, 'curl')))
    assert mock.stats()['requests'] == 1
    assert path.read_bytes() == before
    assert not (quick.dir / 'llmgw.yaml').exists()


def test_one_that_wants_a_key_of_his_own(quick, mock, tmp_path):
    path = own_config(mock, tmp_path, {'keys': [
        {'name': 'me', 'key': 'file:%s/mykey' % tmp_path, 'models': ['*']}]})
    out = quick.start('--config', path)
    assert 'with a client key and a model of your configuration' in out
    line = printed(out, 'curl').replace('MODEL', 'mine').replace(
        'CLIENT_KEY', (tmp_path / 'mykey').read_text())
    assert text_of(quick.shell(line))


def test_keys_in_the_environment_become_providers(quick):
    env = {'OPENAI_API_KEY': 'sk-secret-of-the-environment',
           'GEMINI_API_KEY': 'other-secret-of-the-environment'}
    quick.start(env=env)
    assert servers(quick) == ['lighttpd', 'llmgw-jobd'], 'no mock is needed'
    assert sorted(quick.models()) == ['default-chat', 'gemini-2.5-flash',
                                      'gpt-4o-mini']
    for name in 'openai', 'gemini':
        assert (quick.dir / 'keys' / name).stat().st_mode & 0o777 == 0o600
    # and are nowhere else
    assert (quick.dir / 'keys').stat().st_mode & 0o777 == 0o700
    for path in quick.dir.rglob('*'):
        if path.is_file() and path.parent.name != 'keys':
            assert b'secret-of-the-environment' not in path.read_bytes(), path
    for pid in quick.pids():
        assert b'secret-of-the-environment' not in environment(pid), \
            command_line(pid)


def test_a_key_of_its_own_is_no_providers(quick):
    """Who has told OpenAI's client about the gateway starts it again."""
    quick.start()
    key = (quick.dir / 'keys/client').read_text()
    out = quick.start(env={'OPENAI_API_KEY': key})
    assert 'OPENAI_API_KEY holds a key of a gateway' in out
    assert servers(quick) == ['lighttpd', 'llmgw-jobd', 'mockprov']
    assert text_of(quick.shell(printed(out, 'curl')))


@pytest.mark.parametrize('args, said', [
    (('--port', '0'), 'not a port number'),
    (('--port', '65536'), 'not a port number'),
    (('--port', '80x'), 'not a port number'),
    (('--config',), 'needs a value'),
    (('strat',), 'strat')])
def test_what_it_does_not_understand(args, said):
    p = subprocess.run([TOP / 'quickstart', *args], text=True, timeout=60,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    assert p.returncode == 2 and said in p.stderr and not p.stdout


def test_a_folder_that_no_configuration_file_can_hold(quick):
    quick.dir = quick.dir / 'two words'
    assert 'two words' in quick.refused()
    assert not quick.dir.exists()
    quick.dir = quick.dir.parent
