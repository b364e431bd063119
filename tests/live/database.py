"""Private servers for the live tests: MariaDB and memcached on unix sockets.

Both run without a network, in a folder of their own, and can be stopped,
killed, held (SIGSTOP) and started again on the same data.
"""
import atexit
import functools
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from proc import Process, until

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / 'tools'))
import mariadb_bed  # noqa: E402


def me():
    return pwd.getpwuid(os.getuid()).pw_name


class Server:
    """A process that is started again in the same place."""

    def start(self):
        self.process = Process(self.command(), self.folder, self.name)
        until(self.name + ' answers', self.answers, 60)

    def stop(self):
        if self.process.p.poll() is None:
            os.kill(self.process.p.pid, signal.SIGCONT)
        self.process.stop(seconds=60)

    def kill(self):
        self.process.p.kill()
        self.process.p.wait()

    def hold(self):
        """It keeps its connections and answers nobody."""
        os.kill(self.process.p.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.process.p.pid, signal.SIGCONT)


@functools.cache
def empty_mariadb():
    """The data folder of a new installation, made once in each process; a copy
    of it is there much sooner than another one."""
    folder = tempfile.mkdtemp(prefix='llmgw-live-db-')
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    mariadb_bed.install(folder)
    return folder + '/data'


class MariaDB(Server):
    name = 'mariadbd'

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / 'mariadb'
        self.folder.mkdir()
        self.socket = self.folder / 's'
        shutil.copytree(empty_mariadb(), self.folder / 'data')
        self.start()

    def command(self):
        # what is committed outlives a kill -9 of the server
        return mariadb_bed.command(
            str(self.folder), ['--innodb-flush-log-at-trx-commit=2'])

    def client(self, *args, **kw):
        return subprocess.run(
            ['mariadb', '--no-defaults', '-u', 'root', '-N', '-B',
             '-S', str(self.socket), *args],
            timeout=60, text=True, capture_output=True, **kw)

    def answers(self):
        return self.client('-e', 'SELECT 1').returncode == 0

    def run(self, sql, database='mysql'):
        """Rows as lists of texts."""
        p = self.client(database, input=sql)
        assert p.returncode == 0, p.stderr
        return [line.split('\t') for line in p.stdout.splitlines()]

    def create(self, database):
        """An empty database; the URL under which the gateway finds it."""
        self.run('CREATE DATABASE `%s`' % database)
        return self.url(database)

    def url(self, database):
        return 'mariadb://root@localhost/%s?socket=%s' % (database, self.socket)

    def dump(self, database):
        p = subprocess.run(
            ['mariadb', '--no-defaults', '-u', 'root', '-N', '-B', '-S',
             str(self.socket), database, '-e', 'SHOW TABLES'],
            timeout=60, text=True, capture_output=True, check=True)
        return {t: self.run('SELECT * FROM `%s`' % t, database)
                for t in p.stdout.split()}


class Memcached(Server):
    name = 'memcached'

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.socket = self.folder / 'memcached.sock'
        self.start()

    def command(self):
        return ['memcached', '-u', me(), '-s', self.socket, '-a', '0600',
                '-m', '64', '-t', '1', '-c', '1024']

    def ask(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(str(self.socket))
            s.sendall(line.encode() + b'\r\n')
            return s.recv(65536).decode()

    def answers(self):
        try:
            return self.ask('version').startswith('VERSION')
        except OSError:
            return False

    def flush(self):
        assert self.ask('flush_all') == 'OK\r\n'

    @property
    def address(self):
        return 'unix:%s' % self.socket


class Jobd(Server):
    """llmgw-jobd on a gateway's configuration."""
    name = 'llmgw-jobd'

    def __init__(self, gateway):
        self.gateway, self.folder = gateway, gateway.folder
        self.start()

    def command(self):
        return [self.gateway.build / 'llmgw-jobd', '--config',
                self.gateway.config_file]

    def answers(self):
        """Signals have their handlers once it runs."""
        return self.process.p.poll() is None


class Ctl:
    """llmgwctl on a gateway's configuration."""

    def __init__(self, build, config_file):
        self.build, self.config_file = build, config_file

    def call(self, *args, **kw):
        return subprocess.run(
            [str(self.build / 'llmgwctl'), *args, '--config',
             str(self.config_file)],
            timeout=60, text=True, capture_output=True,
            **dict({'stdin': subprocess.DEVNULL} if 'input' not in kw else {},
                   **kw))

    def run(self, *args, **kw):
        p = self.call(*args, **kw)
        assert p.returncode == 0, p.stdout + p.stderr
        return p.stdout

    def json(self, *args, **kw):
        return json.loads(self.run(*args, '--json', **kw))
