"""What an upstream failure must become: the table of wire.md 4.2, by hand.

expect(status, headers, body text) gives (class word, status out);
shape(class word, body text) the (type, code) that a client reads; teaches(body
text) whether a 400 is asked again in other words.
"""
import json

STATUS_OUT = {
    "invalid": 400, "context_length": 400, "content_policy": 400,
    "upstream_auth": 502, "quota": 429, "model_not_found": 404,
    "timeout": 504, "too_large": 413, "rate_limit": 429, "overloaded": 503,
}

INVALID, SERVER = "invalid_request_error", "server_error"
SHAPES = {
    "context_length": (INVALID, "context_length_exceeded"),
    "content_policy": (INVALID, "content_filter"),
    "model_not_found": (INVALID, "model_not_found"),
    "too_large": (INVALID, "request_too_large"),
    "quota": ("insufficient_quota", "insufficient_quota"),
    "rate_limit": ("rate_limit_error", "rate_limit_exceeded"),
    "upstream_auth": (SERVER, "upstream_auth"),
    "timeout": (SERVER, "timeout"),
    "overloaded": (SERVER, "overloaded"),
}

LONG = ("prompt is too long", "maximum context length",
        "maximum number of tokens", "`max_new_tokens` must be <=",
        "too_many_prompt_tokens", "input is too long")
AUTH = ("api key not valid", "api_key_invalid", "incorrect api key",
        "invalid api key")


def status_of(value):
    """An HTTP status inside a body: a number or a word of digits."""
    try:
        n = int(value)
    except (TypeError, ValueError):
        return None
    return n if 400 <= n <= 599 else None


def inner(body):
    """The object that tells of the error; {} where there is none."""
    try:
        o = json.loads(body)
    except ValueError:
        return {}
    if isinstance(o, list):
        o = o[0] if o else None
    if not isinstance(o, dict):
        return {}
    return o.get("error") if isinstance(o.get("error"), dict) else o


def inner_status(body):
    e = inner(body)
    return status_of(e.get("code")) or status_of(e.get("status_code"))


def shape(word, body):
    if word in SHAPES:
        return SHAPES[word]
    code = None  # the maker's: a word, not a number
    for k in ("code", "status"):
        v = inner(body).get(k)
        if isinstance(v, str) and v and not v.isdigit():
            code = code or v
    if word != "invalid" and "loading" in body.lower():
        code = "model_loading"
    return (INVALID if word == "invalid" else SERVER), code


def teaches(body):
    """wire.md 10 row 72: a refusal that tells of a reasoning model."""
    e = inner(body)
    return e.get("code") in ("unsupported_parameter", "unsupported_value") and \
        e.get("param") in ("max_tokens", "temperature", "top_p",
                           "presence_penalty", "frequency_penalty")


def expect(status, headers, body):
    low = body.lower()
    status = inner_status(body) or status
    if status == 413:
        word = "too_large"
    elif "overloaded" in low:
        word = "overloaded"
    elif any(w in low for w in AUTH) or status in (401, 403):
        word = "upstream_auth"
    elif "content_filter" in low or "content management policy" in low:
        word = "content_policy"
    elif status != 429 and any(w in low for w in LONG):
        word = "context_length"
    elif status == 402 or "insufficient_quota" in low:
        word = "quota"
    elif status == 404:
        word = "model_not_found"
    elif status in (408, 504):
        word = "timeout"
    elif status == 429:
        word = "rate_limit"
    elif 400 <= status < 500 and status not in (409, 424, 425, 498):
        word = "invalid"
    else:
        word = "unavailable"
    out = STATUS_OUT.get(word)
    if out is None:
        out = status if status in (500, 502, 503, 504) else 502
    return word, out
