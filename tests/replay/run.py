#!/usr/bin/python3
"""Replays every recorded exchange of the surfaces that the gateway speaks.

    tests/replay/run.py [--build DIR] [--only WORD]

Reads $LLMGW_SHARED/fixtures (default: ../shared beside the source tree). Every
exchange of the index is a TAP line: replayed, or skipped with its reason. What
the gateway makes of a recording (tests/tools/replay) is compared with a reading
of its own (recorded.py), and checked against the rules of schema.py; the bytes
cut at 1, 2, 3, 7 and random places must change nothing.

Documented errors (../shared/documented-errors.json) follow. Ends with the count
per provider and "N passed, N failed".
"""
import argparse
import json
import os
import subprocess
import sys

import failures
import recorded
import schema
import selftest
import sent

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

    def end(self):
        print("1..%d" % self.n)
        print("# %-16s %9s %6s %7s" % ("provider", "replayed", "failed",
                                       "skipped"))
        for provider, row in sorted(self.per.items()):
            print("# %-16s %9d %6d %7d" %
                  (provider, row["ok"] + row["not ok"], row["not ok"],
                   row["skip"]))
        print("# %d passed, %d failed, %d skipped" %
              (self.n - self.failed - self.skipped, self.failed,
               self.skipped))
        return 1 if self.failed or self.n == self.skipped else 0


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


def check_answer(entry, fixture, got, bad):
    response = fixture["response"]
    if got["cuts"]:
        bad.append("other results when cut at %r" % got["cuts"])
    try:
        want, usage = READERS[entry["surface"]](response)
    except recorded.Incomplete as why:
        if "fail" not in got:
            bad.append("taken for a success: %s" % why)
        elif got["stream"]:
            answer = schema.read_stream(got["stream"], bad)
            if answer.error is None:
                bad.append("the stream hides the failure")
        return
    if "fail" in got:
        bad.append("fails: %s" % got["fail"]["body"]["error"]["message"])
        return
    whole = schema.read_whole(got.get("whole", ""), bad)
    streamed = schema.read_stream(got["stream"], bad)
    compare("whole", want, whole, bad)
    compare("streamed beside whole", whole, streamed, bad)
    if whole.usage != streamed.usage:
        bad.append("usage %r, streamed %r" % (whole.usage, streamed.usage))
    compare_usage(usage, whole.usage, bad)
    compare_ids(want, whole, bad)


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


def check_error(fixture, got, bad):
    response = fixture["response"]
    headers = response.get("headers") or {}
    want = failures.expect(response["status"], headers,
                           recorded.body_text(response))
    fail = got["fail"]
    if (fail["class"], fail["status"]) != want:
        bad.append("%s %d, must be %s %d" %
                   ((fail["class"], fail["status"]) + want))
    after = headers.get("retry-after")
    if after and after.isdigit() and "retry-after-ms" not in headers and \
            fail["retry_after_ms"] != 1000 * int(after):
        bad.append("retry-after %s became %s ms" %
                   (after, fail["retry_after_ms"]))
    check_error_body(fail, bad)


def replay(tool, root, paths):
    p = subprocess.run([tool], input="\n".join(paths) + "\n", text=True,
                       stdout=subprocess.PIPE, cwd=root, check=False)
    if p.returncode != 0:
        print("# replay ended with %d" % p.returncode)
    out = {}
    for line in p.stdout.split("\n"):
        if line:
            o = json.loads(line)
            out[o["file"]] = o
    return out


def fixtures(tap, tool, root, only):
    with open(os.path.join(root, "INDEX.json"), encoding="utf-8") as f:
        index = json.load(f)["fixtures"]
    index = [e for e in index if only in e["file"]]
    todo = [e["file"] for e in index if why_not(e) is None]
    results = replay(tool, root, todo)
    for e in index:
        why = why_not(e)
        got = results.get(e["file"])
        if why is None and got and "skip" in got:
            why = got["kind"] + ": " + got["skip"]
        if why is not None:
            tap.skip(e["file"], e["provider"], why)
            continue
        with open(os.path.join(root, e["file"]), encoding="utf-8") as f:
            fixture = json.load(f)
        bad = []
        if got is None:
            bad.append("no result: the tool failed on it")
        elif e["kind"] == "error":
            check_error(fixture, got, bad)
        else:
            check_answer(e, fixture, got, bad)
        tap.result(e["file"], e["provider"], bad)
        if got and e["kind"] != "error":
            requests(tap, e, fixture, got)


def requests(tap, entry, fixture, got):
    """A request in OpenAI's dialect that the maker has accepted."""
    body = fixture["request"].get("body")
    name = entry["file"] + " request"
    if "request" not in got or entry["surface"] != "openai.chat":
        return
    if not isinstance(body, dict) or "model" not in body:
        tap.skip(name, entry["provider"], "recorded without its model")
        return
    bad = []
    asked = got["request"]
    if "fail" in asked:
        bad.append("refused: " + asked["fail"]["body"]["error"]["message"])
    else:
        if asked["dropped"]:
            bad.append("dropped: " + asked["dropped"])
        sent.check(entry["provider"], body, schema.load(asked["sent"]), bad)
    tap.result(name, entry["provider"], bad)


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


def documented(tap, tool, path):
    with open(path, encoding="utf-8") as f:
        errors = json.load(f)["errors"]
    p = subprocess.run([tool, "--errors", path], text=True,
                       stdout=subprocess.PIPE, check=False)
    results = {int(o["index"]): o for o in
               (json.loads(l) for l in p.stdout.split("\n") if l)}
    for i, e in enumerate(errors):
        name = "documented-errors %d %s %d" % (i, e["provider"], e["status"])
        provider = "documented"
        got = results.get(i, {})
        surface = e.get("surface", "openai.chat")
        if "ndjson" in e or surface not in READERS:
            tap.skip(name, provider, "surface %s is not spoken" % surface)
        elif "skip" in got:
            tap.skip(name, provider, got["kind"] + ": " + got["skip"])
        else:
            bad = []
            documented_one(e, got, bad)
            tap.result(name, provider, bad)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    top = os.path.dirname(os.path.dirname(here))
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--build", default=os.path.join(top, "build"))
    ap.add_argument("--only", default="")
    args = ap.parse_args()
    shared = os.environ.get("LLMGW_SHARED") or \
        os.path.join(os.path.dirname(top), "shared")
    root = os.path.join(shared, "fixtures")
    tool = os.path.abspath(os.path.join(args.build, "tests/tools/replay"))
    tap = Tap()
    selftest.run(tap)
    if not os.path.isfile(os.path.join(root, "INDEX.json")):
        print("# %s is absent: no recordings to replay" % root)
        return tap.end()
    if not os.access(tool, os.X_OK):
        print("Bail out! %s is not built: make %s" %
              (tool, "tests/tools/replay"))
        return 1
    fixtures(tap, tool, root, args.only)
    if not args.only:
        documented(tap, tool, os.path.join(shared, "documented-errors.json"))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
