"""FastCGI spoken directly to the responder, to say what no web server would."""
import socket
import struct

import talk

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT = 1, 2, 3, 4, 5, 6


def record(kind, data=b'', request=1, version=1, padding=0):
    return struct.pack('>BBHHBB', version, kind, request, len(data), padding,
                       0) + data + b'\0' * padding


def begin(role=1, keep=0, request=1):
    return record(BEGIN, struct.pack('>HB5x', role, keep), request)


def length(n):
    return bytes([n]) if n < 128 else struct.pack('>I', n | 0x80000000)


def pairs(variables):
    return b''.join(
        length(len(k)) + length(len(v)) + k + v for k, v in (
            (k.encode() if isinstance(k, str) else k,
             v.encode('utf-8', 'surrogateescape') if isinstance(v, str) else v)
            for k, v in variables))


def variables(key, body, **more):
    v = {'REQUEST_METHOD': 'POST', 'REQUEST_URI': '/v1/chat/completions',
         'CONTENT_TYPE': 'application/json', 'CONTENT_LENGTH': str(len(body)),
         'REMOTE_ADDR': '127.0.0.1', 'HTTP_AUTHORIZATION': 'Bearer ' + key}
    v.update(more)
    return [(k, x) for k, x in v.items() if x is not None]


def params(v):
    data = pairs(v)
    return b''.join(record(PARAMS, data[i:i + 60000])
                    for i in range(0, len(data), 60000)) + record(PARAMS)


def stdin(body):
    return b''.join(record(STDIN, body[i:i + 60000])
                    for i in range(0, len(body), 60000)) + record(STDIN)


class Connection:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(30)
        self.s.connect(path)

    def send(self, data):
        self.s.sendall(data)

    def read(self, n):
        got = b''
        while len(got) < n:
            more = self.s.recv(n - len(got))
            if not more:
                return None
            got += more
        return got

    def record(self):
        """(kind, request, data), or None at the end."""
        head = self.read(8)
        if not head:
            return None
        _, kind, request, n, padding, _ = struct.unpack('>BBHHBB', head)
        data = self.read(n + padding)
        return kind, request, data[:n]

    def answer(self):
        """A whole request's answer, or None when the connection is closed."""
        out = b''
        while True:
            r = self.record()
            if r is None:
                return None
            kind, _, data = r
            if kind == STDOUT:
                out += data
            elif kind == END:
                return Reply(out, data[4]) if out else Reply(
                    b'Status: 0\r\n\r\n', data[4])

    def close(self):
        self.s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Reply(talk.Answer):
    def __init__(self, out, protocol_status):
        head, self.body = out.split(b'\r\n\r\n', 1)
        lines = head.decode().split('\r\n')
        self.headers = {k.lower(): v for k, v in (
            line.split(': ', 1) for line in lines)}
        self.status = int(self.headers['status'].split()[0])
        self.protocol_status = protocol_status
