#!/usr/bin/python3
"""Replays every recorded exchange through the mock provider and the gateway.

    tests/replay/live.py [--build DIR] [--only WORD] [--lanes N] [--parts N]

The real thing beside run.py: llmgw-fcgi behind lighttpd is asked, asks
tests/tools/mockprov, and gets the recorded answer, cut into writes of 1, 2, 3,
7 and random numbers of bytes. Each exchange is asked for as a stream and whole
(ways_of says how), and judged as in run.py: the rules of schema.py, and the
recording as recorded.py reads it; however it was cut, the client must get the
same bytes. Streams are asked for again to break off somewhere, and recorded requests
in OpenAI's dialect are asked as they were. TAP lines for each exchange of the
index in $LLMGW_SHARED/fixtures; what cannot be replayed is skipped with its
reason.

As many parts of the index as --parts says (as the machine has processors) are
replayed at a time, each by a gateway and a mock of its own; --lanes requests of
each are under way at once.

Documented errors follow, then the lines of the gateway's log (status, outcome,
tokens), and that no log holds the report of a sanitizer. Ends with the count
per provider.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(1, os.path.join(TOP, "tests", "live"))

import answers  # noqa: E402
import failures  # noqa: E402
import judge  # noqa: E402
import recorded  # noqa: E402
import schema  # noqa: E402
import sent  # noqa: E402
import stage as stages  # noqa: E402
import talk  # noqa: E402

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


class Turn:
    """An exchange in one form, asked for in several ways."""

    def __init__(self, stage, entry, lane, stream):
        self.stage, self.entry, self.stream = stage, entry, stream
        self.alias = "%s.%d" % (entry, lane)
        self.seen = None

    def form(self):
        return "streamed" if self.stream else "whole"

    def ask(self, response, check, bad, **how):
        """(the client's answer, the same as schema.py reads it or None)."""
        found = []
        ident, got = self.stage.ask(
            self.alias, response, self.stream, **how)
        answer = check(self, got, found)
        self.stage.logs[ident] = log_of(got, answer)
        how.pop("body", None)
        bad += ["(%s, %s) %s" % (self.form(), how, f) for f in found]
        return got, answer

    def run(self, response, cuts, check, bad):
        """The last answer; however it was cut, the same must come."""
        teaches = stages.can_learn(self.entry) and response["status"] == 400 \
            and failures.teaches(response["text"])
        answer = None
        for cut in cuts:
            got, answer = self.ask(response, check, bad, cut=cut,
                                   teaches=teaches)
            self.seen = self.seen or answers.bare(got)
            if answers.bare(got) != self.seen:
                bad.append("(%s, cut %s) another answer than with cut %s" %
                           (self.form(), cut, cuts[0]))
        self.stage.check_calls(self.alias, bad)
        return answer


def log_of(got, answer):
    """What the line of the log must say."""
    want = {"status": got.status, "is ok": answer is not None}
    if answer is not None and answer.usage is not None:
        want.update(judge.usage_plain(answer.usage))
    return want


def prepared(fixture):
    """(which of ENTRIES, the response with its text) of a recording."""
    response = dict(fixture["response"])
    response["text"] = text_of(response)
    return stages.entry_of(
        fixture["provider"], fixture["surface"],
        fixture["request"].get("path") or ""), response


def replay(stage, number, lane, fixture, bad):
    entry, response = prepared(fixture)
    check = answers.judge_of(fixture, response)
    both = []
    for n, (name, stream) in enumerate(ways_of(response, entry)):
        turn = Turn(stage, name, lane, stream)
        cuts = cuts_of(response["text"], number + n)
        both.append(turn.run(response, cuts, check, bad))
    if None not in both:
        streamed, whole = both
        judge.compare("streamed beside whole", whole, streamed, bad)
        if whole.usage != streamed.usage:
            bad.append("usage %r, streamed %r" %
                       (whole.usage, streamed.usage))
        replay_small(stage, lane, fixture, bad)


def replay_small(stage, lane, fixture, bad):
    """The same by POST /v1/chat."""
    entry, response = prepared(fixture)
    want = judge.READERS[fixture["surface"]](fixture["response"])

    def check(turn, got, found):
        return answers.check_small(turn, want, got, found)

    for stream in (True, False):
        turn = Turn(stage, entry, lane, stream)
        body = dict(talk.chat(turn.alias), client_id="replay", stream=stream)
        turn.ask(response, check, bad, body=body, path="/v1/chat",
                 cut="random")
        turn.stage.check_calls(turn.alias, bad)


def replay_broken(stage, number, lane, fixture, bad):
    """A stream that breaks off: by FIN, by RST, by an end of the body."""
    entry, response = prepared(fixture)
    want, _ = judge.READERS[fixture["surface"]](fixture["response"])

    def check(turn, got, found):
        return answers.check_cut_short(turn, want, got, found)

    text = response["text"].encode()
    places = random.Random(number)
    for stream in (True, False):
        turn = Turn(stage, entry, lane, stream)
        for reset in (False, True):
            turn.ask(response, check, bad, stop_at=places.randrange(len(text)),
                     reset=reset, framing="chunked")
        # the mock is given text: no half of a character
        part = text[:places.randrange(len(text))].decode(errors="ignore")
        turn.ask(dict(response, text=part), check, bad, cut="random")
        turn.stage.check_calls(turn.alias, bad)


def replay_refused(stage, alias, asked, member, bad):
    """The provider is not called, and the client is told why."""
    got = stage.gateway.post(dict(asked, model=alias))
    if got.status != 400 or got.error["param"] != member:
        bad.append("%s is not refused: %r" % (member, got))
    stage.check_calls(alias, bad)


def replay_asked(stage, fixture, bad):
    """The recorded request, for its answer; what the mock was sent."""
    entry, response = prepared(fixture)
    asked = fixture["request"]["body"]
    member = sent.refused(fixture["provider"], asked)
    if member:
        alias = "%s.%d" % (entry, stage.untaught)
        replay_refused(stage, alias, asked, member, bad)
        return
    turn = Turn(stage, entry, stage.untaught, bool(asked.get("stream")))
    body = dict(asked, model=turn.alias)
    if turn.stream:
        body["stream_options"] = {"include_usage": True}
    _, answer = turn.ask(response, answers.judge_of(fixture, response), bad,
                         body=body)
    # who asks with functions gets a function_call (wire.md 2)
    for c in answer.choices.values() if answer else ():
        if c.calls and c.is_legacy != ("functions" in asked):
            bad.append("calls in the other form")
    before = len(bad)
    turn.stage.check_calls(turn.alias, bad)
    if len(bad) > before:
        return
    passed = schema.load(stage.mock.last(1)[0]["body"])
    if "model" in asked:
        passed["model"] = asked["model"]
        sent.check(fixture["provider"], asked, passed, bad)


def replay_documented(stage, number, lane, e, bad):
    """As run.py judges them, by what a client can see."""
    del number
    entry = stages.entry_of(e["provider"], e.get("surface") or {
        "anthropic": "anthropic.messages",
        "gemini": "gemini.generate"}.get(e["provider"], "openai.chat"))
    response = dict(e, framing="sse" if "sse" in e else "json")
    response["text"] = e["sse"] if "sse" in e else text_of(response)

    def check(turn, got, found):
        fail = answers.error_of(got, turn.stream, found)
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


def index_of(root, only, part):
    """The part's [(number, entry)] of the index."""
    with open(os.path.join(root, "INDEX.json"), encoding="utf-8") as f:
        index = [e for e in json.load(f)["fixtures"] if only in e["file"]]
    return list(enumerate(index))[part]


def fixtures(tap, stage, pool, root, only, part):
    index, results = index_of(root, only, part), {}
    for number, e in index:
        if judge.why_not(e) is None:
            f = load(root, e)
            results[e["file"]] = [
                ("", pool.submit(guarded, stage, replay, number, f))]
            if e["kind"] == "stream" and is_complete(f):
                results[e["file"]].append((" cut short", pool.submit(
                    guarded, stage, replay_broken, number, f)))
    for _, e in index:
        for what, result in results.get(e["file"], []):
            tap.result(e["file"] + what, e["provider"], result.result())
        if e["file"] not in results:
            tap.skip(e["file"], e["provider"], judge.why_not(e))


def is_complete(fixture):
    try:
        judge.READERS[fixture["surface"]](fixture["response"])
    except recorded.Incomplete:
        return False
    return True


def requests(tap, stage, root, only, part):
    """One after the other: the mock's last request is ours."""
    for _, e in index_of(root, only, part):
        if e["surface"] != "openai.chat" or judge.why_not(e) is not None:
            continue
        fixture, bad = load(root, e), []
        body = fixture["request"].get("body")
        name = e["file"] + " as it was asked"
        if not isinstance(body, dict) or "messages" not in body:
            tap.skip(name, e["provider"], "recorded without its request")
        elif e["kind"] == "error":
            tap.skip(name, e["provider"], "the maker has refused it")
        else:
            try:
                replay_asked(stage, fixture, bad)
            except Exception as why:  # pylint: disable=broad-except
                bad.append("%s: %s" % (type(why).__name__, why))
            tap.result(name, e["provider"], bad)


def documented(tap, stage, pool, path, part):
    with open(path, encoding="utf-8") as f:
        errors = list(enumerate(json.load(f)["errors"]))[part]
    for number, e in errors:
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
        n = len(lines.get(ident, []))
        if n != 1:
            bad.append("%s has %d lines" % (ident, n))
            continue
        [line] = lines[ident]
        got = {"status": line["status"], "is ok": line["outcome"] == "ok"}
        got.update({k: line.get(k + "_tokens") for k in want if k not in got})
        # not told and 0 are the same to a client
        if any((got[k] or 0) != (want[k] or 0) for k in want):
            bad.append("%s (%s): %r, must be %r" %
                       (ident, line["alias"], got, want))
    tap.result("%d requests are in the log" % len(stage.logs), "gateway",
               bad[:20])


def replay_part(args, shared, folder, part):
    """What the part's tests have said."""
    tap = judge.Notes()
    root = os.path.join(shared, "fixtures")
    folder.mkdir()
    stage = stages.Stage(pathlib.Path(args.build).resolve(), folder, args.lanes)
    bad = []
    try:
        with concurrent.futures.ThreadPoolExecutor(args.lanes) as pool:
            fixtures(tap, stage, pool, root, args.only, part)
            if not args.only:
                documented(tap, stage, pool, os.path.join(
                    shared, "documented-errors.json"), part)
        requests(tap, stage, root, args.only, part)
        left = stage.mock.stats()["answers_queued"]
        tap.result("no answer was left unfetched", "gateway",
                   ["%d were" % left] if left else [])
    finally:
        try:
            stage.stop()
        except AssertionError as why:
            bad.append(str(why))
    check_log(tap, stage)
    tap.result("the logs hold no crash", "gateway", bad)
    return tap.told


def replay_all(tap, args, shared, folder):
    """A process for each part: Python's threads share one processor."""
    with concurrent.futures.ProcessPoolExecutor(args.parts) as pool:
        parts = [pool.submit(replay_part, args, shared, folder / str(i),
                             slice(i, None, args.parts))
                 for i in range(args.parts)]
        for part in parts:
            tap.repeat(part.result())


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--build", default=os.path.join(TOP, "build"))
    ap.add_argument("--only", default="")
    ap.add_argument("--lanes", type=int, default=6)
    ap.add_argument("--parts", type=int, default=os.cpu_count())
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
