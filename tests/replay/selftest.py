"""The judge judged: what schema.py, answers.py, failures.py must refuse."""
import json

import answers
import failures
import schema

HEAD = {"id": "c", "object": "chat.completion.chunk", "created": 1,
        "model": "m", "usage": None}


def chunk(choices, **more):
    return "data: " + json.dumps(dict(HEAD, choices=choices, **more)) + "\n\n"


def choice(delta, finish=None):
    return [{"index": 0, "delta": delta, "finish_reason": finish}]


FIRST = chunk(choice({"role": "assistant", "content": ""}))
TEXT = chunk(choice({"content": "x"}))
LAST = chunk(choice({}, "stop"))
DONE = "data: [DONE]\n\n"
CALL = {"index": 0, "id": "a", "type": "function",
        "function": {"name": "f", "arguments": ""}}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}

# what is said -> must the judge complain
STREAMS = [
    ("a good one", FIRST + TEXT + LAST + DONE, False),
    ("usage at its place", FIRST + TEXT + LAST +
     chunk([], usage=USAGE).replace('"usage": null, ', "") + DONE, False),
    ("no [DONE]", FIRST + TEXT + LAST, True),
    ("no finish reason", FIRST + TEXT + DONE, True),
    ("no role", TEXT + LAST + DONE, True),
    ("role twice", FIRST + FIRST + LAST + DONE, True),
    ("content after the finish", FIRST + LAST + TEXT + DONE, True),
    ("a call begins twice", FIRST + chunk(choice({"tool_calls": [CALL]})) +
     chunk(choice({"tool_calls": [CALL]})) + LAST + DONE, True),
    ("a call index is left out", FIRST +
     chunk(choice({"tool_calls": [dict(CALL, index=1)]})) + LAST + DONE,
     True),
    ("a function_call", FIRST +
     chunk(choice({"function_call": {"name": "f", "arguments": ""}})) +
     chunk(choice({"function_call": {"arguments": "{}"}})) +
     chunk(choice({}, "function_call")) + DONE, False),
    ("a function_call that ends as tool_calls", FIRST +
     chunk(choice({"function_call": {"name": "f", "arguments": ""}})) +
     chunk(choice({}, "tool_calls")) + DONE, True),
    ("the finish of a function_call without one", FIRST +
     chunk(choice({}, "function_call")) + DONE, True),
    ("another id", FIRST + TEXT.replace('"c"', '"d"') + LAST + DONE, True),
    ("usage before the finish", FIRST +
     chunk([], usage=USAGE) + LAST + DONE, True),
    ("a sum that is none", FIRST + LAST +
     chunk([], usage=dict(USAGE, total_tokens=4)) + DONE, True),
    ("[DONE] after an error", FIRST +
     'data: {"error": {"message": "x"}}\n\n' + DONE, True),
    ("a name twice", FIRST + 'data: {"id": "c", "id": "c"}\n\n' + LAST + DONE,
     True),
    ("a broken line", FIRST + "data: {\n\n" + LAST + DONE, True),
]



def small(delta, **more):
    return "data: " + json.dumps(dict(
        {"id": "i", "model": "m", "provider": "p", "delta": delta},
        **more)) + "\n\n"


# the same for /v1/chat
SMALL_LAST = small({}, finish_reason="stop", usage=USAGE)
SMALL_STREAMS = [
    ("a good one", small({"content": "x"}) + SMALL_LAST + DONE, False),
    ("no finish reason", small({"content": "x"}) + DONE, True),
    ("no [DONE]", small({"content": "x"}) + SMALL_LAST, True),
    ("the maker's members", small({"content": "x"}, system_fingerprint="f") +
     SMALL_LAST + DONE, True),
    ("no model", small({"content": "x"}, model="") + SMALL_LAST + DONE, True),
    ("content after the finish", SMALL_LAST + small({"content": "x"}) + DONE,
     True),
]
SMALL_WHOLE = {"id": "i", "model": "m", "provider": "p", "usage": USAGE,
               "message": {"role": "assistant", "content": "x"},
               "finish_reason": "stop"}
SMALL_WHOLES = [
    ("a good one", SMALL_WHOLE, False),
    ("no provider", dict(SMALL_WHOLE, provider=""), True),
    ("the maker's members", dict(SMALL_WHOLE, object="x"), True),
    ("no role", dict(SMALL_WHOLE, message={"content": "x"}), True),
    ("no finish reason", dict(SMALL_WHOLE, finish_reason=None), True),
]

ERRORS = [
    (429, '{"error": {"type": "insufficient_quota"}}', ("quota", 429)),
    (500, '{"error": {"code": 429}}', ("rate_limit", 429)),
    (401, "", ("upstream_auth", 502)),
    (400, "prompt is too long", ("context_length", 400)),
    (503, "", ("unavailable", 503)),
    (520, "<html>", ("unavailable", 502)),
]

# class word, body -> (type, code)
SHAPES = [
    ("quota", "", ("insufficient_quota", "insufficient_quota")),
    ("invalid", '{"error": {"code": "x", "status": "Y"}}',
     ("invalid_request_error", "x")),
    ("invalid", '[{"error": {"code": 400, "status": "INVALID_ARGUMENT"}}]',
     ("invalid_request_error", "INVALID_ARGUMENT")),
    ("unavailable", '{"error": "Model x is currently loading"}',
     ("server_error", "model_loading")),
    ("unavailable", "<html>", ("server_error", None)),
]

TEACHING = [
    ('{"error": {"code": "unsupported_parameter", "param": "max_tokens"}}',
     True),
    ('{"error": {"code": "unsupported_parameter", "param": "tools"}}', False),
    ('{"error": {"code": "invalid_value", "param": "max_tokens"}}', False),
]


def run(tap):
    for name, text, must in STREAMS:
        bad = []
        schema.read_stream(text, bad)
        wrong = [] if bool(bad) == must else ["complaints: %r" % bad]
        tap.result("judge: " + name, "judge", wrong)
    for name, text, must in SMALL_STREAMS + [
            (n, json.dumps(o), m) for n, o, m in SMALL_WHOLES]:
        bad = []
        (answers.small_stream if text.startswith("data:") else
         answers.small_whole)(text, bad)
        wrong = [] if bool(bad) == must else ["complaints: %r" % bad]
        tap.result("judge: /v1/chat: " + name, "judge", wrong)
    for status, body, want in ERRORS:
        got = failures.expect(status, {}, body)
        tap.result("judge: %d %s" % want[::-1], "judge",
                   [] if got == want else ["%r, must be %r" % (got, want)])
    for word, body, want in SHAPES:
        got = failures.shape(word, body)
        tap.result("judge: %s is %s, %s" % ((word,) + want), "judge",
                   [] if got == want else ["%r, must be %r" % (got, want)])
    for body, want in TEACHING:
        got = failures.teaches(body)
        tap.result("judge: %s teaches: %s" % (body, want), "judge",
                   [] if got == want else ["%r, must be %r" % (got, want)])
