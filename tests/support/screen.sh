# shellcheck shell=bash
# Sourced behind e2e.sh by scripts that look at a terminal as a person does: a program on a screen of tmux.

command -v tmux >/dev/null || { echo "SKIP: tmux is not installed" && exit 77; }
screen_socket=${work:?}/tmux

at_exit() { tmux -S "$screen_socket" kill-server 2>/dev/null || :; }

# on_screen COLUMNS COMMAND: starts it on a screen of 24 lines.
on_screen() {
    tmux -S "$screen_socket" -f /dev/null new-session -d -s screen -x "$1" -y 24 "exec $2 2>&1" || fail "tmux"
}

# screen: what can be read now.
screen() { tmux -S "$screen_socket" capture-pane -p -t screen | sed 's/ *$//'; }

# keys ARGUMENT...: types, as tmux send-keys says.
keys() { tmux -S "$screen_socket" send-keys -t screen "$@"; }

# shows WHAT PATTERN: the screen comes to show it.
shows() {
    for _ in $(seq 100); do
        screen | grep -qE -- "$2" && return
        sleep 0.1
    done
    fail "$1: no /$2/ on the screen:"
    screen
}

# leaves: Ctrl-D ends the program.
leaves() {
    keys C-d
    for _ in $(seq 100); do
        tmux -S "$screen_socket" has-session -t screen 2>/dev/null || return
        sleep 0.1
    done
    fail "Ctrl-D does not leave"
}
