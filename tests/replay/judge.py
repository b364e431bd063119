"""What all judges of this folder share: the comparison with a recording, the
form of an error, the table of documented errors, and TAP.
"""
import recorded

READERS = {
    "openai.chat": recorded.read_openai,
    "anthropic.messages": recorded.read_anthropic,
    "gemini.generate": recorded.read_gemini,
    "gemini.stream": recorded.read_gemini,
}
KINDS = ("chat", "stream", "error")

# Where the project decides otherwise than the proposal in
# documented-errors.json; the reason stands in wire.md 4.2 and 11.
WANT_OTHERWISE = {
    402: (429, "402 becomes 429, OpenAI's habit"),
    403: (502, "the operator's key: never 403 to a client"),
    499: (400, "only our own leaving could cause it"),
}


class Tap:
    def __init__(self):
        self.n = self.failed = self.skipped = 0
        self.per = {}

    def count(self, provider, what):
        row = self.per.setdefault(provider, {"ok": 0, "not ok": 0, "skip": 0})
        row[what] += 1

    def result(self, name, provider, bad):
        self.n += 1
        word = "not ok" if bad else "ok"
        self.count(provider, word)
        print("%s %d - %s" % (word, self.n, name))
        for b in bad:
            print("#   " + str(b).replace("\n", " ")[:600])
        self.failed += bool(bad)

    def skip(self, name, provider, why):
        self.n += 1
        self.skipped += 1
        self.count(provider, "skip")
        print("ok %d - %s # SKIP %s" % (self.n, name, why))

    def repeat(self, told):
        """What a Notes has been told."""
        for how, *words in told:
            getattr(self, how)(*words)

    def end(self):
        print("1..%d" % self.n)
        print("#| %-16s %9s %6s %7s" % ("provider", "replayed", "failed",
                                        "skipped"))
        for provider, row in sorted(self.per.items()):
            print("#| %-16s %9d %6d %7d" %
                  (provider, row["ok"] + row["not ok"], row["not ok"],
                   row["skip"]))
        print("# %d passed, %d failed, %d skipped" %
              (self.n - self.failed - self.skipped, self.failed,
               self.skipped))
        return 1 if self.failed or self.n == self.skipped else 0


class Notes:
    """What another process wants to say to a Tap (Tap.repeat)."""

    def __init__(self):
        self.told = []

    def result(self, name, provider, bad):
        self.told.append(("result", name, provider, [str(b) for b in bad]))

    def skip(self, name, provider, why):
        self.told.append(("skip", name, provider, why))


def why_not(entry):
    if entry["surface"] not in READERS:
        return "surface %s is not spoken to providers" % entry["surface"]
    if entry["kind"] not in KINDS:
        return "kind %s is no chat" % entry["kind"]
    if entry["framing"] == "aws-eventstream":
        return "AWS event stream"
    return None


def usage_plain(u):
    """OpenAI's usage object as recorded.py has it."""
    pd = u.get("prompt_tokens_details") or {}
    cd = u.get("completion_tokens_details") or {}
    return {
        "prompt": u.get("prompt_tokens"),
        "completion": u.get("completion_tokens"),
        "cached": pd.get("cached_tokens"),
        "reasoning": cd.get("reasoning_tokens"),
    }


def compare_usage(want, got, bad):
    if want is None or all(v is None for v in want.values()):
        if got is not None and got.get("prompt_tokens") is not None:
            bad.append("usage out of nothing: %r" % got)
        return
    if got is None:
        bad.append("usage is lost: %r" % want)
        return
    plain = usage_plain(got)
    for k, v in want.items():
        # 0 for what was not told is no loss
        if v is None and not plain[k]:
            continue
        if plain[k] != v:
            bad.append("usage.%s is %r, recorded %r" % (k, plain[k], v))


def compare_ids(want, got, bad):
    for i, c in want.choices.items():
        for n, ident in enumerate(c.ids):
            have = got.choices[i].ids if i in got.choices else []
            if ident and n < len(have) and have[n] != ident:
                bad.append("call id %r became %r" % (ident, have[n]))


def compare(name, want, got, bad):
    a, b = want.plain(got), got.plain(want)
    if a == b:
        return
    for i in sorted(set(a) | set(b)):
        for k in a.get(i, b.get(i)):
            x, y = a.get(i, {}).get(k), b.get(i, {}).get(k)
            if x != y:
                bad.append("%s: choice %s %s is %r, recorded %r" %
                           (name, i, k, y, x))


def check_error_body(fail, bad):
    e = fail["body"].get("error")
    if not isinstance(e, dict) or \
            set(e) != {"message", "type", "param", "code"}:
        bad.append("error body is %r" % fail["body"])
        return
    if not isinstance(e["message"], str) or not e["message"]:
        bad.append("message is %r" % e["message"])
    if len(e["message"].encode()) > 2048:
        bad.append("message of %d bytes" % len(e["message"].encode()))
    for word in ("sk-", "gsk_", "org-", "***", "AIza", "<html"):
        if word in e["message"]:
            bad.append("message holds %s: %r" % (word, e["message"]))
    for k in ("param", "code"):
        if not isinstance(e[k], (str, type(None))):
            bad.append("%s is %r" % (k, e[k]))
    if not isinstance(e["type"], str) or not e["type"]:
        bad.append("type is %r" % e["type"])


def documented_one(e, got, bad):
    want, fail = e["want"], got.get("fail")
    if fail is None:
        bad.append("taken for a success")
        return
    if want.get("midstream"):
        if got["cuts"]:
            bad.append("other results when cut at %r" % got["cuts"])
    elif "status" in want:
        status, why = WANT_OTHERWISE.get(want["status"],
                                         (want["status"], None))
        if why:
            print("# decided otherwise: %s" % why)
        if fail["status"] != status:
            bad.append("status %d, must be %d" % (fail["status"], status))
    error = fail["body"]["error"]
    for k in ("type", "code", "param"):
        decided = want.get("status") in (403,) and k == "type"
        if k in want and not decided and error[k] != want[k]:
            bad.append("%s is %r, must be %r" % (k, error[k], want[k]))
    if "retryable" in want and fail["class"] not in ("timeout",) and \
            fail["retry_same"] != want["retryable"]:
        bad.append("retry_same is %r" % fail["retry_same"])
    check_error_body(fail, bad)
