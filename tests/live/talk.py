"""HTTP as the tests' clients speak it: whole answers and streams."""
import http.client
import json


def chat(model, text='Hello', **more):
    return dict({'model': model,
                 'messages': [{'role': 'user', 'content': text}]}, **more)


def connect(port, timeout=30):
    return http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)


class Answer:
    def __init__(self, r):
        self.status = r.status
        self.headers = {k.lower(): v for k, v in r.getheaders()}
        self.body = r.read()

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json['error']

    @property
    def content(self):
        return self.json['choices'][0]['message']['content']

    def __repr__(self):
        return '%d %r' % (self.status, self.body[:500])


def exchange(port, method, path, body, headers, timeout=60):
    c = connect(port, timeout)
    try:
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        c.request(method, path, body, headers)
        return Answer(c.getresponse())
    finally:
        c.close()


class Stream:
    """An answer that is read event by event."""

    def __init__(self, port, path, body, headers, timeout=60):
        self.c = connect(port, timeout)
        self.c.request('POST', path, json.dumps(body).encode(), headers)
        self.r = self.c.getresponse()
        self.status = self.r.status
        self.headers = {k.lower(): v for k, v in self.r.getheaders()}
        self.got = []
        self.done = False  # [DONE] has come
        self.ended = False  # and the body has ended as HTTP wants it

    def events(self):
        """Each event's JSON, until the body ends."""
        while True:
            line = self.r.readline()
            if not line:
                self.ended = True
                return
            if line.startswith(b'data: [DONE]'):
                self.done = True
            elif line.startswith(b'data: '):
                assert not self.done, 'an event after [DONE]: %r' % line
                yield json.loads(line[6:])

    def first(self):
        """The first event that brings text."""
        for e in self.events():
            if piece(e):
                return e
        raise AssertionError('no text came')

    def rest(self):
        """All further events; the text and the last finish reason."""
        for e in self.events():
            self.got.append(e)
        return ''.join(piece(e) for e in self.got)

    def finish(self):
        return [c['finish_reason'] for e in self.got
                for c in e.get('choices', []) if c.get('finish_reason')]

    def errors(self):
        return [e['error'] for e in self.got if 'error' in e]

    def close(self):
        self.r.close()
        self.c.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def piece(event):
    return ''.join(c['delta'].get('content') or ''
                   for c in event.get('choices', []) if 'delta' in c)
