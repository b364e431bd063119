"""The stage of live.py: lighttpd, llmgw-fcgi, and a mock that plays recordings.

Each recording is played to a provider of its maker's kind, under an alias that
one exchange at a time may use: what the mock has queued is for nobody else.
"""
import json
import queue
import threading

import stack
import talk

# Rows of src/prov/quirks.c that a recording's provider may name.
VENDORS = ("groq", "deepseek", "xai", "openrouter", "together", "mistral",
           "huggingface", "vllm", "llamacpp", "lmstudio", "ollama",
           "perplexity", "cerebras")
# Providers of the gateway's configuration: kind, path of base_url, vendor.
ENTRIES = {
    "openai": ("openai", "/v1", None),
    "azure": ("azure", "", None),
    "azure-v1": ("azure", "/openai/v1", None),
    "azure-models": ("azure", "/models", None),
    "anthropic": ("anthropic", "", None),
    "gemini": ("gemini", "/v1beta", None),
    "generic": ("openai-compatible", "/v1", None),
}
ENTRIES.update({v: ("openai-compatible", "/v1", v) for v in VENDORS})
WHOLE = "-whole"  # the same, with streaming: false


def entry_of(provider, surface, path=""):
    """Which of ENTRIES parses a recording."""
    if surface.startswith("gemini."):
        return "gemini"
    if surface.startswith("anthropic."):
        return "anthropic"
    if provider == "azure":
        return "azure-models" if path.startswith("/models/") else \
            "azure-v1" if path.startswith("/openai/v1/") else "azure"
    return provider if provider == "openai" or provider in VENDORS \
        else "generic"


def can_learn(entry):
    """A reasoning model behind another name (wire.md 10 row 72)."""
    return ENTRIES[entry.replace(WHOLE, "")][0] in ("openai", "azure")


def configuration(mock, lanes):
    """An alias and a model of the mock for each entry and lane.

    One lane more than may teach the gateway that its model reasons.
    """
    c = stack.default_config(mock)
    base = c["providers"]["openai"]
    c["providers"], c["models"] = {}, {}
    for name, (kind, path, vendor) in ENTRIES.items():
        for suffix, streams in (("", True), (WHOLE, False)):
            p = dict(base, kind=kind, streaming=streams, base_url=
                     "http://127.0.0.1:%d%s" % (mock.port, path))
            if vendor:
                p["vendor"] = vendor
            c["providers"][name + suffix] = p
            for lane in range(lanes + 1):
                alias = "%s%s.%d" % (name, suffix, lane)
                c["models"][alias] = stack.target(
                    name + suffix, "recorded-" + alias, retry=0)
    return c


class Stage:
    """The gateway, the mock, and lanes: an alias is used by one at a time."""

    def __init__(self, build, folder, lanes):
        (folder / "mock").mkdir()
        (folder / "gateway").mkdir()
        self.mock = stack.Mock(build, folder / "mock")
        self.lanes, self.untaught = queue.Queue(), lanes
        for lane in range(lanes):
            self.lanes.put(lane)
        self.lock = threading.Lock()
        self.asked = 0  # requests of clients
        self.calls = {}  # of the gateway: alias -> how many must have come
        self.taught = set()  # aliases whose model is known to reason
        self.logs = {}  # request id -> what its line of the log must say
        self.gateway = stack.Lighttpd(
            build, folder / "gateway", configuration(self.mock, lanes))
        self.gateway.start()
        self.mock.quiet()

    def number(self):
        with self.lock:
            self.asked += 1
            return self.asked

    def play(self, alias, response, times, **how):
        self.calls[alias] = self.calls.get(alias, 0) + times
        self.mock.call("POST", "/_mock/answer", dict({
            "match": {"model": "recorded-" + alias}, "times": times,
            "status": response["status"],
            "headers": response.get("headers") or {},
            "body": response["text"]}, **how))

    def ask(self, alias, response, stream, teaches=False, body=None,
            path="/v1/chat/completions", **how):
        """(request id, the client's answer to what the mock plays).

        how: members of POST /_mock/answer, cut and the like.
        """
        number, times = self.number(), 1
        if teaches and alias not in self.taught:
            self.taught.add(alias)
            times = 2  # the refusal teaches, the second one stands
        self.play(alias, response, times, seed=number, **how)
        if body is None:
            body = talk.chat(alias)
            if stream:
                body.update(stream=True,
                            stream_options={"include_usage": True})
        ident = "replay-%d" % number
        return ident, self.gateway.post(
            body, path, self.gateway.headers(**{"x-request-id": ident}))

    def check_calls(self, alias, bad):
        """The provider was asked as often as it had to be, no more."""
        want = self.calls[alias]
        row = self.mock.stats()["by_model"].get("recorded-" + alias, {})
        got = row.get("requests", 0)
        if got == want:
            return
        bad.append("%s: %d calls too %s" %
                   (alias, abs(got - want), "many" if got > want else "few"))
        for _ in range(want - got):
            self.drain(alias)
        self.calls[alias] = max(got, want)

    def drain(self, alias):
        """Takes an answer that nobody fetched out of the mock's queue."""
        talk.exchange(
            self.mock.port, "POST", "/v1/chat/completions",
            talk.chat("recorded-" + alias),
            {"content-type": "application/json"})

    def log_lines(self):
        """Request id -> lines; after stop()."""
        text = self.gateway.requests_log.read_text()
        lines = {}
        for line in map(json.loads, text.splitlines()):
            lines.setdefault(line.get("request_id"), []).append(line)
        return lines

    def stop(self):
        try:
            self.gateway.stop()
        finally:
            self.mock.stop()
