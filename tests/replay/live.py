#!/usr/bin/python3
"""Replays every recorded exchange through the mock provider and the gateway.

    tests/replay/live.py [--build DIR] [--only WORD] [--lanes N]

The real thing beside run.py: llmgw-fcgi behind lighttpd is asked, asks
tests/tools/mockprov, and gets the recorded answer, cut into writes of 1, 2, 3,
7 and random numbers of bytes. Each exchange is asked for as a stream and whole
(ways_of says how), and judged as in run.py: the rules of schema.py, and the
recording as recorded.py reads it; however it was cut, the client must get the
same bytes. One TAP line per exchange of the index in $LLMGW_SHARED/fixtures;
what cannot be replayed is skipped with its reason.

Documented errors follow, then the lines of the gateway's log (status, outcome,
tokens), and that no log holds the report of a sanitizer. Ends with the count
per provider.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(1, os.path.join(TOP, "tests", "live"))

import failures  # noqa: E402
import recorded  # noqa: E402
import run as judge  # noqa: E402
import schema  # noqa: E402
import stage as stages  # noqa: E402

SMALL_CUTS, LARGE_CUTS = (1, 2, 3), (7, "random")
# A longer recording is cut in one of the small ways and one of the large.
ALL_CUTS_BYTES = 8192


def ways_of(response, entry):
    """(entry, stream:true?) for each form in which a client may ask.

    A maker that streams in answer to both is collected for a client that
    wants it whole; one that never streams is an entry with streaming: false.
    """
    if response["status"] >= 300 or response["framing"] != "json":
        return [(entry, True), (entry, False)]
    return [(entry + stages.WHOLE, True), (entry, False)]


def cuts_of(text, number):
    if len(text) <= ALL_CUTS_BYTES:
        return SMALL_CUTS + LARGE_CUTS
    return (SMALL_CUTS[number % 3], LARGE_CUTS[number % 2])


def text_of(response):
    """The body with its characters as they are, so that cuts fall into them.

    recorded.py's spelling, in ASCII, is for what UTF-8 cannot say.
    """
    if response["framing"] == "json" and "body_text" not in response and \
            "chunks" not in response:
        text = json.dumps(response.get("body"), ensure_ascii=False)
        try:
            text.encode()
            return text
        except UnicodeEncodeError:
            pass
    return recorded.body_text(response)


# ---- judging ---------------------------------------------------------------

class Turn:
    """An exchange in one form, asked for once with each cut."""

    def __init__(self, stage, entry, lane, stream):
        self.stage, self.entry, self.stream = stage, entry, stream
        self.alias = "%s.%d" % (entry, lane)
        self.seen = None

    def run(self, response, cuts, check, bad):
        """The last answer as schema.py reads it; None: not an answer."""
        teaches = stages.can_learn(self.entry) and response["status"] == 400 \
            and failures.teaches(response["text"])
        answer = None
        for cut in cuts:
            found = []
            ident, got = self.stage.ask(self.alias, response, cut,
                                        self.stream, teaches)
            answer = check(self, got, found)
            self.seen = self.seen or bare(got)
            if bare(got) != self.seen:
                found.append("another answer than with cut %s" % cuts[0])
            self.stage.logs[ident] = log_of(got, answer)
            bad += ["(%s, cut %s) %s" % (self.form(), cut, f) for f in found]
        self.stage.check_calls(self.alias, bad)
        return answer

    def form(self):
        return "streamed" if self.stream else "whole"


def bare(got):
    """What must be the same however the recording was cut."""
    text = re.sub(r'"(id|created)":("[^"]*"|\d+)', r'"\1":0', got.text)
    return got.status, re.sub(r"^: .*\n\n", "", text, flags=re.M)


def log_of(got, answer):
    """What the line of the log must say."""
    want = {"status": got.status, "is ok": answer is not None}
    if answer is not None and answer.usage is not None:
        want.update(judge.usage_plain(answer.usage))
    return want


def error_of(got, stream, bad):
    """What failed, as tests/tools/replay prints it; None: nothing did."""
    kind = got.headers.get("content-type", "")
    if got.status == 200:
        if not stream:
            return None
        error = schema.read_stream(got.text, []).error
        return error and {"status": None, "body": {"error": error}}
    if not kind.startswith("application/json"):
        bad.append("an error of type %r" % kind)
    try:
        return {"status": got.status, "body": schema.load(got.text)}
    except ValueError as why:
        bad.append("error body: %s" % why)
        return {"status": got.status, "body": {}}


def check_failure(response, got, bad):
    """A recorded error: status, type, code, and when to come again."""
    headers = response.get("headers") or {}
    text = response["text"]
    word, status = failures.expect(response["status"], headers, text)
    fail = error_of(got, False, bad)
    if fail is None:
        bad.append("an error became %r" % got)
        return
    if got.status != status:
        bad.append("status %d, must be %d (%s)" % (got.status, status, word))
    error = fail["body"].get("error")
    if not isinstance(error, dict):
        bad.append("error body is %r" % fail["body"])
        return
    want = failures.shape(word, text)
    if (error.get("type"), error.get("code")) != want:
        bad.append("type and code are %r, must be %r" %
                   ((error.get("type"), error.get("code")), want))
    after = headers.get("retry-after")
    if after and after.isdigit() and "retry-after-ms" not in headers and \
            got.headers.get("retry-after") != after:
        bad.append("retry-after %s became %r" %
                   (after, got.headers.get("retry-after")))
    judge.check_error_body(fail, bad)


def check_incomplete(why, got, stream, bad):
    """A recording that is no complete answer must not look like one."""
    fail = error_of(got, stream, bad)
    if fail is None:
        bad.append("taken for a success: %s" % why)
        return
    if stream and got.status == 200:
        schema.read_stream(got.text, bad)
    judge.check_error_body(dict(fail), bad)


def check_type(got, stream, bad):
    want = "text/event-stream" if stream else "application/json"
    if not got.headers.get("content-type", "").startswith(want):
        bad.append("content-type is %r" % got.headers.get("content-type"))


def check_answer(turn, want, got, bad):
    """One answer against the recording; gives it as schema.py reads it."""
    if got.status != 200:
        bad.append("fails: %r" % got)
        return None
    check_type(got, turn.stream, bad)
    if got.headers.get("x-llmgw-provider") != turn.entry:
        bad.append("answered by %r" % got.headers.get("x-llmgw-provider"))
    read = schema.read_stream if turn.stream else schema.read_whole
    answer = read(got.text, bad)
    if answer.error is not None:
        bad.append("fails: %r" % answer.error)
        return None
    recording, usage = want
    judge.compare(turn.form(), recording, answer, bad)
    judge.compare_usage(usage, answer.usage, bad)
    judge.compare_ids(recording, answer, bad)
    return answer


def judge_of(fixture, response):
    """check(turn, the client's answer, bad) for a recording."""
    if response["status"] >= 300:
        return lambda turn, got, bad: check_failure(response, got, bad)
    try:
        want = judge.READERS[fixture["surface"]](fixture["response"])
    except recorded.Incomplete as why:
        reason = str(why)
        return lambda turn, got, bad: \
            check_incomplete(reason, got, turn.stream, bad)
    return lambda turn, got, bad: check_answer(turn, want, got, bad)


def replay(stage, number, lane, fixture, bad):
    entry = stages.entry_of(fixture["provider"], fixture["surface"],
                            fixture["request"].get("path") or "")
    response = dict(fixture["response"])
    response["text"] = text_of(response)
    check = judge_of(fixture, response)
    answers = []
    for n, (name, stream) in enumerate(ways_of(response, entry)):
        turn = Turn(stage, name, lane, stream)
        cuts = cuts_of(response["text"], number + n)
        answers.append(turn.run(response, cuts, check, bad))
    if None not in answers:
        streamed, whole = answers
        judge.compare("streamed beside whole", whole, streamed, bad)
        if whole.usage != streamed.usage:
            bad.append("usage %r, streamed %r" %
                       (whole.usage, streamed.usage))


def replay_documented(stage, number, lane, e, bad):
    """As run.py judges them, by what a client can see."""
    del number
    entry = stages.entry_of(e["provider"], e.get("surface") or {
        "anthropic": "anthropic.messages",
        "gemini": "gemini.generate"}.get(e["provider"], "openai.chat"))
    response = dict(e, framing="sse" if "sse" in e else "json")
    response["text"] = e["sse"] if "sse" in e else text_of(response)

    def check(turn, got, found):
        fail = error_of(got, turn.stream, found)
        if fail is not None:
            # nobody outside sees these
            fail.update({"class": "", "retry_same": e["want"].get("retryable")})
        judge.documented_one(e, {"cuts": [], "fail": fail}, found)

    Turn(stage, entry, lane, "sse" in e).run(
        response, SMALL_CUTS + LARGE_CUTS, check, bad)


# ---- running ---------------------------------------------------------------

def load(root, e):
    with open(os.path.join(root, e["file"]), encoding="utf-8") as f:
        return json.load(f)


def guarded(stage, job, number, item):
    """A lane for the job; a broken answer fails this exchange only."""
    lane, bad = stage.lanes.get(), []
    try:
        job(stage, number, lane, item, bad)
    except Exception as why:  # pylint: disable=broad-except
        bad.append("%s: %s" % (type(why).__name__, why))
    finally:
        stage.lanes.put(lane)
    return bad


def fixtures(tap, stage, pool, root, only):
    with open(os.path.join(root, "INDEX.json"), encoding="utf-8") as f:
        index = [e for e in json.load(f)["fixtures"] if only in e["file"]]
    results = {}
    for number, e in enumerate(index):
        if judge.why_not(e) is None:
            results[e["file"]] = pool.submit(
                guarded, stage, replay, number, load(root, e))
    for e in index:
        if e["file"] in results:
            tap.result(e["file"], e["provider"], results[e["file"]].result())
        else:
            tap.skip(e["file"], e["provider"], judge.why_not(e))


def documented(tap, stage, pool, path):
    with open(path, encoding="utf-8") as f:
        errors = json.load(f)["errors"]
    for number, e in enumerate(errors):
        name = "documented-errors %d %s %d" % (number, e["provider"],
                                               e["status"])
        surface = e.get("surface", "openai.chat")
        if "ndjson" in e or surface not in judge.READERS:
            tap.skip(name, "documented", "surface %s is not spoken" % surface)
            continue
        bad = pool.submit(
            guarded, stage, replay_documented, number, e).result()
        tap.result(name, "documented", bad)


def check_log(tap, stage):
    """Each request has its line, and it tells what the client was told."""
    lines, bad = stage.log_lines(), []
    for ident, want in stage.logs.items():
        line = lines.get(ident)
        if line is None:
            bad.append("%s has no line" % ident)
            continue
        got = {"status": line["status"], "is ok": line["outcome"] == "ok"}
        got.update({k: line.get(k + "_tokens") for k in want if k not in got})
        # not told and 0 are the same to a client
        if any((got[k] or 0) != (want[k] or 0) for k in want):
            bad.append("%s (%s): %r, must be %r" %
                       (ident, line["alias"], got, want))
    tap.result("%d requests are in the log" % len(stage.logs), "gateway",
               bad[:20])


def replay_all(tap, args, shared, folder):
    build = pathlib.Path(args.build).resolve()
    stage = stages.Stage(build, folder, args.lanes)
    bad = []
    try:
        with concurrent.futures.ThreadPoolExecutor(args.lanes) as pool:
            fixtures(tap, stage, pool, os.path.join(shared, "fixtures"),
                     args.only)
            if not args.only:
                documented(tap, stage, pool, os.path.join(
                    shared, "documented-errors.json"))
        left = stage.mock.stats()["answers_queued"]
        tap.result("no answer was left unfetched", "gateway",
                   ["%d were" % left] if left else [])
    finally:
        try:
            stage.stop()
        except AssertionError as why:
            bad.append(why)
    check_log(tap, stage)
    tap.result("the logs hold no crash", "gateway", bad)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--build", default=os.path.join(TOP, "build"))
    ap.add_argument("--only", default="")
    ap.add_argument("--lanes", type=int, default=6)
    args = ap.parse_args()
    shared = os.environ.get("LLMGW_SHARED") or \
        os.path.join(os.path.dirname(TOP), "shared")
    tap = judge.Tap()
    if not os.path.isfile(os.path.join(shared, "fixtures", "INDEX.json")):
        print("1..0 # SKIP %s is absent: no recordings to replay" %
              os.path.join(shared, "fixtures"))
        return 0
    if not shutil.which("lighttpd"):
        print("Bail out! lighttpd is not installed (see .ci/packages)")
        return 1
    with tempfile.TemporaryDirectory(prefix="llmgw-replay.") as folder:
        replay_all(tap, args, shared, pathlib.Path(folder))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
