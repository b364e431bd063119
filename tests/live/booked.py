"""What the ledger says against what the mock provider has counted, call by call.

Both know a call by the id of its request, which is in its prompt as well. The
rules are those of meter/booking.h.
"""
import collections
import json

Row = collections.namedtuple(
    'Row', 'id began attempt state status prompt completion cost estimated')
COLUMNS = ('request_id, began, attempt, state, status, prompt, completion,'
           ' cost, is_estimated')
Call = collections.namedtuple('Call', 'prompt completion is_complete')

LOST = ('lost', 'unsure')


def rows_of(lines):
    """Of a SELECT of COLUMNS; None or NULL: not known."""
    return [Row(r[0], int(r[1]), int(r[2]), r[3], *(
        None if v in ('NULL', None) else int(v) for v in r[4:]))
        for r in lines]


def calls_of(mock, id_pattern, most):
    """Request's id -> its calls, in the order in which the provider got them."""
    seen = collections.defaultdict(list)
    assert mock.stats()['requests'] <= most, 'the mock has forgotten some'
    for call in mock.last(most, brief=True):
        found = id_pattern.search(json.dumps(call))
        if found:
            seen[found.group(0)].append(Call(
                call['prompt_tokens'], call['completion_tokens'],
                call['is_complete']))
    return seen


class Truth:
    """`pairs`: each row of a call that was asked, with the provider's view.
    `nobody`: rows of which nothing is known at the provider, and need not."""

    def __init__(self, rows, seen):
        self.rows, self.seen = rows, seen
        self.pairs, self.nobody = [], []
        by_id = collections.defaultdict(list)
        for r in sorted(rows, key=lambda r: (r.began, r.attempt)):
            by_id[r.id].append(r)
        self.wrong = []
        for id in set(by_id) | set(seen):
            self.match(by_id[id], seen.get(id, []))

    def match(self, rows, calls):
        """As many rows as calls. The one exception is an unsure row: its worker
        died in the instant of the call that hands a request over."""
        sent = [r for r in rows if r.state != 'not_sent']
        self.nobody += [r for r in rows if r.state == 'not_sent']
        if len(sent) > len(calls):
            self.nobody += [r for r in sent if r.state == 'unsure']
            sent = [r for r in sent if r.state != 'unsure']
        if len(sent) != len(calls):
            self.wrong.append((rows, calls))
        else:
            self.pairs += zip(sent, calls)

    def check(self, nano):
        """nano: nano-dollars of a token, by the row's field."""
        assert not self.wrong, '%d: %s' % (len(self.wrong), self.wrong[:5])
        for r in self.nobody:
            if r.state == 'not_sent':
                assert (r.prompt, r.completion, r.cost, r.estimated) == (
                    0, 0, 0, 0), r
        for r, call in self.pairs:
            self.check_pair(r, call)
            if r.state != 'failed':
                assert r.cost == sum(getattr(r, k) * nano[k] for k in nano), r

    def check_pair(self, r, call):
        """Exact where the provider has told its count; else the prompt's
        estimate, which for these prompts is the provider's own rule, and of
        the output not more than was generated."""
        assert r.prompt == call.prompt, (r, call)
        if r.estimated:
            assert r.state != 'ok', r
            assert 0 <= r.completion <= call.completion, (r, call)
        else:
            assert r.completion == call.completion, (r, call)
            assert call.is_complete, (r, call)

    def estimated(self):
        return [(r, c) for r, c in self.pairs if r.estimated]

    def unsure(self):
        return [r for r in self.rows if r.state == 'unsure']

    def count(self):
        """Of states; of those lost apart which were exact all the same."""
        n = collections.Counter(r.state for r in self.rows)
        n['lost, exact'] = len([r for r in self.rows if r.state in LOST
                                and not r.estimated])
        return dict(n)

    def check_sums(self, stats):
        """What is missing in the ledger is missing in estimated rows only."""
        unknown = [r for r in self.nobody if r.state == 'unsure']
        missing = sum(c.completion - r.completion for r, c in self.estimated())
        asked = [r for r in self.rows if r.state != 'not_sent']
        assert stats['requests'] == sum(map(len, self.seen.values()))
        assert len(asked) - len(unknown) == stats['requests']
        assert sum(r.prompt or 0 for r in asked) - sum(
            r.prompt or 0 for r in unknown) == stats['prompt_tokens']
        assert sum(r.completion or 0 for r in asked) + missing \
            == stats['completion_tokens']
        return missing

    def tell(self, stats):
        missing = self.check_sums(stats)
        asked = [r for r in self.rows if r.state != 'not_sent']
        print('#| %d rows: %s' % (len(self.rows), self.count()))
        print('#| the provider saw %d calls, %d prompt and %d completion'
              ' tokens; the ledger has %d rows of calls, %d and %d' % (
                  stats['requests'], stats['prompt_tokens'],
                  stats['completion_tokens'], len(asked),
                  sum(r.prompt or 0 for r in asked),
                  sum(r.completion or 0 for r in asked)))
        print('#| %d completion tokens are missing in %d rows of killed'
              ' workers, whose usage had not come; all else is exact; of %d'
              ' unsure rows the provider knows %d' % (
                  missing, len(self.estimated()), len(self.unsure()),
                  len(self.unsure()) - len(
                      [r for r in self.nobody if r.state == 'unsure'])))
