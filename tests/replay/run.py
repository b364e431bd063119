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
import judge
import recorded
import schema
import selftest
import sent

def check_answer(entry, fixture, got, bad):
    response = fixture["response"]
    if got["cuts"]:
        bad.append("other results when cut at %r" % got["cuts"])
    try:
        want, usage = judge.READERS[entry["surface"]](response)
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
    judge.compare("whole", want, whole, bad)
    judge.compare("streamed beside whole", whole, streamed, bad)
    if whole.usage != streamed.usage:
        bad.append("usage %r, streamed %r" % (whole.usage, streamed.usage))
    judge.compare_usage(usage, whole.usage, bad)
    judge.compare_ids(want, whole, bad)


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
    judge.check_error_body(fail, bad)


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
    todo = [e["file"] for e in index if judge.why_not(e) is None]
    results = replay(tool, root, todo)
    for e in index:
        why = judge.why_not(e)
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
    member = sent.refused(entry["provider"], body)
    if "fail" in asked:
        said = asked["fail"]["body"]["error"]
        if not member or said["param"] != member:
            bad.append("refused: " + said["message"])
    elif member:
        bad.append("%s is not refused" % member)
    else:
        if asked["dropped"]:
            bad.append("dropped: " + asked["dropped"])
        sent.check(entry["provider"], body, schema.load(asked["sent"]), bad)
    tap.result(name, entry["provider"], bad)


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
        if "ndjson" in e or surface not in judge.READERS:
            tap.skip(name, provider, "surface %s is not spoken" % surface)
        elif "skip" in got:
            tap.skip(name, provider, got["kind"] + ": " + got["skip"])
        else:
            bad = []
            judge.documented_one(e, got, bad)
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
    tap = judge.Tap()
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
