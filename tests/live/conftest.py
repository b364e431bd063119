"""Fixtures of the live tests: real web servers, real clients, a mock provider.

Everything is started by the tests on free ports of 127.0.0.1, in a folder of
its own, and stopped by process id at the end. Nothing sleeps: tests wait for
conditions (until()). What our programs write is searched for reports of
sanitizers and assertions when they are stopped.

Several tests run at a time, each process with its own shared_mock and gateway
(pytest -n). So a test may rely on no name, port or folder outside its own, and
on nobody's speed; where a bound of the gateway's own is so near that a busy
machine passes it, the test is marked "alone" and says which.
"""
import fcntl
import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

import stack
from proc import Process, until

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('LLMGW_BUILD', TOP / 'build')).resolve()


def pytest_configure(config):
    config.addinivalue_line('markers', 'long: begins before the others')
    config.addinivalue_line('markers', 'alone: runs while no other test does')


def pytest_collection_modifyitems(items):
    """What takes longest begins first, so that nobody waits for it in the end;
    and what all others have to wait for comes last."""
    items.sort(key=lambda i: (i.get_closest_marker('alone') is not None,
                              i.get_closest_marker('long') is None))


@pytest.fixture(scope='session')
def turns(tmp_path_factory):
    """Locks of all processes of this run: the queue, and who runs."""
    folder = tmp_path_factory.getbasetemp()
    if 'PYTEST_XDIST_WORKER' in os.environ:
        folder = folder.parent
    with open(folder / 'queue', 'w') as q, open(folder / 'runs', 'w') as r:
        yield q, r


@pytest.fixture(autouse=True)
def turn(request, turns):
    """Shared by all but those that are alone; who waits is not overtaken."""
    queue, runs = turns
    fcntl.flock(queue, fcntl.LOCK_EX)
    fcntl.flock(runs, fcntl.LOCK_EX if request.node.get_closest_marker('alone')
                else fcntl.LOCK_SH)
    fcntl.flock(queue, fcntl.LOCK_UN)
    yield
    fcntl.flock(runs, fcntl.LOCK_UN)


def pytest_terminal_summary(terminalreporter):
    """Lines that begin with "#|" are shown also of tests that passed."""
    for reports in terminalreporter.stats.values():
        for r in reports:
            if getattr(r, 'when', '') == 'call':
                for line in re.findall(r'^#\| .*', r.capstdout, re.M):
                    terminalreporter.line(line)


@pytest.fixture(scope='session')
def build():
    return BUILD


@pytest.fixture(scope='session')
def is_sanitized():
    """Whether the build has ASan: its memory figures mean nothing then."""
    return b'__asan_init' in (BUILD / 'llmgw-fcgi').read_bytes()


@pytest.fixture(scope='session')
def shared_mock(tmp_path_factory):
    m = stack.Mock(BUILD, tmp_path_factory.mktemp('mock'))
    yield m
    m.stop()


@pytest.fixture
def mock(shared_mock):
    """Quiet, its counters at 0."""
    return shared_mock.quiet()


def make_gateway(server, mock, folder, config=None):
    g = stack.SERVERS[server](BUILD, folder,
                              config or stack.default_config(mock))
    g.start()
    return g


@pytest.fixture(scope='session', params=['lighttpd', 'apache'])
def gateway(request, shared_mock, tmp_path_factory):
    """The gateway behind each web server, shared by tests that leave it whole."""
    g = make_gateway(request.param, shared_mock,
                     tmp_path_factory.mktemp(request.param))
    yield g
    g.stop()


@pytest.fixture(params=['lighttpd', 'apache'])
def own_gateway(request, mock, tmp_path):
    """One for a test that kills or reconfigures it."""
    g = make_gateway(request.param, mock, tmp_path)
    yield g
    g.stop()


@pytest.fixture
def badnet(own_gateway, mock, build, tmp_path):
    """The network between the gateway and the providers, to be spoiled."""
    control = tmp_path / 'badnet.sock'
    p = Process([build / 'tests/tools/badnet/badnet', '--listen', '127.0.0.1:0',
                 '--to', '127.0.0.1:%d' % mock.port, '--control',
                 'unix:%s' % control], tmp_path, 'badnet')
    port = until('badnet', lambda: re.search(
        r'127\.0\.0\.1:(\d+)', p.log_path.read_text()))

    def command(text):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(control))
            s.sendall(text.encode() + b'\n')
            answer = s.makefile().readline()
        assert not answer.startswith('error'), answer
        return answer

    until('control', control.exists)
    for provider in own_gateway.config['providers'].values():
        provider['base_url'] = provider['base_url'].replace(
            ':%d' % mock.port, ':' + port.group(1))
    own_gateway.reload()
    yield command
    p.stop()


@pytest.fixture(scope='session')
def node_modules():
    """npm's official clients, installed once into a cache folder."""
    if not shutil.which('npm'):
        pytest.fail('npm is not installed (see .ci/packages)')
    cache = pathlib.Path(os.environ.get(
        'LLMGW_NPM_CACHE', TOP / 'var' / 'npm'))
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / 'lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one of us does it
        # npm writes this when it is through
        if not (cache / 'node_modules' / '.package-lock.json').exists():
            subprocess.run(
                ['npm', 'install', '--no-audit', '--no-fund', '--silent',
                 '--ignore-scripts', '--prefix', str(cache), 'openai@6',
                 'zod@4'],
                check=True, timeout=300, stdin=subprocess.DEVNULL)
    return cache
