"""What lies in the tree, and C without its comments. Shared by the lints."""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get('LLMGW_BUILD', TOP + '/build')

# Folders and files that a build, a run or a package manager makes.
MADE_FOLDERS = re.compile(
    r'^(build.*|var|\.git|autom4te\.cache|node_modules|__pycache__|'
    r'\.cache|\.libs|\.deps)$')
MADE_FILES = re.compile(
    r'^(\.git|configure~?|config\.h\.in~?|aclocal\.m4|Makefile\.in|.*\.(o|a|pyc))$')


def files(*under, ext=None):
    """Paths relative to the top, sorted; ext: endings such as '.c'."""
    found = []
    for root in under or ('.',):
        for folder, folders, names in os.walk(os.path.join(TOP, root)):
            folders[:] = [f for f in folders if not MADE_FOLDERS.match(f)]
            found += [os.path.relpath(os.path.join(folder, n), TOP)
                      for n in names if not MADE_FILES.match(n)]
    return sorted(f for f in set(found) if not ext or f.endswith(ext))


def text(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as f:
        return f.read()


def is_text(path):
    with open(os.path.join(TOP, path), 'rb') as f:
        head = f.read(65536)
    if b'\0' in head:
        return False
    try:
        head[:60000].decode('utf-8', 'strict')
    except UnicodeDecodeError as e:
        return e.end >= 59990
    return True


_C = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                re.S)


def code(path):
    """C source, comments and what is quoted blanked; lines stay where they
    are. An #include keeps its name."""
    def blank(m):
        s = m.group(0)
        if s[0] == '"' and src.rfind('#include', src.rfind('\n', 0, m.start())
                                     + 1, m.start()) >= 0:
            return s
        return re.sub(r'[^\n]', ' ', s) if s[0] == '/' else '""'
    src = text(path)
    return _C.sub(blank, src)


class Report:
    """Collects problems; end() prints them and leaves with 0 or 1."""

    def __init__(self):
        self.n = 0

    def bad(self, path, line, what):
        self.n += 1
        print('%s:%d: %s' % (path, line, what))

    def search(self, path, source, pattern, what):
        for m in re.finditer(pattern, source, re.M):
            self.bad(path, source.count('\n', 0, m.start()) + 1, what)

    def note(self, what):
        print('# ' + what)

    def end(self):
        sys.exit(1 if self.n else 0)
