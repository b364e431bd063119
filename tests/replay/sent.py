"""What a maker has accepted must reach it as it was.

check(recorded body, what the gateway sends for it) gives complaints. Members
may be refused only where REFUSED says so. They may differ only where wire.md
2.1 gives the reason, and each such reason is a row of ALLOWED with the provider
that it is for.
"""

# Always: ours to write. null means absence.
WRITTEN = {"stream", "stream_options"}
LIMITS = ("max_tokens", "max_completion_tokens")

# (provider, member) -> is the change right?
ALLOWED = {
    # Groq refuses n but for 1, which it is anyway
    ("groq", "n"): lambda was, now: was == 1 and now is None,
    # it knows no tool_choice; auto is what it does
    ("ollama", "tool_choice"): lambda was, now: was == "auto",
    # an empty list says nothing
    ("openai", "stop"): lambda was, now: was == [] and now is None,
    # the older form, for makers that know only tools
    ("together", "function_call"): lambda was, now: now is None,
    ("together", "tool_choice"): lambda was, now: now == "auto",
}

# A client could choose another model with it, or have another maker of it
# asked, past what its key may use.
REFUSED = ("models", "route", "preset", "provider", "providerOptions",
           "plugins")


def refused(provider, body):
    """The parameter of this request that is refused, or None."""
    del provider
    for member in body:
        if member in REFUSED and body[member] is not None:
            return member
        if member != "tools":
            continue
        # the maker's server would run it: for money, and where it likes
        for i, tool in enumerate(body["tools"]):
            if tool.get("type", "function") not in ("function", "custom"):
                return "tools[%d].type" % i
    return None


def plain(v):
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items() if x is not None}
    if isinstance(v, list):
        return [plain(x) for x in v]
    return v


def reasoning_aside(messages):
    """Messages without the text of reasoning, whose name is the maker's."""
    out = []
    for m in messages:
        m = dict(m)
        thought = m.pop("reasoning_content", None) or m.pop("reasoning", None)
        m.pop("reasoning", None)
        if thought:
            m["(reasoning)"] = thought
        out.append(m)
    return out


def mistral_turns(messages):
    """Without the turn that goes between a tool and a user."""
    return [m for m in messages
            if m != {"role": "assistant", "content": "."}]


def same_messages(provider, was, now):
    was, now = reasoning_aside(was), reasoning_aside(now)
    if provider == "mistral":
        now = mistral_turns(now)
    return was == now


def check(provider, body, sent, bad):
    was, now = plain(body), plain(sent)
    if sorted(was[k] for k in LIMITS if k in was) != \
            sorted(now[k] for k in LIMITS if k in now):
        bad.append("the limit changes")
    for k in sorted((set(was) | set(now)) - WRITTEN - set(LIMITS)):
        a, b = was.get(k), now.get(k)
        if a == b or ALLOWED.get((provider, k), lambda *_: False)(a, b):
            continue
        if k == "tools" and a == [] and b is None:
            continue  # refused by some (wire.md 2.1), and says nothing
        if k == "messages" and same_messages(provider, a, b):
            continue
        bad.append("%s was %.200r, is sent as %.200r" % (k, a, b))
    if was.get("stream"):
        options = now.get("stream_options") or {}
        if provider != "mistral" and not options.get("include_usage"):
            bad.append("usage is not asked for")
        if not now.get("stream"):
            bad.append("a stream is not asked for")
