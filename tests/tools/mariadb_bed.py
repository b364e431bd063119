#!/usr/bin/python3
"""A private MariaDB for tests: tests/tools/mariadb_bed.py

Makes a server in a folder of its own that listens on a unix socket only,
prints the socket's path when it answers, and ends with everything it made when
standard input ends: whoever started it may be killed. Its user root needs no
password. Durability is off: it is as fast as memory.
"""
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SECONDS = 60
# The same for the installation and the server.
FAST = ['--innodb-flush-log-at-trx-commit=0', '--innodb-log-file-size=8M',
        '--innodb-flush-method=nosync']
PATH = os.environ.get('PATH', '/usr/bin:/bin') + ':/usr/sbin:/sbin'


def program(name):
    found = shutil.which(name, path=PATH)
    if found is None:
        sys.exit('%s is not installed (mariadb-server-core)' % name)
    return found


def tmp_of(folder):
    """Of its own: a server that starts clears it of others' files."""
    os.makedirs(folder + '/tmp', exist_ok=True)
    return '--tmpdir=' + folder + '/tmp'


def install(folder):
    # --force: a bare machine cannot look up its own name, nor localhost
    p = subprocess.run(
        [program('mariadb-install-db'), '--no-defaults', '--force',
         '--skip-test-db',
         tmp_of(folder),
         '--user=' + getpass.getuser(), '--datadir=' + folder + '/data',
         '--auth-root-authentication-method=normal'] + FAST,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        stdin=subprocess.DEVNULL, check=False)
    if p.returncode:
        sys.exit('mariadb-install-db: ' + p.stdout[-2000:])


def command(folder, arguments=()):
    return [program('mariadbd'), '--no-defaults', tmp_of(folder),
            '--user=' + getpass.getuser(), '--datadir=' + folder + '/data',
            '--socket=' + folder + '/s', '--pid-file=' + folder + '/pid',
            '--skip-networking', '--skip-log-bin', '--performance-schema=OFF',
            '--innodb-buffer-pool-size=64M', '--max-connections=300',
            *FAST, *arguments]


def start(folder, arguments=()):
    """The server's process; its socket is folder/s."""
    with open(folder + '/log', 'ab') as log:
        return subprocess.Popen(
            command(folder, arguments), stdin=subprocess.DEVNULL, stdout=log,
            stderr=log)


def wait_until_up(server, folder):
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.settimeout(SECONDS)
                s.connect(folder + '/s')
                if s.recv(1):
                    return
            except OSError:
                time.sleep(0.01)
    with open(folder + '/log', errors='replace') as log:
        sys.exit('mariadbd does not answer: ' + log.read()[-2000:])


def main():
    folder = tempfile.mkdtemp(prefix='llmgw-db-')
    server = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        install(folder)
        server = start(folder)
        wait_until_up(server, folder)
        sys.stdout.write(folder + '/s\n')
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        if server is not None:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()
