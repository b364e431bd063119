"""The pool under load: reload, a worker's death, the end; and its turns."""
import ctypes
import os
import platform
import re
import signal
import struct
import threading

import pytest

from proc import children, tcp_to, until
from stack import Apache, Lighttpd


class Load:
    """Threads that send until told to stop; 3 of 10 requests are streams."""

    def __init__(self, gateway, threads=6):
        self.gateway, self.stopping = gateway, threading.Event()
        self.done, self.failures = 0, []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(i,))
                        for i in range(threads)]

    def one(self, i):
        if i % 10 < 3:
            with self.gateway.stream(('quick', 'claude-quick',
                                      'gem-quick')[i % 3]) as s:
                assert s.status == 200, s.status
                text = s.rest()
                assert text and s.done and s.ended and not s.errors(), s.got
        else:
            a = self.gateway.chat(('gpt', 'claude', 'gem')[i % 3], str(i))
            assert a.status == 200 and str(i) in a.content, a

    def run(self, i):
        while not self.stopping.is_set():
            try:
                self.one(i)
                problem = None
            except Exception as e:
                problem = '%s: %s' % (type(e).__name__, e)
            with self.lock:
                self.done += 1
                if problem:
                    self.failures.append(problem)
            i += 1

    def __enter__(self):
        for t in self.threads:
            t.start()
        until('load', lambda: self.done > 30)
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for t in self.threads:
            t.join(60)
            assert not t.is_alive()


def edit(gateway, n):
    """A change that each worker's answer shows: another digest."""
    gateway.config['models']['edit-%d' % n] = {
        'targets': [{'provider': 'openai', 'model': 'demo'}]}
    gateway.config['models'].pop('edit-%d' % (n - 1), None)


def test_fifty_reloads_under_load_lose_nothing(own_gateway, mock):
    g = own_gateway
    pids = g.worker_pids()
    with Load(g) as load:
        for n in range(48):
            edit(g, n)
            sent, old = load.done, g.digest()
            g.write_config(g.config)
            g.hang_up()
            until('a worker has it', lambda: g.digest() != old)
            until('requests go on', lambda: load.done > sent + 4)
        for n in range(48, 50):  # noticed without a signal
            edit(g, n)
            g.reload(hang_up=False)
    assert not load.failures, load.failures[:5]
    assert load.done > 200
    assert g.worker_pids() == pids, 'workers live on'
    assert g.chat('edit-49').status == 200
    assert g.chat('edit-48').status == 404


def test_what_only_a_start_can_change_is_told(own_gateway, mock):
    g = own_gateway
    pids = g.worker_pids()
    g.config['server']['workers'] = 3
    g.config['memcached'] = ['127.0.0.1:1']
    edit(g, 1)
    g.reload()
    for what in 'server.workers', 'memcached':
        until('the log tells', lambda: any(
            what + ': the change takes effect at the next start'
            in line.get('msg', '') for line in g.log_lines()))
    assert g.worker_pids() == pids
    assert not g.get('/health/ready').json['problems']


BAD_FILES = {
    'no YAML': 'server: [',
    'unknown option': None,
    'empty': '',
    'missing': None,
}


def with_problems(g):
    """A worker's health, if it has problems."""
    a = g.get('/health/ready')
    return a if a.json['problems'] else None


@pytest.mark.parametrize('kind', BAD_FILES)
def test_a_bad_file_leaves_the_last_good_one_in_force(own_gateway, mock, kind):
    g = own_gateway
    digest = g.digest()
    with Load(g, threads=2) as load:
        if kind == 'missing':
            g.config_file.unlink()
        elif kind == 'unknown option':
            g.write_config(dict(g.config, sever={'workers': 3}))
        else:
            g.write_text(BAD_FILES[kind])
        g.hang_up()
        # the first that tells: the other worker may still be reading
        a = until('health tells', lambda: with_problems(g))
        assert a.status == 200 and a.json['status'] == 'ready'
        until('metrics tell', lambda: re.search(
            r'^llmgw_config_last_reload_successful 0$', g.metrics(), re.M))
        assert g.digest() == digest
        if kind == 'unknown option':
            assert 'sever' in ' '.join(a.json['problems'])
    assert not load.failures, load.failures[:5]
    # a worker that starts now begins with the last good one as well
    old = g.worker_pids()
    os.kill(old[0], signal.SIGTERM)
    until('a new worker', lambda: len(
        [p for p in g.worker_pids() if p != old[0]]) == 2)
    with Load(g, threads=2) as load:
        assert g.digest() == digest
        until('requests go on', lambda: load.done > 50)
        edit(g, 1)
        g.reload()
        until('all is well', lambda: not g.get(
            '/health/ready').json['problems'])
    assert not load.failures, load.failures[:5]


def test_a_killed_worker_loses_only_its_own_requests(own_gateway, mock):
    g = own_gateway
    # all are under way when it dies, however slowly they were begun
    streams = [g.stream('steady') for _ in range(24)]
    for s in streams:
        s.first()
    victim, other = g.worker_pids()
    is_root = os.getuid() == 0
    if is_root:
        lost = tcp_to(victim, mock.port)
        kept = tcp_to(other, mock.port)
        assert lost + kept >= 24
    os.kill(victim, signal.SIGKILL)
    broken = []
    for s in streams:
        try:
            s.rest()
            if s.errors() or not s.done:
                broken.append(s)
        except Exception:
            broken.append(s)
        assert s not in broken or not s.done, 'no false end'
        s.close()
    if is_root:
        assert len(broken) == lost, (len(broken), lost, kept)
    until('the provider has seen as many torn off',
          lambda: mock.stats()['client_aborts'] == len(broken))
    until('it is replaced', lambda: len(set(g.worker_pids()) - {victim}) == 2)
    with Load(g) as load:
        until('requests go on', lambda: load.done > 100)
    assert not load.failures, load.failures[:5]
    until('upstream is cancelled', lambda: not mock.stats()['streams_open'])


def test_workers_that_die_again_and_again(own_gateway, mock):
    g = own_gateway
    parent = g.parent_pid()
    with Load(g, threads=4) as load:
        for _ in range(6):
            pids = g.worker_pids()
            # kills as a crash does; of SIGSEGV a sanitizer would report
            os.kill(pids[0], signal.SIGSYS)
            until('it is replaced', lambda: len(
                [p for p in g.worker_pids() if p != pids[0]]) == 2)
    assert g.parent_pid() == parent
    # only what the dead had in hand is lost
    assert len(load.failures) <= 6 * 4
    with Load(g, threads=4) as load:
        until('requests go on', lambda: load.done > 100)
    assert not load.failures, load.failures[:5]


def test_sigterm_drains_open_streams(own_gateway, mock):
    g = own_gateway
    parent = g.parent_pid()
    streams = [g.stream(m) for m in ('paced', 'claude-paced', 'gem-paced') * 4]
    for s in streams:
        s.first()
    os.kill(parent, signal.SIGTERM)
    for s in streams:
        assert s.rest() and s.done and s.ended and not s.errors()
        assert s.finish() == ['stop']
        s.close()
    if isinstance(g, Apache):
        assert g.responder.p.wait(20) == 0
        g.start_responder()
    else:
        until('it ends', lambda: parent not in children(g.server.p.pid))
    until('it is up again', g.is_ready)
    assert g.chat('gpt').status == 200


def test_the_end_does_not_wait_for_ever(own_gateway, mock):
    g = own_gateway
    g.config['server']['drain_timeout'] = '1s'
    g.reload()
    parent = g.parent_pid()
    with g.stream('slow') as s:
        s.first()
        os.kill(parent, signal.SIGTERM)
        try:
            s.rest()
        except Exception:
            pass  # cut, as far as HTTP goes
        assert not s.done and not s.finish(), 'no false end'
    if isinstance(g, Apache):
        assert g.responder.p.wait(20) in (0, 1)
        g.start_responder()
    until('upstream is cancelled', lambda: not mock.stats()['streams_open'])
    until('it is up again', g.is_ready)


def test_a_graceful_stop_of_the_web_server(own_gateway, mock):
    """What systemd and the packages' scripts do."""
    g = own_gateway
    with g.stream('paced') as s:
        s.first()
        if isinstance(g, Lighttpd):
            g.server.p.send_signal(signal.SIGINT)  # graceful
        else:
            g.server.p.send_signal(signal.SIGWINCH)
        assert s.rest() and s.done and s.ended and s.finish() == ['stop']
    assert g.server.p.wait(30) == 0


def test_logs_are_opened_again(own_gateway, mock):
    g = own_gateway
    g.chat('gpt')
    until('a line', g.requests)
    old = g.folder / 'requests.log.1'
    g.requests_log.rename(old)
    os.kill(g.parent_pid(), signal.SIGUSR1)
    until('a new file', lambda: g.chat('gpt').status == 200 and g.requests())
    assert [line for line in old.read_text().splitlines() if 'gpt' in line]


SCHED_GETATTR = 315  # of x86-64; the C library has no function for it
SCHED_ATTR = struct.Struct('=IIQiIQQQ')  # sched_setattr(2)
SHORT = 400_000  # ns: SLICE_SHORT of src/sys/slice.h


def slice_of(pid):
    """ns that the scheduler lets a process run at a time."""
    libc = ctypes.CDLL(None, use_errno=True)
    got = ctypes.create_string_buffer(SCHED_ATTR.size)
    if libc.syscall(ctypes.c_long(SCHED_GETATTR), ctypes.c_int(pid), got,
                    ctypes.c_uint(SCHED_ATTR.size), ctypes.c_uint(0)) != 0:
        raise OSError(ctypes.get_errno(), 'sched_getattr')
    return SCHED_ATTR.unpack(got.raw)[5]


def has_no_slices():
    """Why they cannot be asked for here; '' if they can."""
    release = tuple(map(int, re.findall(r'\d+', platform.release())[:2]))
    if platform.machine() != 'x86_64':
        return 'the number of sched_getattr is known for x86-64 alone'
    if release < (6, 12):
        return 'slices of one\'s own came with Linux 6.12; this is %s' % (
            platform.release())
    return ''


def test_workers_ask_for_short_slices(own_gateway, mock):
    """They have them when they serve; those that follow, too. Who started
    them is served as everybody is."""
    if has_no_slices():
        pytest.skip(has_no_slices())
    g = own_gateway
    assert [slice_of(p) for p in g.worker_pids()] == [SHORT] * 2
    assert slice_of(g.parent_pid()) == slice_of(0) != SHORT
    victim = g.worker_pids()[0]
    os.kill(victim, signal.SIGKILL)
    until('it is replaced and asks', lambda: [
        slice_of(p) for p in g.worker_pids() if p != victim] == [SHORT] * 2)
