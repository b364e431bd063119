"""Processes, ports, waiting: what every live test needs."""
import os
import pathlib
import random
import re
import select
import signal
import socket
import subprocess
import time


def until(what, condition, seconds=20):
    """Waits for a condition; the only way to wait in these tests."""
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        assert time.monotonic() < end, 'never happened: ' + what
        select.select([], [], [], 0.005)  # between two looks


def settled(value, looks=60):
    """The value once it has stayed the same in so many looks."""
    seen = []

    def same():
        seen.append(value())
        return len(seen) > looks and len(set(seen[-looks:])) == 1
    until('it stops changing', same)
    return seen[-1]


# Below those that the kernel gives to whoever connects: a client's may not be
# in the way of a server that starts a moment later.
PORTS = range(12000, 32000)
# Sockets whose names say "mine"; they vanish with this process.
ports_taken = []


def is_taken(port):
    """By another process of tests, which need not have a server there yet, or
    by whoever listens there; if not, it is ours until this process ends."""
    mark = socket.socket(socket.AF_UNIX)
    try:
        # a name without a file, and of this network namespace as ports are
        mark.bind('\0llmgw-test-port-%d' % port)
        with socket.socket() as s:
            s.bind(('127.0.0.1', port))
    except OSError:
        mark.close()
        return True
    ports_taken.append(mark)
    return False


def free_port():
    """No two tests get the same, however many run at a time."""
    return next(p for p in random.sample(PORTS, len(PORTS))
                if not is_taken(p))


def children(pid):
    try:
        text = pathlib.Path('/proc/%d/task/%d/children'
                            % (pid, pid)).read_text()
    except OSError:
        return []
    return [int(c) for c in text.split()]


def state(pid):
    """A letter: R, S, T and so on (proc(5))."""
    text = pathlib.Path('/proc/%d/stat' % pid).read_text()
    return text.rpartition(')')[2].split()[0]


def resident(pid):
    """Bytes of memory that the process has in use."""
    text = pathlib.Path('/proc/%d/status' % pid).read_text()
    return int(re.search(r'VmRSS:\s+(\d+) kB', text).group(1)) * 1024


def environment(pid):
    """Nothing where the kernel shows it to root only: the gateway's own
    processes are closed to whoever has not started them as root."""
    try:
        return pathlib.Path('/proc/%s/environ' % pid).read_bytes()
    except PermissionError:
        assert os.getuid() != 0
        return b''


def tcp_to(pid, port):
    """How many TCP connections the process has to that port; root may ask."""
    inodes = set()
    for line in pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]:
        f = line.split()
        if int(f[2].split(':')[1], 16) == port and f[3] == '01':
            inodes.add('socket:[%s]' % f[9])
    n = 0
    for fd in pathlib.Path('/proc/%d/fd' % pid).iterdir():
        try:
            n += str(fd.readlink()) in inodes
        except OSError:
            pass  # closed meanwhile
    return n


class Process:
    def __init__(self, args, folder, name, **kw):
        self.log_path = pathlib.Path(folder) / (name + '.log')
        self.log = open(self.log_path, 'ab')
        self.p = subprocess.Popen(
            [str(a) for a in args], stdout=self.log, stderr=self.log,
            stdin=subprocess.DEVNULL, start_new_session=True, **kw)

    def stop(self, sig=signal.SIGTERM, seconds=30):
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
