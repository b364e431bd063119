"""What an upstream failure must become: the table of wire.md 4.2, by hand.

expect(status, headers, body text) gives (class word, status out).
"""
import json

STATUS_OUT = {
    "invalid": 400, "context_length": 400, "content_policy": 400,
    "upstream_auth": 502, "quota": 429, "model_not_found": 404,
    "timeout": 504, "too_large": 413, "rate_limit": 429, "overloaded": 503,
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


def inner_status(body):
    try:
        o = json.loads(body)
    except ValueError:
        return None
    if isinstance(o, list):
        o = o[0] if o else None
    if not isinstance(o, dict):
        return None
    e = o.get("error") if isinstance(o.get("error"), dict) else o
    return status_of(e.get("code")) or status_of(e.get("status_code"))


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
