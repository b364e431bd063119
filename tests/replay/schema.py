"""OpenAI's answer, as a client reads it: the rules of wire.md 3 and 5.3.

check_whole and read_stream give a list of complaints; an answer is brought to
one plain form (see Answer) so that a whole and a streamed one can be compared.
"""
import json

FINISH = {"stop", "length", "tool_calls", "content_filter", "function_call"}


class Choice:
    def __init__(self):
        self.text = ""
        self.reasoning = ""
        self.refusal = ""
        self.calls = []  # [name, arguments]
        self.ids = []
        self.finish = None
        self.is_object = False  # content that came as a JSON object
        self.is_legacy = False  # a function_call in place of tool_calls
        self.images = 0
        self.opaque = []  # what must be replayed unchanged, in order
        self.signatures = {}  # of tool calls, by number

    def plain(self, is_object):
        return {
            "text": arguments(self.text) if is_object else self.text,
            "reasoning": self.reasoning,
            "refusal": self.refusal,
            "calls": [[name, arguments(args)] for name, args in self.calls],
            "finish": "tool_calls" if self.finish == "function_call"
                      else self.finish,
            "images": self.images,
            "opaque": self.opaque,
            "signatures": self.signatures,
        }


class Answer:
    def __init__(self):
        self.choices = {}
        self.usage = None
        self.error = None

    def choice(self, index):
        return self.choices.setdefault(index, Choice())

    def plain(self, other):
        """Comparable with other.plain(self)."""
        def is_object(i):
            return any(i in a.choices and a.choices[i].is_object
                       for a in (self, other))
        return {i: c.plain(is_object(i))
                for i, c in sorted(self.choices.items())}


def arguments(text):
    """Equal JSON is equal, however it is spelt; free text is itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def load(text):
    """Strict: a name twice in one object is an error."""
    def pairs(items):
        keys = [k for k, _ in items]
        twice = {k for k in keys if keys.count(k) > 1}
        if twice:
            raise ValueError("twice the same name: %s" % sorted(twice))
        return dict(items)
    return json.loads(text, object_pairs_hook=pairs)


def is_int(v):
    return isinstance(v, int) and not isinstance(v, bool)


def check_usage(u, bad):
    if u is None:
        return
    prompt, completion = u.get("prompt_tokens"), u.get("completion_tokens")
    total = u.get("total_tokens")
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        if name not in u:
            bad.append("usage has no " + name)
        elif u[name] is not None and (not is_int(u[name]) or u[name] < 0):
            bad.append("usage.%s is %r" % (name, u[name]))
    if None not in (prompt, completion, total) and \
            total != prompt + completion:
        bad.append("usage: %s + %s is not %s" % (prompt, completion, total))
    for of, whole in (("prompt_tokens_details", prompt),
                      ("completion_tokens_details", completion)):
        d = u.get(of)
        if d is None:
            continue
        if not isinstance(d, dict):
            bad.append("usage.%s is no object" % of)
            continue
        for k, v in d.items():
            if v is not None and not is_int(v):
                bad.append("usage.%s.%s is %r" % (of, k, v))
        for k in ("cached_tokens", "cache_write_tokens", "reasoning_tokens"):
            if whole is not None and (d.get(k) or 0) > whole:
                bad.append("usage: %s above its whole" % k)


def check_head(o, kind, bad):
    if not isinstance(o.get("id"), str) or not o["id"]:
        bad.append("id is %r" % o.get("id"))
    if o.get("object") != kind:
        bad.append("object is %r" % o.get("object"))
    if not is_int(o.get("created")) or o["created"] <= 0:
        bad.append("created is %r" % o.get("created"))
    if not isinstance(o.get("model"), str) or not o["model"]:
        bad.append("model is %r" % o.get("model"))
    if not isinstance(o.get("choices"), list):
        bad.append("choices is %r" % o.get("choices"))


def read_call(call, bad):
    kind = call.get("type")
    f = call.get(kind) if kind in ("function", "custom") else None
    if not isinstance(call.get("id"), str) or not call["id"]:
        bad.append("tool call id is %r" % call.get("id"))
    if not isinstance(f, dict):
        bad.append("tool call without its %r" % kind)
        return ["", ""]
    args = f.get("arguments" if kind == "function" else "input")
    if not isinstance(f.get("name"), str) or not f["name"]:
        bad.append("tool call name is %r" % f.get("name"))
    if not isinstance(args, str):
        bad.append("tool call arguments are %r" % args)
        args = ""
    return [f.get("name"), args]


def read_legacy(c, m, bad):
    """function_call of a message, or of the deltas of a stream."""
    f = m.get("function_call")
    if f is None:
        return
    if m.get("tool_calls") or (c.calls and not c.is_legacy):
        bad.append("function_call beside tool_calls")
    if not isinstance(f, dict) or not isinstance(f.get("arguments"), str):
        bad.append("function_call is %r" % f)
        return
    if not c.is_legacy:
        if not isinstance(f.get("name"), str) or not f["name"]:
            bad.append("function_call has the name %r" % f.get("name"))
        c.calls, c.ids = [[f.get("name"), ""]], [None]
    elif "name" in f:
        bad.append("function_call begins twice")
    c.is_legacy = True
    c.calls[0][1] += f["arguments"]


def check_finish(c, bad):
    if c.finish not in FINISH:
        bad.append("finish_reason is %r" % c.finish)
    if c.finish == ("tool_calls" if c.is_legacy else "function_call"):
        bad.append("finish_reason is %s with%s a function_call" %
                   (c.finish, "" if c.is_legacy else "out"))


def read_opaque(c, m, bad):
    """Members of a message or delta that a client must send back as is."""
    c.images += len(m.get("images") or [])
    for b in m.get("thinking_blocks") or []:
        if b.get("type") == "thinking":
            c.opaque.append([b.get("thinking"), b.get("signature")])
        elif b.get("type") == "redacted_thinking":
            c.opaque.append(b.get("data"))
        else:
            bad.append("thinking block of type %r" % b.get("type"))
    for n, t in enumerate(m.get("tool_calls") or []):
        extra = t.get("extra_content") or {}
        if "google" in extra:
            c.signatures[t.get("index", n)] = \
                extra["google"].get("thought_signature")


def read_whole(text, bad):
    a = Answer()
    try:
        o = load(text)
    except ValueError as e:
        bad.append("whole answer: %s" % e)
        return a
    check_head(o, "chat.completion", bad)
    if "usage" not in o:
        bad.append("whole answer without usage")
    check_usage(o.get("usage"), bad)
    a.usage = o.get("usage")
    for n, ch in enumerate(o.get("choices") or []):
        if ch.get("index") != n:
            bad.append("choice %d has index %r" % (n, ch.get("index")))
        m = ch.get("message")
        if not isinstance(m, dict) or m.get("role") != "assistant":
            bad.append("choice %d: message is %r" % (n, m))
            continue
        c = a.choice(n)
        if "content" not in m or \
                not isinstance(m["content"], (str, type(None))):
            bad.append("content is %r" % m.get("content"))
        c.text = m.get("content") or ""
        c.reasoning = m.get("reasoning_content") or ""
        c.refusal = m.get("refusal") or ""
        calls = m.get("tool_calls") or []
        if m.get("content") is None and not c.refusal and not any(
                m.get(k) for k in ("tool_calls", "function_call", "audio")):
            bad.append("content is null without calls or a refusal")
        c.calls = [read_call(t, bad) for t in calls]
        c.ids = [t.get("id") for t in calls]
        read_legacy(c, m, bad)
        read_opaque(c, m, bad)
        c.finish = ch.get("finish_reason")
        check_finish(c, bad)
    if not a.choices:
        bad.append("whole answer without choices")
    return a


def read_delta_calls(c, calls, bad):
    for t in calls:
        i = t.get("index")
        f = t.get("function") or t.get("custom") or {}
        piece = f.get("arguments", f.get("input", ""))
        if i == len(c.calls):
            c.calls.append(read_call(t, bad))
            c.ids.append(t.get("id"))
            continue
        if not is_int(i) or i < 0 or i > len(c.calls):
            bad.append("tool call index %r after %d" % (i, len(c.calls)))
            continue
        # id, type and name only once (wire.md 10 row 9)
        if "id" in t or "type" in t or "name" in f:
            bad.append("tool call %d begins twice" % i)
        c.calls[i][1] += piece


class StreamReader:
    def __init__(self, bad):
        self.bad = bad
        self.answer = Answer()
        self.head = None
        self.done = False

    def chunk(self, o):
        bad = self.bad
        if self.done:
            bad.append("a chunk after [DONE]")
        if "error" in o:
            self.answer.error = o["error"]
            return
        if self.answer.error:
            bad.append("a chunk after an error")
        check_head(o, "chat.completion.chunk", bad)
        head = [o.get(k) for k in ("id", "object", "created", "model")]
        if self.head is None:
            self.head = head
        elif head != self.head:
            bad.append("the chunks' head changes: %r" % head)
        if "usage" not in o:
            bad.append("a chunk without usage:null")
        if o.get("usage") is not None:
            if o["choices"]:
                bad.append("usage beside choices")
            if self.answer.usage is not None:
                bad.append("usage twice")
            if any(c.finish is None for c in self.answer.choices.values()):
                bad.append("usage before the finish reason")
            check_usage(o["usage"], bad)
            self.answer.usage = o["usage"]
        for ch in o.get("choices") or []:
            self.choice(ch)

    def choice(self, ch):
        bad = self.bad
        i = ch.get("index")
        if not is_int(i):
            bad.append("choice index is %r" % i)
            return
        is_first = i not in self.answer.choices
        c = self.answer.choice(i)
        d = ch.get("delta")
        if not isinstance(d, dict):
            bad.append("delta is %r" % d)
            return
        if is_first != ("role" in d):
            bad.append("role in chunk %s of a choice" %
                       ("none" if is_first else "another"))
        if c.finish is not None:
            bad.append("a delta after the finish reason")
        if "finish_reason" not in ch:
            bad.append("a choice without finish_reason")
        c.text += d.get("content") or ""
        c.reasoning += d.get("reasoning_content") or ""
        c.refusal += d.get("refusal") or ""
        read_delta_calls(c, d.get("tool_calls") or [], bad)
        read_legacy(c, d, bad)
        read_opaque(c, d, bad)
        if ch.get("finish_reason") is not None:
            if any(k in d for k in ("content", "tool_calls")) and not is_first:
                bad.append("content beside the finish reason")
            c.finish = ch["finish_reason"]
            check_finish(c, bad)


def read_stream(text, bad):
    r = StreamReader(bad)
    events = text.split("\n\n")
    if events and events[-1] == "":
        events.pop()
    else:
        bad.append("the stream does not end with a blank line")
    for e in events:
        if e.startswith(":"):
            continue
        if not e.startswith("data: ") or "\n" in e:
            bad.append("no event: %r" % e[:60])
        elif e == "data: [DONE]":
            if r.done:
                bad.append("[DONE] twice")
            r.done = True
        else:
            try:
                r.chunk(load(e[6:]))
            except ValueError as why:
                bad.append("chunk: %s" % why)
    a = r.answer
    if a.error is None:
        if not r.done:
            bad.append("no [DONE]")
        for i, c in a.choices.items():
            if c.finish is None:
                bad.append("choice %d has no finish reason" % i)
        if not a.choices:
            bad.append("a stream without choices")
    elif r.done:
        bad.append("[DONE] after an error")
    return a
