"""The report: a table for each case, and the targets with their verdicts."""

import statistics

REFERENCE = "lighttpd"
PLAIN = "llmgw"  # what the one with everything on is compared with


def number(v, digits=0):
    if v is None:
        return "-"
    return f"{v:,.{digits}f}".replace(",", " ")


def per(row, key, by):
    n = row.get(by) or 0
    return row[key] / n if n and row.get(key) else None


class Table:
    def __init__(self, rows):
        self.rows = rows
        self.by = {(r["case"], r["peer"]): r for r in rows}
        self.cases = list(dict.fromkeys(r["case"] for r in rows))

    def get(self, case, peer, key):
        return self.by.get((case, peer), {}).get(key)

    def beside(self, row, peer, key):
        """Pairs of a figure of both peers, one of each round."""
        other = self.by.get((row["case"], peer), {})
        mine, theirs = (r.get("rounds", {}).get(key) or [r.get(key)]
                        for r in (row, other))
        if None in mine or None in theirs or len(mine) != len(theirs):
            return []
        return list(zip(mine, theirs))

    def ratio(self, row, peer):
        parts = [m / t for m, t in self.beside(row, peer, "rps") if t]
        return statistics.median(parts) if parts else None

    def added(self, row, key, peer="direct"):
        more = [m - t for m, t in self.beside(row, peer, key)]
        return statistics.median(more) if more else None

    # --- columns -------------------------------------------------------------

    def loop_row(self, r):
        return [r["peer"], number(r.get("rps")),
                number(self.ratio(r, "direct"), 2),
                number(self.ratio(r, REFERENCE), 2),
                number(r.get("p50_us")), number(self.added(r, "p50_us")),
                number(r.get("p90_us")), number(r.get("p99_us")),
                number(per(r, "gateway_cpu_us", "all"), 1),
                number(per(r, "web_cpu_us", "all"), 1),
                number(r["errors"]), number(r.get("others", 0) * 100, 1)]

    LOOP = ["peer", "req/s", "x direct", "x lighttpd", "p50 us", "added",
            "p90 us", "p99 us", "CPU us/req", "web CPU", "errors", "others %"]

    def stream_row(self, r):
        return [r["peer"], number(r.get("ttft_p50_us")),
                number(self.added(r, "ttft_p50_us")),
                number(r.get("ttft_p99_us")), number(r.get("gap_p50_us")),
                number(r.get("gap_p99_us")),
                number(per(r, "gateway_cpu_us", "chunks"), 1),
                number(per(r, "web_cpu_us", "chunks"), 1),
                number(per(r, "gateway_memory_kb", "streams"), 1),
                number(per(r, "web_memory_kb", "streams"), 1),
                number(r.get("open_max")), number(r["errors"])]

    STREAM = ["peer", "TTFT p50 us", "added", "p99 us", "gap p50 us",
              "gap p99 us", "CPU us/chunk", "web CPU", "KB/stream", "web KB",
              "at once", "errors"]

    @staticmethod
    def layout(head, lines):
        width = [max(len(x[i]) for x in [head] + lines)
                 for i in range(len(head))]

        def line(cells):
            return "| " + " | ".join(
                c.ljust(w) if i == 0 else c.rjust(w)
                for i, (c, w) in enumerate(zip(cells, width))) + " |"

        rule = "|" + "|".join(
            "-" * (w + 2) if i == 0 else "-" * (w + 1) + ":"
            for i, w in enumerate(width)) + "|"
        return "\n".join([line(head), rule] + [line(x) for x in lines])

    def case(self, name):
        rows = [r for r in self.rows if r["case"] == name]
        is_stream = name.startswith("streams")
        good = [r for r in rows if "failed" not in r]
        head = self.STREAM if is_stream else self.LOOP
        lines = [(self.stream_row if is_stream else self.loop_row)(r)
                 for r in good]
        text = f"### {name}\n\n" + self.layout(head, lines) if lines else \
            f"### {name}\n"
        for r in rows:
            if "failed" in r:
                text += f"\n{r['peer']}: failed: {r['failed']}"
            elif r["errors"]:
                kinds = {k: v for k, v in r.get("error_kinds", {}).items()
                         if v}
                text += (f"\n{r['peer']}: {r['errors']} errors: {kinds}"
                         f" last status {r.get('last_bad_status')}")
        return text + "\n"

    # --- targets -------------------------------------------------------------

    def full_facts(self, peer):
        """With everything on, beside the same gateway without."""
        for case in self.cases:
            row = self.by.get((case, peer))
            if row and "rounds" in row and case != "throughput-1":
                yield (case, f"{case}: part of {PLAIN}'s req/s, at least 0.80",
                       self.ratio(row, PLAIN), 0.8, True)
        one = "throughput-1"
        yield (one, f"1 connection: p50 us more than {PLAIN}'s, at most 60",
               self.added(self.by.get((one, peer), {"case": one}), "p50_us",
                          PLAIN), 60, False)

    def facts(self, peer):
        """Rows: case, what, figure, limit, whether larger is better."""
        if peer == "llmgw-full":
            yield from self.full_facts(peer)
            return
        c64 = "throughput-64"
        mine, one = self.by.get((c64, peer), {"case": c64}), "throughput-1"
        s, b = "streams-1000", "body-100KB-to-"
        row = self.by.get((s, peer), {})
        added = self.added(self.by.get((one, peer), {"case": one}), "p50_us")
        allowed = self.added(
            self.by.get((one, REFERENCE), {"case": one}), "p50_us")
        yield (c64, "64 connections: part of lighttpd mod_proxy's req/s",
               self.ratio(mine, REFERENCE), 1, True)
        yield (c64, "64 connections: times Portkey's req/s, at least 10",
               self.ratio(mine, "portkey"), 10, True)
        yield (one, "1 connection: added p50 us, at most 2 x lighttpd "
               "mod_proxy's", added,
               2 * allowed if allowed is not None else None, False)
        yield (s, "1 000 streams: added TTFT p50 us",
               self.added(row, "ttft_p50_us") if row else None, 2000, False)
        yield (s, "1 000 streams: CPU us per chunk in the responder",
               per(row, "gateway_cpu_us", "chunks"), 12, False)
        yield (s, "1 000 streams: KB per stream in the responder",
               per(row, "gateway_memory_kb", "streams"), 32, False)
        yield ("", "5 000 streams: errors",
               self.get("streams-5000", peer, "errors"), 0, False)
        for dialect, words, limit in (("openai", "same dialect", 200),
                                      ("anthropic", "to Anthropic", 300)):
            yield (b + dialect,
                   f"100 KB prompt, {words}: CPU us in the responder",
                   per(self.by.get((b + dialect, peer), {}),
                       "gateway_cpu_us", "all"), limit, False)

    def targets(self, peer):
        lines = []
        for case, what, figure, limit, more in self.facts(peer):
            if figure is None or limit is None:
                verdict = "not measured"
            elif self.get(case, peer, "errors"):
                verdict = "NOT met: errors"
            elif figure >= limit if more else figure <= limit:
                verdict = "met"
            else:
                verdict = "NOT met"
            lines.append([what, number(figure, 2), number(limit, 2), verdict])
        return f"### targets: {peer}\n\n" + self.layout(
            ["target", "measured", "limit", "verdict"], lines) + "\n"

    def text(self, ours):
        parts = [self.case(c) for c in self.cases]
        parts += [self.targets(p) for p in ours]
        return "\n".join(parts)
