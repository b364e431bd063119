"""The servers that are measured beside one another.

Each peer has a name, an address, extra headers, and two groups of processes:
"gateway" does the work that is measured, "web" is the server before it.
"""

import json
import os
import shutil
import subprocess

import proc

# Aliases of our configuration: name -> (provider, model of the mock).
MODELS = {
    "tiny": "mock-size=64",
    "delay50": "mock-size=64-delay=50",
    "s20": "mock-chunks=100-gap=20",
    "s200": "mock-chunks=100-gap=200",
}


class Peer:
    name = "?"
    about = ""
    translates = False  # speaks OpenAI in front, Anthropic behind
    is_ours = False
    pause = 0.05  # at rest when this long idle, in seconds
    # Groups of one busy thread each, in the order in which a request meets
    # them. None: more than one core is of use to it.
    chain = ("gateway",)

    def __init__(self, bench):
        self.bench = bench
        self.dir = os.path.join(bench.dir, self.name)
        os.makedirs(self.dir, exist_ok=True)
        self.log = os.path.join(self.dir, "log")
        self.popen = None
        self.port = None
        self.missing = None  # why it cannot take part

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def model(self, alias, dialect):
        return MODELS[alias]

    def headers(self, dialect):
        return []

    def path(self, dialect):
        return "/v1/chat/completions"

    def start(self):
        raise NotImplementedError

    def up(self):
        """Starts it unless it runs; False when it does not come up."""
        if self.missing:
            return False
        if self.popen is None:
            self.port = proc.free_port()
            self.popen = self.start()
            if not proc.wait_port(self.port, 20, self.popen):
                self.missing = f"did not start, see {self.log}"
                self.down()
        return self.popen is not None

    def down(self):
        proc.stop(self.popen)
        self.popen = None

    def groups(self):
        return {"gateway": proc.family(self.popen.pid)}

    def place(self, how):
        """Puts its processes where README.md says; returns the core for the
        load before it and that for the mock behind it."""
        groups = self.groups()
        if how == proc.TOGETHER:
            for pids in groups.values():
                proc.place(pids, 0)
            return 0, 0
        cores = os.cpu_count()
        is_apart = how == proc.APART and self.chain is not None and \
            self.bench.workers == 1
        for pids in groups.values():
            proc.place(pids, None)
        if not is_apart:
            return None, None
        for i, name in enumerate(self.chain, 1):
            proc.place(groups[name], i % cores)
        return 0, (len(self.chain) + 1) % cores


class Direct(Peer):
    name = "direct"
    about = "no gateway: straight to the mock provider"
    chain = ()
    translates = True  # the reference of the translating cases

    def up(self):
        self.port = self.bench.mock_port
        return True

    def down(self):
        pass

    def groups(self):
        return {"gateway": []}

    def path(self, dialect):
        return "/v1/messages" if dialect == "anthropic" \
            else "/v1/chat/completions"

    def headers(self, dialect):
        return ["anthropic-version: 2023-06-01"] \
            if dialect == "anthropic" else []


class Nginx(Peer):
    name = "nginx"
    about = "nginx as a plain proxy, upstream keep-alive, buffering off"

    def __init__(self, bench):
        super().__init__(bench)
        self.program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
        if not self.program:
            self.missing = "nginx is not installed (nginx-light)"

    def start(self):
        conf = self.write("nginx.conf", f"""
daemon off;
worker_processes {self.bench.workers};
worker_rlimit_nofile 20000;
pid {self.dir}/pid;
error_log {self.log} warn;
events {{ worker_connections 20000; }}
http {{
	access_log off;
	client_max_body_size 32m;
	client_body_buffer_size 2m;
	client_body_temp_path {self.dir}/body;
	proxy_temp_path {self.dir}/proxy;
	fastcgi_temp_path {self.dir}/f;
	uwsgi_temp_path {self.dir}/u;
	scgi_temp_path {self.dir}/s;
	keepalive_requests 100000000;
	upstream mock {{
		server 127.0.0.1:{self.bench.mock_port};
		keepalive 1024;
		keepalive_requests 100000000;
	}}
	server {{
		listen 127.0.0.1:{self.port} backlog=4096;
		location / {{
			proxy_pass http://mock;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_buffering off;
			proxy_read_timeout 120s;
		}}
	}}
}}
""")
        return proc.start([self.program, "-p", self.dir, "-c", conf],
                          self.log)


LIGHTTPD = """
server.port = {port}
server.bind = "127.0.0.1"
server.document-root = "{dir}"
server.errorlog = "{log}"
server.upload-dirs = ( "{dir}" )
server.max-fds = 20000
server.max-connections = 9000
server.listen-backlog = 4096
server.max-keep-alive-requests = 100000000
server.max-request-size = 32768
server.stream-response-body = 1
"""


class Lighttpd(Peer):
    name = "lighttpd"
    about = "lighttpd mod_proxy"

    def __init__(self, bench):
        super().__init__(bench)
        self.program = shutil.which("lighttpd", path="/usr/sbin:/usr/bin")
        if not self.program:
            self.missing = "lighttpd is not installed"

    def start(self):
        conf = self.write("lighttpd.conf", LIGHTTPD.format(**vars(self)) + f"""
server.modules = ( "mod_proxy" )
proxy.server = ( "" => (( "host" => "127.0.0.1",
  "port" => {self.bench.mock_port} )) )
""")
        return proc.start([self.program, "-D", "-f", conf], self.log)


class Portkey(Peer):
    name = "portkey"
    about = "@portkey-ai/gateway on Node"
    chain = None
    translates = True

    def __init__(self, bench):
        super().__init__(bench)
        self.root = os.environ.get("LLMGW_NPM_CACHE") or os.path.join(
            bench.top, "var", "npm")
        self.script = os.path.join(
            self.root, "node_modules/@portkey-ai/gateway/build/start-server.js")
        self.missing = self.install()

    def install(self):
        if not shutil.which("node"):
            return "node is not installed"
        if os.path.exists(self.script):
            return None
        os.makedirs(self.root, exist_ok=True)
        try:
            done = subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", "--prefix",
                 self.root, "@portkey-ai/gateway@1.15.2"],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                timeout=180, check=False)
        except (OSError, subprocess.TimeoutExpired) as e:
            return f"npm install failed: {e}"
        if not os.path.exists(self.script):
            return "npm install failed: " + done.stderr.decode()[-200:].strip()
        return None

    def start(self):
        shim = os.path.join(self.bench.here, "portkey-node.mjs")
        return proc.start(
            ["node", "--import", shim, self.script, f"--port={self.port}",
             "--headless"], self.log, env={"NODE_ENV": "production"})

    def headers(self, dialect):
        return [f"x-portkey-provider: {dialect}",
                "x-portkey-custom-host: "
                f"http://127.0.0.1:{self.bench.mock_port}/v1",
                "authorization: Bearer provider-key"]


class Ours(Peer):
    name = "llmgw"
    about = "LLM Gateway behind lighttpd: key, routing and request log on"
    translates = True
    is_ours = True
    programs = ("lighttpd",)
    chain = ("web", "gateway")

    def __init__(self, bench):
        super().__init__(bench)
        self.program = os.path.join(bench.build, "llmgw-fcgi")
        # a unix socket's path has 107 bytes at most
        self.socket = os.path.join(self.dir, "fcgi")
        for p in self.programs:
            if not shutil.which(p, path="/usr/sbin:/usr/bin"):
                self.missing = f"{p} is not installed"
        if not os.access(self.program, os.X_OK):
            self.missing = "build/llmgw-fcgi is not built"

    def model(self, alias, dialect):
        return f"{alias}-{dialect}"

    def headers(self, dialect):
        return [f"authorization: Bearer {self.key}"]

    def configure(self):
        self.key = "llmgw_benchkey_" + "0123456789abcdefghijk" * 2
        client = self.write("client.key", self.key, 0o600)
        provider = self.write("provider.key", "provider-key", 0o600)
        base = f"http://127.0.0.1:{self.bench.mock_port}"
        models = ""
        for dialect in ("openai", "anthropic"):
            for alias, model in MODELS.items():
                models += (f'  "{alias}-{dialect}": {{ targets: [ {{ provider:'
                           f' mock-{dialect}, model: "{model}" }} ] }}\n')
        os.makedirs(os.path.join(self.dir, "state"), exist_ok=True)
        return self.write("llmgw.yaml", f"""
server:
  workers: {self.bench.workers}
  state_dir: "{self.dir}/state"
auth:
  keys:
    - {{ name: bench, key: "file:{client}", models: ["*"] }}
providers:
  mock-openai: {{ kind: openai, base_url: "{base}/v1", allow_private: true,
    api_key: "file:{provider}" }}
  mock-anthropic: {{ kind: anthropic, base_url: "{base}", allow_private: true,
    api_key: "file:{provider}" }}
models:
{models}
log: {{ format: json, to: "file:{self.dir}/requests.log" }}
""")

    def start(self):
        config = self.configure()
        conf = self.write("lighttpd.conf", LIGHTTPD.format(**vars(self)) + f"""
server.modules = ( "mod_fastcgi" )
fastcgi.server = ( "/" => (( "socket" => "{self.socket}", "max-procs" => 1,
  "check-local" => "disable", "kill-signal" => 15, "listen-backlog" => 4096,
  "bin-path" => "{self.program} --config {config}" )) )
""")
        return proc.start(
            [shutil.which("lighttpd", path="/usr/sbin:/usr/bin"), "-D", "-f",
             conf], self.log)

    def groups(self):
        pids = proc.family(self.popen.pid)
        ours = [p for p in pids if proc.name_of(p).startswith("llmgw")]
        return {"gateway": ours, "web": [p for p in pids if p not in ours]}


class OursFull(Ours):
    """Everything that counts is on: a key of the database, limits that are
    counted in memcached as well, the ledger with llmgw-jobd draining it."""

    name = "llmgw-full"
    about = ("LLM Gateway behind lighttpd: key from the database (SQLite), "
             "limits in memcached, ledger drained by llmgw-jobd, request log")
    programs = ("lighttpd", "memcached")
    pause = 0.25  # llmgw-jobd looks for work every 200 ms

    def ctl(self, *args):
        return subprocess.run(
            [os.path.join(self.bench.build, "llmgwctl"), *args, "--config",
             os.path.join(self.dir, "llmgw.yaml")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=30, check=True).stdout

    def configure(self):
        config = super().configure()
        memory = os.path.join(self.dir, "memcached")
        with open(config, "a", encoding="utf-8") as f:
            f.write(f"""
store: "sqlite://{self.dir}/state/llmgw.db"
memcached: [ "unix:{memory}" ]
limits:
  - {{ name: all-requests, requests: 100000000, per: 1m }}
  - {{ name: each-key, each_of: [ key ], requests: 10000000, per: 1m }}
  - {{ name: each-key-tokens, each_of: [ key ], tokens: 100000000000, per: 1h }}
""")
        if not os.path.exists(f"{self.dir}/state/llmgw.db"):
            self.ctl("db", "init")
            self.ctl("tenant", "create", "bench")
            self.ctl("grant", "add", "--tenant", "bench", "*")
            said = self.ctl("key", "create", "--tenant", "bench", "--json",
                            "bench")
            self.database_key = json.loads(said)["key"]
        self.key = self.database_key
        self.helpers = [
            proc.start(["memcached", "-u", "root", "-s", memory, "-t", "1"],
                       self.log),
            # as conf/systemd/llmgw-jobd.service has it
            proc.start(["nice", "-n", "10",
                        os.path.join(self.bench.build, "llmgw-jobd"),
                        "--config", config], self.log)]
        return config

    def down(self):
        super().down()
        for helper in getattr(self, "helpers", []):
            proc.stop(helper)
        self.helpers = []

    def groups(self):
        return dict(super().groups(), jobd=[self.helpers[1].pid],
                    memcached=[self.helpers[0].pid])


class OursApache(Ours):
    name = "llmgw-apache"
    about = "LLM Gateway behind Apache mod_proxy_fcgi, flushpackets=on"
    programs = ("apache2",)
    chain = None

    def start(self):
        config = self.configure()
        m = "/usr/lib/apache2/modules"
        to = f"unix:{self.socket}|fcgi://llmgw/"
        conf = self.write("apache.conf", f"""
ServerRoot "{self.dir}"
ServerName 127.0.0.1
Listen 127.0.0.1:{self.port}
PidFile "{self.dir}/apache.pid"
ErrorLog "{self.log}"
DefaultRuntimeDir "{self.dir}"
LoadModule mpm_event_module {m}/mod_mpm_event.so
LoadModule authz_core_module {m}/mod_authz_core.so
LoadModule proxy_module {m}/mod_proxy.so
LoadModule proxy_fcgi_module {m}/mod_proxy_fcgi.so
DocumentRoot "{self.dir}"
ThreadsPerChild 128
MaxRequestWorkers 6144
ServerLimit 48
MaxKeepAliveRequests 0
AllowEncodedSlashes NoDecode
<Location "/">
  CGIPassAuth On
</Location>
<Proxy "{to}" flushpackets=on enablereuse=on max=1024>
</Proxy>
ProxyPass "/" "{to}" nocanon flushpackets=on enablereuse=on max=1024
""")
        self.responder = proc.start(
            [self.program, "--config", config, "--listen",
             f"unix:{self.socket},mode=0666"], self.log)
        return proc.start(
            [shutil.which("apache2", path="/usr/sbin:/usr/bin"), "-f", conf,
             "-DFOREGROUND"], self.log)

    def down(self):
        super().down()
        proc.stop(getattr(self, "responder", None))
        self.responder = None

    def groups(self):
        return {"gateway": proc.family(self.responder.pid),
                "web": proc.family(self.popen.pid)}


ALL = [Direct, Nginx, Lighttpd, Portkey, Ours, OursFull, OursApache]
