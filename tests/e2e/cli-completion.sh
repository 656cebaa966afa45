#!/bin/bash
# Completion in real shells: bash always, zsh and fish where they are installed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

mkdir -p "$work/bin"
ln -s "$prov" "$work/bin/prov"
export PATH=$work/bin:$PATH
cd "$work" || exit 1
prov workspace new shop >/dev/null || fail "workspace new"
cat >shop/infra.yaml <<'YAML'
providers: { demo: {} }
defaults: { provider: demo }
servers: { web: { count: 2 }, db: {} }
YAML
prov apply --yes -q >/dev/null || fail "apply"

for shell in bash zsh fish; do
    prov completion $shell >"$work/complete.$shell" || fail "prov completion $shell"
done

# in_bash LINE: what TAB at the end of the line offers, sorted, on one line.
in_bash() {
    bash --noprofile --norc -c '
        source "$1"
        COMP_LINE=$2
        COMP_POINT=${#COMP_LINE}
        # Words as bash breaks them before it calls a completion function.
        COMP_WORDS=() rest=$COMP_LINE
        while [[ -n $rest ]]; do
            if [[ $rest =~ ^[[:space:]]+ ]]; then :
            elif [[ $rest =~ ^[=:@]+ ]]; then COMP_WORDS+=("${BASH_REMATCH[0]}")
            else [[ $rest =~ ^[^[:space:]=:@]+ ]]; COMP_WORDS+=("${BASH_REMATCH[0]}")
            fi
            rest=${rest:${#BASH_REMATCH[0]}}
        done
        [[ $COMP_LINE == *[[:space:]] ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _prov
        printf "%s\n" "${COMPREPLY[@]}" | LC_ALL=C sort | paste -sd" "
    ' complete "$work/complete.bash" "$1" 2>&1
}

expect() { # expect LINE WORDS: TAB behind the line offers exactly the words
    local got
    got=$(in_bash "$1")
    [ "$got" = "$2" ] || fail "bash: '$1' offers '$got', not '$2'"
}

expect "prov works" "workspace"
expect "prov workspace " "delete list new show use"
expect "prov server st" "start stop"
expect "prov apply --on-f" "--on-failure"
expect "prov apply --on-failure " "continue rollback stop"
expect "prov apply --on-failure=s" "stop"
expect "prov -o y" "yaml"
expect "prov workspace use " "shop"
expect "prov server show d" "db"
expect "prov server show w" "web[1] web[2]"
expect "prov state show server.w" "server.web[1] server.web[2]"
expect "prov provider show de" "demo"
expect "prov config get col" "color"
expect "prov help works" "workspace"
expect "prov nonsense " ""
expect "prov server exec db -- l" ""

# The real thing: a shell on a terminal, the keys of a person, the screen it draws.
on_terminal() { # on_terminal KEYS WANT COMMAND...
    python3 - "$@" <<'PY'
import os, pty, select, sys, time
keys, want, command = sys.argv[1].encode().decode("unicode_escape").encode(), sys.argv[2], sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="vt100", PS1="READY> ", COLUMNS="120", LINES="40")
    os.execvp(command[0], command)
seen = b""
def read(until, seconds):
    global seen
    end = time.time() + seconds
    while time.time() < end and until not in seen:
        if select.select([fd], [], [], 0.05)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                return
read(b"READY> ", 15)
seen = b""
os.write(fd, keys)
read(want.encode(), 15)
os.close(fd)
os.kill(pid, 9)
os.waitpid(pid, 0)
if want.encode() not in seen:
    print(repr(seen[-800:]))
    sys.exit(1)
PY
}

on_terminal 'source complete.bash\nprov workspace u\t' 'prov workspace use ' \
    bash --noprofile --norc -i || fail "bash on a terminal"
if command -v zsh >/dev/null; then
    mkdir -p "$work/zfunc"
    cp "$work/complete.zsh" "$work/zfunc/_prov"
    printf 'fpath=(%s $fpath)\nautoload -Uz compinit\ncompinit -u -D\nPS1="READY> "\n' "$work/zfunc" >"$work/.zshrc"
    ZDOTDIR=$work on_terminal 'prov workspace u\t' 'prov workspace use' zsh -i || fail "zsh: a command"
    ZDOTDIR=$work on_terminal 'prov server show d\t' 'prov server show db' zsh -i || fail "zsh: a server"
else
    echo "SKIP: no zsh"
fi
if command -v fish >/dev/null; then
    got=$(fish --no-config -c "source $work/complete.fish; complete -C 'prov server sh'" | cut -f1 | paste -sd' ')
    [ "$got" = show ] || fail "fish offers '$got', not 'show'"
    got=$(fish --no-config -c "source $work/complete.fish; complete -C 'prov server show d'" | cut -f1 | paste -sd' ')
    [ "$got" = db ] || fail "fish offers '$got', not 'db'"
else
    echo "SKIP: no fish"
fi
e2e_end
