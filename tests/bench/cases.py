"""What is measured. Each case gives rows: {case, peer, figures...}."""

import json
import os
import re
import statistics
import subprocess

import proc

CONNECTIONS = (1, 16, 64, 256)
# name, streams, alias of the model, ramp, streams one after another, and turns
STREAMS = (
    ("streams-500", 500, "s20", 1, 3, 1),
    ("streams-1000", 1000, "s20", 1, 3, 3),
    ("streams-2000", 2000, "s20", 2, 3, 1),
    ("streams-5000", 5000, "s200", 5, 1, 1),
)
BODIES = (("0.2KB", 200), ("4KB", 4096), ("100KB", 100 << 10),
          ("1MB", 1 << 20))
CHUNKS = 100
# Turns of each peer in a case with a closed loop, and the share of the machine
# that others may have in one of them before its round is done again.
ROUNDS = 9
QUIET = 0.05
MIDDLE = ("rps", "mean_us", "others")
HIGHEST = ("last_bad_status", "open_max")
# Figures of a round that are compared with the same round of another peer.
BY_ROUND = ("rps", "p50_us", "others")

PIECE = ("The function `load()` returns \"None\" when the file is missing;\n"
         "\tsee line 42 of caf\u00e9.py \u2014 it should raise. Then: "
         "for i in range(10): print(i, end=' ')\n")


def prompt(size):
    """Messages of about this many bytes, like an agent's: turns of code."""
    messages = [{"role": "system", "content": "You are a careful helper."}]
    turn = 2000
    while size > turn:
        role = "assistant" if len(messages) % 2 == 0 else "user"
        text = (PIECE * (turn // len(PIECE) + 1))[:turn]
        messages.append({"role": role, "content": text})
        size -= turn + 150  # escapes and keys
    if len(messages) % 2 == 0:
        messages.append({"role": "assistant", "content": "Go on."})
    messages.append({"role": "user",
                     "content": (PIECE * 12)[:max(1, size - 130)]})
    return messages


def disturbance(turns):
    return max(out["others"] for out in turns.values())


def merged(outs):
    """One row of several rounds: the middle of each figure, the highest where
    the highest was asked for, sums of what was counted."""
    row = {"rounds": {k: [o.get(k) for o in outs] for k in BY_ROUND}}
    for key in {k for o in outs for k in o}:
        values = [o[key] for o in outs if key in o]
        if isinstance(values[0], dict):
            row[key] = {k: sum(v.get(k, 0) for v in values) for k in values[0]}
        elif isinstance(values[0], str):
            row[key] = values[0]
        elif re.search(r"(^|_)p\d\d_us$", key) or key in MIDDLE:
            row[key] = statistics.median(values)
        elif key in HIGHEST or key.endswith(("max_us", "memory_kb")):
            row[key] = max(values)
        else:
            row[key] = sum(values)
    return row


class Cases:
    def __init__(self, bench):
        self.bench = bench
        self.rows = []
        self.only = []

    def wanted(self, case):
        return not self.only or any(
            case == o or case.startswith(o + "-") for o in self.only)

    # --- one run of loadgen ---------------------------------------------

    def body(self, peer, alias, dialect, size, stream):
        inbound = dialect
        if dialect == "anthropic" and peer.name != "direct":
            inbound = "openai"
        doc = {"model": peer.model(alias, dialect), "max_tokens": 256,
               "messages": prompt(size)}
        if inbound == "anthropic":
            doc["system"] = doc["messages"].pop(0)["content"]
        if stream:
            doc["stream"] = True
        path = os.path.join(self.bench.dir, f"{peer.name}.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(doc, f, ensure_ascii=False)
        return path

    def load(self, peer, alias, options, dialect="openai", size=200,
             stream=False, limit=60, core=None):
        argv = proc.BATCH + ([] if core is None else
                             ["taskset", "-c", str(core)])
        argv += [self.bench.loadgen, "--to", f"127.0.0.1:{peer.port}",
                "--path", peer.path(dialect),
                "--body", self.body(peer, alias, dialect, size, stream)]
        for h in peer.headers(dialect):
            argv += ["--header", h]
        argv += [str(o) for o in options]
        try:
            done = subprocess.run(argv, stdout=subprocess.PIPE, timeout=limit,
                                  check=True)
            return json.loads(done.stdout)
        except (subprocess.SubprocessError, ValueError) as e:
            return {"failed": str(e)[:200], "errors": 1, "requests": 0}

    def measured(self, peer, alias, options, **more):
        """A run with CPU and memory of the peer's processes beside it."""
        groups = peer.groups()
        peak = proc.Peak(groups)
        before = {k: proc.cpu_us(p) for k, p in groups.items()}
        peak.start()
        out = self.load(peer, alias, options, **more)
        memory = peak.finish()
        for k, pids in groups.items():
            out[f"{k}_cpu_us"] = proc.cpu_us(pids) - before[k]
            out[f"{k}_memory_kb"] = memory[k]
        return out

    def turn(self, peer, *args, how=proc.ANYWHERE, **more):
        """Measured, and how busy others kept the machine meanwhile; it ends
        when the peer's processes rest, so the next one has its cores."""
        others = proc.Others()
        load, mock = peer.place(proc.ANYWHERE if self.bench.floats else how)
        proc.place([self.bench.mock.pid], mock)
        out = self.measured(peer, *args, core=load, **more)
        out["others"] = others.share()
        proc.rest([p for g in peer.groups().values() for p in g], peer.pause)
        return out

    def warm(self, peer, alias, **more):
        self.load(peer, alias, ["--connections", 8, "--requests", 500],
                  **more)

    def add(self, case, peer, out, **more):
        row = dict(out, case=case, peer=peer.name, **more)
        self.rows.append(row)
        self.bench.note(row)

    # --- cases ------------------------------------------------------------

    def rounds(self, case, peers, n, turn):
        """Rounds in which each of the peers has one turn, in changing order.
        One in which others kept the machine busy is done again, 2 n at most;
        the n with the least of that count, for all peers the same."""
        done = []
        while len(done) < 2 * n and \
                sum(disturbance(r) <= QUIET for r in done) < n:
            turns = {}
            for peer in peers if len(done) % 2 == 0 else peers[::-1]:
                self.bench.say(f"{case} {peer.name}")
                turns[peer] = turn(peer)
            done.append(turns)
            if disturbance(turns) > QUIET:
                self.bench.say("   others used "
                               f"{disturbance(turns):.0%} of the machine")
        done.sort(key=disturbance)
        return done[:n]

    def closed_loop(self, case, alias, connections, peers=None, rounds=None,
                    seconds=1.0, **more):
        """Rows of medians over the rounds; the rounds themselves are kept,
        since one peer is compared with another round by round."""
        if not self.wanted(case):
            return
        rounds = rounds or self.bench.rounds
        options = ["--connections", connections, "--duration",
                   f"{int(300 + seconds * 1000)}ms", "--warmup", "300ms"]
        peers = self.bench.up() if peers is None else peers
        done = self.rounds(
            case, peers, rounds,
            lambda peer: self.turn(peer, alias, options, **more))
        for peer in peers:
            outs = [r[peer] for r in done]
            self.add(case, peer, merged(outs), connections=connections)

    def throughput(self):
        for c in CONNECTIONS:
            self.closed_loop(
                f"throughput-{c}", "tiny", c,
                how=proc.TOGETHER if c == 1 else proc.ANYWHERE)

    def delay(self):
        self.closed_loop("delay-1000x50ms", "delay50", 1000,
                         rounds=min(3, self.bench.rounds), seconds=2.5)

    def streams(self, case, n, alias, ramp, in_a_row, turns):
        gap = int(alias[1:]) / 1000
        if self.bench.quick:
            in_a_row = turns = 1
        options = ["--streams", n, "--ramp", f"{ramp}s", "--rounds", in_a_row,
                   "--expect", CHUNKS, "--timeout", "60s"]
        limit = ramp + in_a_row * (CHUNKS * gap + 30) + 30

        def turn(peer):
            # a fresh process: memory kept from an earlier turn would hide
            # what the streams of this one take
            peer.down()
            if not peer.up():
                raise RuntimeError(f"{peer.name}: {peer.missing}")
            self.warm(peer, "tiny")
            return self.turn(peer, alias, options, stream=True, limit=limit,
                             how=proc.APART)

        peers = self.bench.up()
        done = self.rounds(case, peers, turns, turn)
        for peer in peers:
            self.add(case, peer, merged([r[peer] for r in done]), streams=n)

    def bodies(self):
        for dialect in ("openai", "anthropic"):
            peers = [p for p in self.bench.up()
                     if dialect == "openai" or p.translates]
            for label, size in BODIES:
                self.closed_loop(f"body-{label}-to-{dialect}", "tiny", 4,
                                 peers, dialect=dialect, size=size)

    def run(self, only):
        self.only = only
        for peer in self.bench.up():  # code is compiled, files are read
            self.warm(peer, "tiny")
        self.throughput()
        self.delay()
        self.bodies()
        for name, n, alias, ramp, in_a_row, turns in STREAMS:
            if self.bench.quick and not only and n != 1000:
                continue
            if self.wanted(name):
                self.streams(name, n, alias, ramp, in_a_row, turns)
