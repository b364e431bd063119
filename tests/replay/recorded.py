"""What a recording says, read without the gateway: per maker's dialect.

Each reader gives (Answer, usage): the same plain form as schema.py, and the
token counts by the rules of wire.md 3.3, None where the maker tells none.
"""
import json

from schema import Answer

STOP = {"stop", "eos", "", "STOP", "end_turn", "stop_sequence", "pause_turn",
        "COMPLETE"}
LENGTH = {"length", "max_tokens", "model_length", "MAX_TOKENS",
          "model_context_window_exceeded"}
CALLS = {"tool_calls", "function_call", "tool_use"}
FILTER = {"content_filter", "refusal", "SAFETY", "RECITATION", "BLOCKLIST",
          "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "IMAGE_SAFETY",
          "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "MODEL_ARMOR"}


class Incomplete(Exception):
    """The recording itself is no complete answer: why."""


def finish(words, choice):
    """wire.md 3.1, with the rule above its table."""
    out = None
    for w in words:
        if w is None:
            continue
        new = ("length" if w in LENGTH or w == "CONTINUATION" else
               "tool_calls" if w in CALLS else
               "content_filter" if w in FILTER else "stop")
        if out is None or (out == "stop" and new != "stop"):
            out = new
    if out in ("stop", "tool_calls", None):
        if out is None and not choice.has_end:
            return None
        out = "tool_calls" if choice.calls else "stop"
    return out


def body_text(response):
    if "body_text" in response:
        return response["body_text"]
    if "chunks" in response:
        return "".join(response["chunks"])
    return json.dumps(response.get("body"))


def events(text):
    """(event name, data) of an event stream; data None for [DONE]."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    for block in text.split("\n\n"):
        name, data, stray = None, [], []
        for line in block.split("\n"):
            if line.startswith(":") or not line:
                continue
            key, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if key == "data":
                data.append(value)
            elif key == "event":
                name = value
            elif key not in ("id", "retry"):
                stray.append(line)
        if stray:
            yield "error", json.loads("\n".join(stray))
        joined = "\n".join(data).strip()
        if joined == "[DONE]":
            yield "done", None
        elif joined:
            yield name, json.loads(joined)


def objects(response):
    """The values of an answer in order, and whether its end was said."""
    text = body_text(response)
    if response["framing"] in ("sse",):
        values, done = [], False
        for name, data in events(text):
            if data is None:
                done = True
            else:
                values.append(data)
        return values, done
    value = json.loads(text)
    return (value if isinstance(value, list) else [value]), True


# ---- OpenAI's dialect ------------------------------------------------------

def content_texts(content):
    """(text, reasoning) of a content of any shape."""
    if content is None or isinstance(content, str):
        return content or "", ""
    if isinstance(content, dict):
        return content, ""
    text = thought = ""
    for part in content:
        if part.get("type") == "text":
            text += part.get("text") or ""
        elif part.get("type") == "thinking":
            thought += "".join(t.get("text", "") for t in part["thinking"])
        elif part.get("type") == "reasoning":
            thought += "".join(t.get("text", "") for t in part["summary"])
    return text, thought


def add_call(c, call, whole):
    kind = "custom" if call.get("type") == "custom" else "function"
    f = call.get(kind) or {}
    args = f.get("arguments") if kind == "function" else f.get("input")
    if isinstance(args, (dict, list)):
        args = json.dumps(args)
    i, ident = call.get("index"), call.get("id")
    if not (ident or f.get("name") or args):
        return  # Snowflake: a call of empty words beside every answer
    old = c.by_index.get(i)
    is_new = whole or old is None or \
        (ident and c.ids[old] and ident != c.ids[old]) or \
        (not ident and f.get("name") and f["name"] != c.calls[old][0])
    if is_new:
        c.calls.append([f.get("name"), args or ""])
        c.ids.append(ident)
        c.by_index[i] = len(c.calls) - 1
        return
    c.calls[old][0] = c.calls[old][0] or f.get("name")
    c.ids[old] = c.ids[old] or ident
    c.calls[old][1] += args or ""


def openai_choice(a, ch, position):
    c = a.choice(ch.get("index", position))
    if not hasattr(c, "words"):
        c.words, c.by_index, c.has_end = [], {}, False
    m, whole = ch.get("delta"), False
    if not m and ch.get("message"):
        m, whole = ch["message"], True
    m = m or {}
    text, thought = content_texts(m.get("content"))
    if isinstance(text, dict):
        c.is_object, text = True, json.dumps(text)
    c.text += text
    spoken = m.get("reasoning_content") or \
        (m.get("reasoning") if isinstance(m.get("reasoning"), str) else "")
    if not spoken and m.get("reasoning_details"):
        spoken = "".join(d.get("text") or d.get("summary") or ""
                         for d in m["reasoning_details"])
    c.reasoning += (spoken or "") + thought
    c.refusal += m.get("refusal") or ""
    c.images += len(m.get("images") or [])
    for call in m.get("tool_calls") or []:
        add_call(c, call, whole)
    if m.get("function_call"):
        add_call(c, {"function": m["function_call"]}, False)
    word = ch.get("finish_reason")
    if word in ("error", "insufficient_system_resource", "abort"):
        raise Incomplete("finish reason " + word)
    c.words.append(word or None)


def openai_usage(u, old, timings=None):
    if not u:
        return old
    p, o, t = (u.get(k) for k in ("prompt_tokens", "completion_tokens",
                                  "total_tokens"))
    pd = u.get("prompt_tokens_details") or {}
    cd = u.get("completion_tokens_details") or {}
    r, audio = cd.get("reasoning_tokens"), pd.get("audio_tokens")
    cached = pd.get("cached_tokens")
    for name in ("prompt_cache_hit_tokens", "cached_tokens",
                 "num_cached_tokens", "cache_read_input_tokens"):
        if cached is None:
            cached = u.get(name)
    if cached is None:
        cached = (timings or {}).get("cache_n")  # llama.cpp (wire.md 3.3)
    if p is not None and o is not None:
        rest = (t or 0) - p - o
        if rest > 0 and rest == r:
            o += rest  # xAI
        elif rest > 0 and rest == audio:
            p += rest  # Mistral
        elif rest > 0:
            o += rest  # Gemini's compatible surface
        elif (r or 0) > o:
            o += r  # Vercel before Gemini
    if cached is not None and p is not None:
        cached = min(cached, p)
    return {"prompt": p, "completion": o, "cached": cached, "reasoning": r}


def read_openai(response):
    a, usage = Answer(), None
    values, done = objects(response)
    for o in values:
        if o.get("error"):
            raise Incomplete("an error inside a 200")
        for n, ch in enumerate(o.get("choices") or []):
            openai_choice(a, ch, n)
        usage = openai_usage((o.get("x_groq") or {}).get("usage"), usage)
        usage = openai_usage(o.get("usage"), usage, o.get("timings"))
    for c in a.choices.values():
        for call in c.calls:
            call[1] = call[1] or "{}"  # wire.md 10 row 10
        c.has_end = done
        c.finish = finish(c.words, c)
        if c.finish is None:
            raise Incomplete("no finish reason and no [DONE]")
    return a, usage


# ---- Anthropic Messages ----------------------------------------------------

class Blocks:
    def __init__(self):
        self.list = []

    def at(self, i, block=None):
        while len(self.list) <= i:
            self.list.append({})
        if block is not None:
            self.list[i] = dict(block)
            if block.get("type") == "tool_use":
                self.list[i]["json"] = ""
        return self.list[i]


def anthropic_delta(b, d):
    kind = d.get("type")
    if kind == "text_delta":
        b["text"] = b.get("text", "") + d["text"]
    elif kind == "thinking_delta":
        b["thinking"] = b.get("thinking", "") + d["thinking"]
    elif kind == "signature_delta":
        b["signature"] = b.get("signature", "") + d["signature"]
    elif kind == "input_json_delta":
        b["json"] = b.get("json", "") + d["partial_json"]


def anthropic_usage(u, old):
    keys = ("input_tokens", "output_tokens", "cache_read_input_tokens",
            "cache_creation_input_tokens")
    new = dict(old)
    for k in keys:
        if u.get(k) is not None:
            new[k] = u[k]
    details = u.get("output_tokens_details") or {}
    if details.get("thinking_tokens") is not None:
        new["thinking"] = details["thinking_tokens"]
    return new


def read_anthropic(response):
    blocks, usage, word, ended = Blocks(), {}, None, False
    values, _ = objects(response)
    for o in values:
        kind = o.get("type")
        if kind == "error":
            raise Incomplete("an error inside a 200")
        if kind == "message":
            for i, b in enumerate(o["content"]):
                blocks.at(i, b)
            usage, word, ended = o.get("usage") or {}, o["stop_reason"], True
            usage = anthropic_usage(usage, {})
        elif kind == "message_start":
            usage = anthropic_usage(o["message"].get("usage") or {}, usage)
        elif kind == "content_block_start":
            blocks.at(o["index"], o["content_block"])
        elif kind == "content_block_delta":
            anthropic_delta(blocks.at(o["index"]), o["delta"])
        elif kind == "message_delta":
            word = o["delta"].get("stop_reason") or word
            usage = anthropic_usage(o.get("usage") or {}, usage)
        elif kind == "message_stop":
            ended = True
    if not ended or word is None:
        raise Incomplete("the recording has no message_stop")
    a = Answer()
    c = a.choice(0)
    for b in blocks.list:
        if b.get("type") == "text":
            c.text += b.get("text") or ""
        elif b.get("type") == "thinking":
            c.reasoning += b.get("thinking") or ""
            if b.get("signature"):
                c.opaque.append([b.get("thinking") or "", b["signature"]])
        elif b.get("type") == "redacted_thinking":
            c.opaque.append(b["data"])
        elif b.get("type") == "tool_use":
            args = b.get("json") or json.dumps(b.get("input") or {})
            c.calls.append([b["name"], args])
            c.ids.append(b["id"])
    c.has_end = True
    c.finish = finish([word], c)
    read, wrote = (usage.get("cache_read_input_tokens"),
                   usage.get("cache_creation_input_tokens"))
    return a, {
        "prompt": usage["input_tokens"] + (read or 0) + (wrote or 0)
        if "input_tokens" in usage else None,
        "completion": usage.get("output_tokens"),
        "cached": read,
        "reasoning": usage.get("thinking"),
    }


# ---- Gemini ----------------------------------------------------------------

def gemini_part(c, p):
    if "functionCall" in p:
        f = p["functionCall"]
        if f.get("name"):
            c.calls.append([f["name"], json.dumps(f.get("args") or {})])
            c.ids.append(f.get("id"))
            if p.get("thoughtSignature"):
                c.signatures[len(c.calls) - 1] = p["thoughtSignature"]
    elif p.get("inlineData", {}).get("mimeType", "").startswith("image/"):
        c.images += 1
    elif p.get("thought"):
        c.reasoning += p.get("text") or ""
    elif "text" in p:
        c.text += p["text"]
    # what ran at Google's becomes text, so that it is not lost
    if "executableCode" in p:
        c.text += fenced("python", p["executableCode"].get("code"))
    if "codeExecutionResult" in p:
        c.text += fenced("", p["codeExecutionResult"].get("output"))


def fenced(language, text):
    if not text:
        return ""
    return "\n```%s\n%s\n```\n" % (language, text.rstrip(" \t\r\n"))


# $alt=json;enum-encoding=int
GEMINI_NUMBERS = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY"}


def read_gemini(response):
    a, usage, blocked = Answer(), None, False
    values, _ = objects(response)
    for o in values:
        if "error" in o:
            raise Incomplete("an error inside a 200")
        feedback = o.get("promptFeedback") or {}
        if feedback.get("blockReason") or feedback.get("blockReasonMessage"):
            blocked = True
        for n, cand in enumerate(o.get("candidates") or []):
            c = a.choice(cand.get("index", n))
            if not hasattr(c, "words"):
                c.words, c.has_end = [], False
            for p in (cand.get("content") or {}).get("parts") or []:
                gemini_part(c, p)
            word = cand.get("finishReason")
            c.words.append(GEMINI_NUMBERS.get(word, word))
        usage = o.get("usageMetadata") or usage
    if blocked and not a.choices:
        c = a.choice(0)
        c.words, c.has_end = ["SAFETY"], True
    for c in a.choices.values():
        # a body that came whole is complete when there is something in it
        if not [w for w in c.words if w] and (
                "chunks" in response or not (c.text or c.calls)):
            raise Incomplete("no finishReason")
        if not [w for w in c.words if w]:
            c.words = ["STOP"]
        c.finish = finish(c.words, c)
    if usage is None:
        return a, None
    thought = usage.get("thoughtsTokenCount")
    prompt = usage.get("promptTokenCount")
    if prompt is not None:
        prompt += usage.get("toolUsePromptTokenCount") or 0
    return a, {
        "prompt": prompt,
        "completion": (usage.get("candidatesTokenCount") or 0) +
        (thought or 0),
        "cached": usage.get("cachedContentTokenCount"),
        "reasoning": thought,
    }
