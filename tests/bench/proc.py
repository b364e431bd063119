"""Processes of the benchmark: starting, stopping, CPU time and memory."""

import os
import signal
import socket
import subprocess
import threading
import time

# Load and mock do not push the measured processes off a core that they share:
# they take what has gathered when it is their turn (sched(7), SCHED_BATCH).
BATCH = ["chrt", "--batch", "0"]
# On which core a process is: the kernel's choice, all on one, or each on
# another than its neighbours in the chain.
ANYWHERE, TOGETHER, APART = range(3)


def place(pids, core):
    """All threads of these processes on this core, and what they start later;
    None: on any."""
    cores = range(os.cpu_count()) if core is None else [core]
    for pid in pids:
        try:
            tids = os.listdir(f"/proc/{pid}/task")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        for tid in tids:
            try:
                os.sched_setaffinity(int(tid), cores)
            except ProcessLookupError:
                pass  # this one has


def free_port():
    """A TCP port of loopback that was free a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_port(port, seconds=20, alive=None):
    """Waits until somebody listens; False when that does not happen."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if alive is not None and alive.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


def start(argv, log, env=None, stdout=None):
    """Starts a program in a session of its own, so that it can be stopped whole."""
    with open(log, "ab") as out:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=stdout or out, stderr=out,
            start_new_session=True, env=dict(os.environ, **(env or {})))


def _stat(pid):
    """What stands behind its name in /proc/PID/stat; None: it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii",
                  errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()
    except OSError:
        return None


def _parents():
    table = {}
    for name in os.listdir("/proc"):
        rest = _stat(name) if name.isdigit() else None
        if rest:
            table[int(name)] = int(rest[1])
    return table


def family(pid):
    """The process and all that descend from it."""
    parents = _parents()
    found = [pid] if pid in parents else []
    for p in found:
        found.extend(c for c, parent in parents.items() if parent == p)
    return found


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii",
                  errors="replace") as f:
            return f.read().strip()
    except OSError:
        return ""


def stop(popen):
    """Ends a program and its descendants: kindly, then not."""
    if popen is None:
        return
    pids = family(popen.pid)
    for sig, seconds in ((signal.SIGTERM, 3), (signal.SIGKILL, 3)):
        for pid in pids:
            try:
                os.kill(pid, sig)
            except OSError:
                pass
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            popen.poll()
            pids = [p for p in pids if os.path.exists(f"/proc/{p}")
                    and p != popen.pid or p == popen.pid
                    and popen.returncode is None]
            if not pids:
                return
            time.sleep(0.02)


def cpu_us(pids):
    """CPU time that these processes used so far, all threads."""
    total = 0
    for pid in pids:
        try:
            tasks = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        for tid in tasks:
            try:
                with open(f"/proc/{pid}/task/{tid}/schedstat",
                          encoding="ascii") as f:
                    total += int(f.read().split()[0])
            except (OSError, ValueError, IndexError):
                pass
    return total / 1000


def _ticks():
    """Busy ticks of all cores: all but idle and waiting for a disk."""
    with open("/proc/stat", encoding="ascii") as f:
        t = [int(x) for x in f.readline().split()[1:9]]
    return sum(t) - t[3] - t[4]


def _ticks_of(pids):
    """Of these processes, their ended threads and children (proc(5), stat)."""
    return sum(int(t) for p in pids for t in (_stat(p) or [])[11:15])


class Others:
    """What else the machine did since this was made: the share of it that
    neither the bench nor what it has started used. Threads of the kernel (disk,
    network) work for whoever it is and do not count."""

    def __init__(self):
        self.began = time.monotonic()
        self.before = self._used()

    @staticmethod
    def _used():
        parents = _parents()
        known = [os.getpid(), 2]  # kthreadd
        for p in known:
            known.extend(c for c, parent in parents.items() if parent == p)
        return (_ticks() - _ticks_of(known)) / os.sysconf("SC_CLK_TCK")

    def share(self):
        """0.0 to 1.0"""
        seconds = (time.monotonic() - self.began) * os.cpu_count()
        return max(0.0, (self._used() - self.before) / seconds)


def rest(pids, pause, seconds=2.0):
    """Waits until these processes have done what they were left with: they use
    less than 1 % of a core in a pause."""
    until = time.monotonic() + seconds
    before = cpu_us(pids)
    while time.monotonic() < until:
        time.sleep(pause)
        now = cpu_us(pids)
        if now - before < pause * 1e4:
            return
        before = now


def pss_kb(pids):
    """Proportional memory of these processes."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                for line in f:
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
        except OSError:
            pass
    return total


class Peak(threading.Thread):
    """Watches the memory of groups of processes while a case runs."""

    def __init__(self, groups):
        super().__init__(daemon=True)
        self.groups = groups
        self.before = {k: pss_kb(p) for k, p in groups.items()}
        self.peak = dict(self.before)
        self.done = threading.Event()

    def run(self):
        while not self.done.wait(0.4):
            for k, pids in self.groups.items():
                self.peak[k] = max(self.peak[k], pss_kb(pids))

    def finish(self):
        self.done.set()
        self.join()
        return {k: max(0, self.peak[k] - self.before[k])
                for k in self.groups}
