"""An answer of the real programs, judged as their client sees it."""
import json
import re

import failures
import judge
import recorded
import schema


def bare(got):
    """What must be the same however the recording was cut."""
    text = re.sub(r'"(id|created)":("[^"]*"|\d+)', r'"\1":0', got.text)
    return got.status, re.sub(r"^: .*\n\n", "", text, flags=re.M)


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


# ---- POST /v1/chat -----------------------------------------------------------

SMALL = {"id", "model", "provider", "finish_reason", "usage"}


def as_openai(o, what, choice, bad):
    """A body or an event of the small envelope in OpenAI's words."""
    if not isinstance(o.get("provider"), str) or not o["provider"]:
        bad.append("provider is %r" % o.get("provider"))
    if not set(o) <= SMALL | {what, "logprobs"} or what not in o:
        bad.append("members %r" % sorted(o))
    return {"id": o.get("id"), "created": 1, "model": o.get("model"),
            "choices": [dict(choice, index=0, finish_reason=
                             o.get("finish_reason"))],
            "usage": o.get("usage")}


def small_whole(text, bad):
    o = schema.load(text)
    o = dict(as_openai(o, "message", {"message": o.get("message")}, bad),
             object="chat.completion")
    return schema.read_whole(json.dumps(o), bad)


def small_stream(text, bad):
    """An error, the comments and [DONE] are as OpenAI's."""
    out, role = "", {"role": "assistant"}
    for event in text.split("\n\n")[:-1]:
        if event.startswith("data: {") and '"error"' not in event[:20]:
            o = schema.load(event[6:])
            o = dict(as_openai(o, "delta", {
                "delta": dict(role, **o.get("delta") or {})}, bad),
                object="chat.completion.chunk")
            event, role = "data: " + json.dumps(dict(o, usage=None)), {}
            if o["usage"] is not None:
                event += "\n\ndata: " + json.dumps(dict(o, choices=[]))
        out += event + "\n\n"
    return schema.read_stream(out, bad)


def check_small(turn, want, got, bad):
    """A recording as /v1/chat gives it: the first choice, two counts."""
    if got.status != 200:
        bad.append("fails: %r" % got)
        return None
    check_type(got, turn.stream, bad)
    answer = (small_stream if turn.stream else small_whole)(got.text, bad)
    if answer.error is not None:
        bad.append("fails: %r" % answer.error)
        return None
    recording, usage = schema.Answer(), dict(want[1] or {})
    recording.choices[0] = want[0].choices[0]
    usage.pop("cached", 0)
    usage.pop("reasoning", 0)
    judge.compare("/v1/chat", recording, answer, bad)
    judge.compare_usage(usage, answer.usage, bad)
    answer.usage = None  # the log tells all of it
    return answer


# ---- streams that break off --------------------------------------------------

def check_cut_short(turn, want, got, bad):
    """Of a recording that breaks off: an error, or all of it.

    An end of the body behind the finish reason is a success (wire.md 5.1);
    everything else is a failure, and what came before it stays as it was.
    """
    if error_of(got, turn.stream, bad) is None:
        answer = (schema.read_stream if turn.stream else
                  schema.read_whole)(got.text, bad)
        judge.compare(turn.form(), want, answer, bad)
        return answer
    if got.status == 200:
        before = schema.read_stream(got.text, bad)
        for i, c in before.choices.items():
            full = want.choices[i]
            if not full.text.startswith(c.text) or \
                    not full.reasoning.startswith(c.reasoning):
                bad.append("before the error came %r, %r" %
                           (c.text[-200:], c.reasoning[-200:]))
            if c.finish is not None:
                bad.append("%r before the error" % c.finish)
    judge.check_error_body(error_of(got, turn.stream, []), bad)
    return None
