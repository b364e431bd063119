"""The tools of the tests tested: mockprov, badnet, loadgen."""

import base64
import hashlib
import http.client
import json
import os
import socket
import subprocess
import time

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
TOOLS = os.environ.get("LLMGW_BUILD", TOP + "/build") + "/tests/tools/"
SHARED = os.environ.get("LLMGW_SHARED", TOP + "/../shared")
USER = [{"role": "user", "content": "Hello \"w\u00f6rld\""}]
TOOL = [{"type": "function", "function": {"name": "find", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}}}}]


def start(program, *args):
    p = subprocess.Popen([TOOLS + program, *args], stdout=subprocess.PIPE,
                         text=True)
    line = p.stdout.readline().split()
    assert line and line[0] == "listening", f"{program} did not start"
    return p, int(line[1].rsplit(":", 1)[1])


def finish(p):
    p.terminate()
    assert p.wait(10) == 0, "a tool must end cleanly"
    p.stdout.close()


class Mock:
    def __init__(self, port):
        self.port = port

    def call(self, method, path, body=None, headers=(), port=None, timeout=10):
        c = http.client.HTTPConnection("127.0.0.1", port or self.port,
                                       timeout=timeout)
        h = dict(headers)
        if body is not None:
            h.setdefault("content-type", "application/json")
            if not isinstance(body, bytes):
                body = json.dumps(body).encode()
        try:
            c.request(method, path, body, h)
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def control(self, name, body=None):
        status, _, text = self.call("GET" if body is None else "POST",
                                    "/_mock/" + name, body)
        assert status == 200, text
        return json.loads(text)

    def chat(self, model, messages=None, port=None, timeout=10, **more):
        return self.call("POST", "/v1/chat/completions", dict(
            {"model": model, "messages": messages or USER}, **more),
            port=port, timeout=timeout)

    def claude(self, model, **more):
        return self.call("POST", "/v1/messages", dict(
            {"model": model, "messages": USER, "max_tokens": 9}, **more),
            {"anthropic-version": "2023-06-01"})

    def gemini(self, model, verb, **more):
        return self.call("POST", f"/v1beta/models/{model}:{verb}", dict(
            {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
            **more))

    def wait_stats(self, test):
        until = time.monotonic() + 10
        while True:
            s = self.control("stats")
            if test(s) or time.monotonic() > until:
                return s


@pytest.fixture(scope="module", name="mock")
def mock_fixture():
    p, port = start("mockprov", "--listen", "127.0.0.1:0")
    yield Mock(port)
    finish(p)


@pytest.fixture(autouse=True)
def clean(request):
    if "mock" in request.fixturenames:
        request.getfixturevalue("mock").control("reset", {})


def events(text):
    """(event, data) of an event stream; data parsed unless it is [DONE]."""
    out = []
    for block in text.decode().replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n")
                      if ": " in line)
        if "data" in fields:
            d = fields["data"]
            out.append((fields.get("event"),
                        d if d == "[DONE]" else json.loads(d)))
    return out


def tokens(text):
    return max(1, -(-len(text.encode()) // 4))


# --- formats ---------------------------------------------------------------


def test_openai_stream_is_the_whole_answer_in_pieces(mock):
    status, headers, text = mock.chat("mock")
    assert status == 200 and headers["content-type"] == "application/json"
    whole = json.loads(text)["choices"][0]["message"]["content"]
    assert "demo provider" in whole and "Hello \"w\u00f6rld\"" in whole
    _, headers, text = mock.chat("mock", stream=True,
                                 stream_options={"include_usage": True})
    assert headers["content-type"].startswith("text/event-stream")
    seen = [d for _, d in events(text)]
    assert seen.pop() == "[DONE]"
    assert seen[0]["choices"][0]["delta"]["role"] == "assistant"
    assert seen[-1]["choices"] == []
    usage = seen.pop()["usage"]
    assert usage["completion_tokens"] == tokens(whole)
    assert usage["total_tokens"] == usage["prompt_tokens"] + tokens(whole)
    assert [c["choices"][0]["finish_reason"] for c in seen][-2:] == \
        [None, "stop"]
    assert whole == "".join(
        c["choices"][0]["delta"].get("content") or "" for c in seen)


def test_openai_parallel_tool_calls(mock):
    ask = [{"role": "user", "content":
            'call:find {"city": "Paris, \\"FR\\""} then call:find'}]
    m = json.loads(mock.chat("mock", ask, tools=TOOL)[2])["choices"][0]
    assert m["finish_reason"] == "tool_calls"
    assert m["message"]["content"] is None
    whole = [(c["id"], c["function"]["name"],
              json.loads(c["function"]["arguments"]))
             for c in m["message"]["tool_calls"]]
    assert [w[1:] for w in whole] == [
        ("find", {"city": 'Paris, "FR"'}), ("find", {})]
    calls = {}
    for _, d in events(mock.chat("mock", ask, tools=TOOL, stream=True)[2]):
        for t in [] if d == "[DONE]" else \
                d["choices"][0]["delta"].get("tool_calls", []):
            c = calls.setdefault(t["index"], {"args": ""})
            assert ("id" in t) == ("name" in t["function"])
            c["name"] = t["function"].get("name", c.get("name"))
            c["args"] += t["function"]["arguments"]
    assert [(c["name"], json.loads(c["args"]))
            for _, c in sorted(calls.items())] == [w[1:] for w in whole]


def test_tool_choice_that_demands_a_call(mock):
    m = json.loads(mock.chat("mock", tools=TOOL, tool_choice="required")[2])
    call = m["choices"][0]["message"]["tool_calls"][0]["function"]
    assert json.loads(call["arguments"]) == {"city": "demo"}
    m = json.loads(mock.claude("mock", tools=[
        {"name": "find", "input_schema": {"type": "object"}}],
        tool_choice={"type": "tool", "name": "find"})[2])
    assert m["stop_reason"] == "tool_use"
    assert m["content"][0]["input"] == {}


def test_json_by_schema(mock):
    schema = {"type": "object", "properties": {
        "n": {"type": "integer"}, "w": {"enum": ["b"]},
        "l": {"type": "array", "items": {"$ref": "#/$defs/x"}}},
        "$defs": {"x": {"type": ["boolean", "null"]}}}
    m = json.loads(mock.chat("mock", response_format={
        "type": "json_schema", "json_schema": {"schema": schema}})[2])
    assert json.loads(m["choices"][0]["message"]["content"]) == {
        "n": 1, "w": "b", "l": [True]}
    m = json.loads(mock.chat(
        "mock", response_format={"type": "json_object"})[2])
    json.loads(m["choices"][0]["message"]["content"])


def test_several_choices(mock):
    m = json.loads(mock.chat("mock-size=8", n=3)[2])
    assert [c["index"] for c in m["choices"]] == [0, 1, 2]
    assert m["usage"]["completion_tokens"] == 6


def test_anthropic_blocks_in_order(mock):
    whole = json.loads(mock.claude("mock")[2])
    text = whole["content"][0]["text"]
    assert whole["usage"]["output_tokens"] == tokens(text)
    seen = events(mock.claude("mock", stream=True)[2])
    assert all(name == d["type"] for name, d in seen)
    names = [name for name, _ in seen]
    assert names[0] == "message_start" and names[-1] == "message_stop"
    assert names[-3:-1] == ["content_block_stop", "message_delta"]
    assert text == "".join(d["delta"]["text"] for n, d in seen
                           if n == "content_block_delta")
    assert seen[-2][1]["usage"]["output_tokens"] == tokens(text)


def test_anthropic_tool_blocks_never_overlap(mock):
    ask = [{"role": "user", "content": [
        {"type": "text", "text": 'call:a {"x":[1,2,3]} call:b'}]}]
    seen = events(mock.claude("mock", messages=ask, stream=True,
                              tools=[{"name": "a"}, {"name": "b"}])[2])
    opened, args = None, {}
    for name, d in seen:
        if name == "content_block_start":
            assert opened is None and d["index"] == len(args)
            opened, args[d["index"]] = d["index"], ""
        elif name == "content_block_delta":
            assert d["index"] == opened
            args[opened] += d["delta"]["partial_json"]
        elif name == "content_block_stop":
            assert d["index"] == opened
            opened = None
    assert [json.loads(a) for a in args.values()] == [{"x": [1, 2, 3]}, {}]


def test_gemini_both_ways(mock):
    whole = json.loads(mock.gemini("mock", "generateContent")[2])
    text = whole["candidates"][0]["content"]["parts"][0]["text"]
    assert whole["usageMetadata"]["candidatesTokenCount"] == tokens(text)
    _, _, raw = mock.gemini("mock", "streamGenerateContent?alt=sse")
    assert raw.endswith(b"\r\n\r\n")
    seen = [d for _, d in events(raw)]
    assert seen[-1]["candidates"][0]["finishReason"] == "STOP"
    assert text == "".join(
        d["candidates"][0]["content"]["parts"][0]["text"] for d in seen)


def test_azure_deployment_names_the_model(mock):
    _, _, text = mock.call(
        "POST", "/openai/deployments/mock-size=4/chat/completions"
        "?api-version=2024-10-21", {"messages": USER})
    assert json.loads(text)["model"] == "mock-size=4"


@pytest.mark.parametrize("path,headers,key", [
    ("/v1/models", {}, "data"), ("/v1beta/models", {}, "models"),
    ("/v1/models", {"anthropic-version": "x"}, "has_more")])
def test_models(mock, path, headers, key):
    assert key in json.loads(mock.call("GET", path, None, headers)[2])


# --- behaviour -------------------------------------------------------------


def test_unknown_behaviour_is_an_error(mock):
    status, _, text = mock.chat("mock-dealy=5")
    assert status == 404 and b"dealy" in text


@pytest.mark.parametrize("body", [
    b"{", b'{"model":"mock"}', b'{"model":"mock","model":"mock"}', b"[]"])
def test_refuses_what_a_maker_refuses(mock, body):
    assert mock.call("POST", "/v1/chat/completions", body)[0] == 400
    assert mock.control("stats")["refused"] == 1


def test_anthropic_demands_max_tokens(mock):
    status, _, text = mock.call(
        "POST", "/v1/messages", {"model": "mock", "messages": USER},
        {"anthropic-version": "2023-06-01"})
    assert status == 400 and b"max_tokens: Field required" in text


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503, 529])
def test_errors_in_the_makers_shapes(mock, status):
    model = f"mock-status={status}-retryafter=7"
    got, headers, text = mock.chat(model)
    assert got == status and headers["retry-after"] == "7"
    assert set(json.loads(text)["error"]) == {
        "message", "type", "param", "code"}
    got, _, text = mock.claude(model)
    assert got == status and json.loads(text)["type"] == "error"
    got, _, text = mock.gemini(model, "generateContent")
    assert got == status and json.loads(text)["error"]["code"] == status


def test_fails_first_then_succeeds(mock):
    got = [mock.chat("mock-failfirst=2-status=503")[0] for _ in range(4)]
    assert got == [503, 503, 200, 200]


@pytest.mark.parametrize("fault", ["cut", "cut=1", "reset", "reset=1"])
def test_broken_connections(mock, fault):
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        mock.chat(f"mock-chunks=3-{fault}", stream=True)


def test_error_in_the_middle(mock):
    seen = events(mock.chat("mock-chunks=3-errorat=1", stream=True)[2])
    assert "error" in seen[-1][1] and "[DONE]" not in seen
    seen = events(mock.claude("mock-chunks=3-errorat=1", stream=True)[2])
    assert seen[-1][0] == "error"


def test_stream_without_its_end(mock):
    for knob, last in (("nodone", None), ("nodone=1", "stop")):
        seen = events(mock.chat(f"mock-chunks=2-{knob}", stream=True)[2])
        assert seen[-1][1]["choices"][0]["finish_reason"] == last


def test_content_types_and_pages(mock):
    assert mock.chat("mock-ctype=text/plain")[1]["content-type"] == \
        "text/plain"
    assert "content-type" not in mock.chat("mock-ctype=none")[1]
    status, headers, text = mock.chat("mock-html")
    assert status == 502 and headers["content-type"] == "text/html"
    assert b"<html>" in text
    with pytest.raises(ValueError):
        json.loads(mock.chat("mock-badjson")[2])


def test_refuses_streams(mock):
    assert mock.chat("mock-nostream", stream=True)[0] == 400
    assert mock.chat("mock-nostream")[0] == 200


def test_key(mock):
    p, port = start("mockprov", "--key", "sesame")
    try:
        other = Mock(port)
        assert other.chat("mock")[0] == 401
        for h in ("x-api-key", "api-key", "x-goog-api-key"):
            assert other.call("POST", "/v1/chat/completions", {
                "model": "mock", "messages": USER}, {h: "sesame"})[0] == 200
    finally:
        finish(p)
    assert mock.chat("mock")[0] == 200


def test_chunked_request_in_pieces(mock):
    body = json.dumps({"model": "mock-size=4", "messages": USER}).encode()
    s = socket.create_connection(("127.0.0.1", mock.port), 10)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    text = (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Content-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
    for i in range(0, len(body), 7):
        text += b"%x\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7])
    text += b"0\r\n\r\n"
    for i in range(len(text)):
        s.sendall(text[i:i + 1])
    answer = b"".join(iter(lambda: s.recv(65536), b""))
    s.close()
    assert b" 200 OK" in answer
    assert json.loads(mock.control("last")[0]["body"]) == json.loads(body)


# --- control ----------------------------------------------------------------


def test_client_abort_is_noticed(mock):
    s = socket.create_connection(("127.0.0.1", mock.port), 10)
    body = json.dumps({"model": "mock-chunks=1000-gap=10", "stream": True,
                       "messages": USER}).encode()
    s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
              b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
              % len(body) + body)
    assert s.recv(10)
    assert mock.control("stats")["streams_open"] == 1
    left = time.monotonic()
    s.close()
    stats = mock.wait_stats(lambda x: x["client_aborts"] == 1)
    assert stats["streams_open"] == 0
    abort = stats["aborts"][0]
    assert abort["model"] == "mock-chunks=1000-gap=10"
    assert abort["at_us"] >= left * 1e6
    last = mock.control("last")[0]
    assert not last["is_complete"]
    assert last["completion_tokens"] == stats["completion_tokens"] >= 1


def test_counts(mock):
    sizes = [4, 40, 400]
    for n in sizes:
        mock.chat(f"mock-size={n}")
    stats = mock.control("stats")
    assert stats["requests"] == 3 and stats["by_status"] == {"200": 3}
    assert stats["completion_tokens"] == sum(n // 4 for n in sizes)
    assert stats["by_model"]["mock-size=40"]["completion_tokens"] == 10
    last = mock.control("last?n=3")
    assert [r["completion_tokens"] for r in last] == [1, 10, 100]
    assert sum(r["prompt_tokens"] for r in last) == stats["prompt_tokens"]
    assert all(r["is_complete"] for r in last)


def exchanges():
    path = SHARED + "/fixtures/INDEX.json"
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        index = json.load(f)["fixtures"]
    # the same twentieth each time
    return [e for e in index if e["kind"] in ("chat", "stream", "error") and
            hashlib.sha256(e["id"].encode()).digest()[0] < 13]


def test_recorded_bytes_come_back(mock):
    chosen = exchanges()
    if not chosen:
        pytest.skip(f"no recorded exchanges in {SHARED}")
    for e in chosen:
        with open(f"{SHARED}/fixtures/{e['file']}", encoding="utf-8") as f:
            r = json.load(f)["response"]
        rule = {"status": r["status"], "headers": r.get("headers") or {},
                "match": {"path": "*/replayed"}}
        if "chunks" in r:
            rule["chunks"] = r["chunks"]
            want = "".join(r["chunks"]).encode()
        elif "chunks_base64" in r:
            rule["chunks_base64"] = r["chunks_base64"]
            want = b"".join(base64.b64decode(c) for c in r["chunks_base64"])
        else:
            rule["body"] = r.get("body_text") or json.dumps(r.get("body"))
            want = rule["body"].encode()
        for cut in (None, 3, "random"):
            if cut:
                rule["cut"] = cut
            mock.control("answer", rule)
            status, _, got = mock.call("POST", "/x/replayed", {})
            assert (status, got) == (r["status"], want), e["id"]
    assert mock.control("stats")["answers_queued"] == 0


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
def test_framing_and_times(mock, framing):
    mock.control("answer", {"body": "abcdefghij", "cut": 3, "times": 2,
                            "framing": framing,
                            "headers": {"content-length": "9", "x-a": "b"},
                            "match": {"model": "m*"}})
    for _ in range(2):
        status, headers, text = mock.chat("mx")
        assert (status, text, headers["x-a"]) == (200, b"abcdefghij", "b")
    assert b"demo provider" in mock.chat("mx")[2]


def test_replay_that_breaks(mock):
    mock.control("answer", {"chunks": ["abc", "def"], "stop_at": 4})
    with pytest.raises(http.client.IncompleteRead) as e:
        mock.chat("mock")
    assert e.value.partial in (b"abcd", b"abc")


# --- badnet ------------------------------------------------------------------


class Net:
    def __init__(self, mock, path):
        self.p, self.port = start(
            "badnet/badnet", "--listen", "127.0.0.1:0", "--to",
            f"127.0.0.1:{mock.port}", "--control", f"unix:{path}")
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)
        self.f = self.s.makefile("rw")

    def do(self, command):
        self.f.write(command + "\n")
        self.f.flush()
        return self.f.readline().strip()

    def close(self):
        self.f.close()
        self.s.close()
        finish(self.p)


@pytest.fixture(name="net")
def net_fixture(mock, tmp_path):
    n = Net(mock, str(tmp_path / "c"))
    yield n
    n.close()


def test_badnet_passes_all(mock, net):
    straight = mock.chat("mock-size=100000", stream=True)[2]
    assert net.do("both slice=1000") == "ok"
    through = mock.chat("mock-size=100000", stream=True, port=net.port)[2]
    assert [d for _, d in events(through)][-1] == "[DONE]"
    assert len(through) == len(straight)


def test_badnet_waits(mock, net):
    assert net.do("both latency=40") == "ok"
    began = time.monotonic()
    assert mock.chat("mock", port=net.port)[0] == 200
    assert time.monotonic() - began >= 0.08


@pytest.mark.parametrize("rule,error", [
    ("down drop_after=300", http.client.IncompleteRead),
    ("down halfclose=300", http.client.IncompleteRead),
    ("down reset_after=300", ConnectionResetError),
    ("door reset", ConnectionResetError),
    ("up blackhole", TimeoutError),
    ("door hang", TimeoutError)])
def test_badnet_breaks(mock, net, rule, error):
    assert net.do(rule) == "ok"
    with pytest.raises(error):
        mock.chat("mock", port=net.port, timeout=0.5)
    assert net.do("both clear") == "ok" and net.do("door normal") == "ok"
    assert mock.chat("mock", port=net.port)[0] == 200


def test_badnet_corrupts(mock, net):
    straight = mock.chat("mock-size=1000-ctype=none")[2]
    assert net.do("down corrupt=1000") == "ok"
    through = mock.chat("mock-size=1000-ctype=none", port=net.port)[2]
    assert sum(a != b for a, b in zip(straight, through)) >= 1


def test_badnet_knows_its_words(net):
    assert net.do("sideways latency=1") == "error"
    assert net.do("up latency=x") == "error"
    assert net.do("up rate=0") == "error"
    assert net.do("stats").startswith("accepted=0 ")


# --- loadgen -------------------------------------------------------------------


def load(mock, tmp_path, body, *args):
    path = tmp_path / "body"
    path.write_text(json.dumps(body), encoding="utf-8")
    done = subprocess.run(
        [TOOLS + "loadgen/loadgen", "--to", f"127.0.0.1:{mock.port}",
         "--path", "/v1/chat/completions", "--body", str(path), *args],
        stdout=subprocess.PIPE, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.mark.parametrize("more", [(), ("--close",)])
def test_loadgen_counts_requests(mock, tmp_path, more):
    out = load(mock, tmp_path, {"model": "mock", "messages": USER},
               "--connections", "4", "--requests", "200", *more)
    assert out["requests"] == 200 and out["errors"] == 0
    assert mock.control("stats")["requests"] == 200


def test_loadgen_counts_streams(mock, tmp_path):
    out = load(mock, tmp_path, {"model": "mock-chunks=10-gap=2",
                                "stream": True, "messages": USER},
               "--streams", "50", "--rounds", "2", "--expect", "10")
    assert (out["requests"], out["errors"]) == (100, 0)
    assert out["chunks"] == 1000
    assert mock.control("stats")["streams_max"] >= out["open_max"] - 1


@pytest.mark.parametrize("fault,kind", [
    ("chunks=3", "short"), ("chunks=5-nodone", "unfinished"),
    ("chunks=5-cut=2", "early"), ("status=500", "status"),
    ("chunks=5-stall=2", "timeout")])
def test_loadgen_sees_faults(mock, tmp_path, fault, kind):
    out = load(mock, tmp_path, {"model": f"mock-{fault}", "stream": True,
                                "messages": USER},
               "--streams", "3", "--expect", "5", "--timeout", "300ms")
    assert out["errors"] == 3
    assert out["error_kinds"][kind] == 3
