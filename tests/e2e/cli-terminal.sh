#!/bin/bash
# prov on a terminal: questions, live progress, Ctrl-C once and twice, the REPL.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
unset NO_COLOR

cd "$work" || exit 1
"$prov" workspace new shop >/dev/null || fail "workspace new"
cat >shop/infra.yaml <<'YAML'
providers: { demo: { delay: 500ms } }
defaults: { provider: demo }
networks: { lan: {} }
servers: { web: { count: 15, network: "${network.lan}" } }
YAML

cat >"$work/terminal.py" <<'PY'
"""Runs a program on a terminal of 80 columns; the script says what to wait for and what to type."""
import fcntl, os, pty, re, select, struct, sys, termios, time

class Terminal:
    def __init__(self, *command):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            time.sleep(0.1)
            os.execv(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def read(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                self.seen += os.read(self.fd, 65536).decode(errors="replace")
                return True
            except OSError:
                return False
        return True

    def wait(self, pattern, seconds=15):
        end = time.time() + seconds
        while not re.search(pattern, self.seen):
            if time.time() > end or not self.read(0.1):
                sys.exit(f"no /{pattern}/ in {self.seen[-1500:]!r}")
        self.seen = self.seen[re.search(pattern, self.seen).end():]

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def at_prompt(self, keys):
        """Types at the prompt, once the keys are no longer the terminal driver's, which eats ^C, ^D and ^U."""
        self.wait(r"prov> $")
        while termios.tcgetattr(self.fd)[3] & termios.ICANON:
            time.sleep(0.01)
        self.type(keys)

    def end(self):
        limit = time.time() + 30
        while time.time() < limit:
            self.read(0.1)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while self.read(0) and select.select([self.fd], [], [], 0)[0]:
                    pass
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        sys.exit(f"it does not end: {self.seen[-1500:]!r}")

prov = os.environ["PROV"]
PY

python3 - "$work" <<'PY' || fail "questions and progress"
import sys
sys.path.insert(0, sys.argv[1])
from terminal import *
t = Terminal(prov, "apply")
t.wait(r"Apply this plan to workspace ")
t.type("n\n")
assert t.end() != 0, "no is not an error"
t = Terminal(prov, "apply")
t.wait(r"Apply this plan to workspace ")
t.type("y\n")
t.wait(r"\x1b\[\?25l")                       # the cursor goes
t.wait(r"network\.lan creating")
t.wait(r"15 running")
t.wait(r"and 3 more")
t.wait(r"server\.web\[15\] created")
t.wait(r"\x1b\[\?25h")                       # and comes back
t.wait(r"Done")
assert t.end() == 0
t = Terminal(prov, "plan", "--no-progress", "--no-color")
t.wait("No changes")
assert "\x1b[3" not in t.seen
assert t.end() == 0
PY

python3 - "$work" <<'PY' || fail "Ctrl-C"
import sys
sys.path.insert(0, sys.argv[1])
from terminal import *
t = Terminal(prov, "destroy", "--yes")
t.wait(r"deleting")
t.type("\x03")
t.wait(r"Ctrl-C again cancels it")
t.wait(r"\x1b\[\?25h")
assert t.end() == 130
t = Terminal(prov, "destroy", "--yes")       # the rest goes on from there
assert t.end() == 0, t.seen
t = Terminal(prov, "apply", "--yes")
t.wait(r"15 running")
t.type("\x03")
t.wait(r"Ctrl-C again cancels it")
t.type("\x03")
t.wait(r"Ctrl-C again ends at once")
assert t.end() == 130, t.seen
t = Terminal(prov, "apply", "--yes", "-q")   # what was in flight is settled
assert t.end() == 0, t.seen
t = Terminal(prov, "plan", "--detailed-exitcode")
assert t.end() == 0, t.seen
t = Terminal(prov, "apply", "--yes")         # at the question, with nothing begun
t.end()
PY
# Fifteen servers and a network, none twice, none lost.
[ "$("$prov" state list -o name | sort -u | wc -l)" -eq 16 ] || fail "after Ctrl-C: $("$prov" state list -o name)"

python3 - "$work" <<'PY' || fail "credentials"
import sys
sys.path.insert(0, sys.argv[1])
from terminal import *
kept = os.path.expandvars("$XDG_CONFIG_HOME/prov/credentials/hetzner.yaml")
def login(keys):
    t = Terminal(prov, "provider", "login", "hetzner")
    t.wait(r"it is not shown")
    t.type(keys)
    code = t.end()
    assert "sekrit" not in t.seen, t.seen
    return code
assert login("half\x03") != 0
assert not os.path.exists(kept), "kept after Ctrl-C"
assert login("oops\x15sekritx\x7f\n") == 0
assert open(kept).read() == "token: sekrit\n", open(kept).read()
os.remove(kept)
PY

python3 - "$work" <<'PY' || fail "the REPL"
import sys
sys.path.insert(0, sys.argv[1])
from terminal import *
t = Terminal(prov, "repl")
t.at_prompt("1 +\n")
t.wait(r"\.\.\. ")
t.type("41\n")
t.wait(r"42\r\n")
t.at_prompt("prov.workspace.l\t().n\x15#prov.server.list()\n")
t.wait(r"\n15\r\n")
t.at_prompt(":server sh\tweb-3\n")
t.wait(r"address: server\.web\[3\]|server\.web\[3\]")
t.at_prompt("half\x03")
t.at_prompt("prov.destroy{}\n")
t.wait(r"\[y/N\]")
t.type("\x03")
t.at_prompt("error('boo')\n")
t.wait(r"boo\r")
t.at_prompt("\x10\x10\n")                     # history: two back
t.wait(r"\[y/N\]")
t.type("n\n")
t.wait(r"nothing was changed")
t.at_prompt("\x04")
assert t.end() == 0, t.seen
PY

python3 - "$work" <<'PY' || fail "help and mistakes on a terminal"
import sys
sys.path.insert(0, sys.argv[1])
from terminal import *
for words in ["validat"], ["plan", "--nope"], ["help", "nope"]:
    t = Terminal(prov, *words)
    assert t.end() == 2, (words, t.seen)
for words in ["help"], ["help", "config", "set"], ["config", "set", "--help"], ["help", "config"]:
    t = Terminal(prov, *words)
    assert t.end() == 0, (words, t.seen)
    long = [line for line in t.seen.split("\r\n") if len(line) > 80]
    assert not long and "\n" in t.seen, (words, long)
PY
printf '1+1\n:config get output\nprov.config.get("color")\n' | "$prov" repl >"$work/out" 2>&1 || fail "the REPL on a pipe"
printf '2\n"table"\n"auto"\n' | cmp -s - "$work/out" || {
    printf '2\ntable\n"auto"\n' | cmp -s - "$work/out" || fail "the REPL on a pipe: $(cat "$work/out")"
}
printf 'nothing.here\n' | "$prov" repl >/dev/null 2>&1 && fail "the REPL hides an error"
e2e_end
