#!/bin/sh
# Records the pictures of the README: a plan, a run in the middle, its end, and the diff of a plan.
# Creates the servers of workspaces/quickstart and takes them away again; needs root, tmux, python3.
#   docs/images/record.sh   with prov in PATH
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
cp -r "$here/../../workspaces/quickstart" "$work/quickstart"
rm -rf "$work/quickstart/.prov"
session=prov-pictures-$$
trap 'tmux kill-session -t "$session" 2>/dev/null; prov -w "$work/quickstart" destroy --yes >/dev/null 2>&1; rm -rf "$work"' EXIT

tmux new-session -d -s "$session" -x 100 -y 72 "env PS1='\$ ' sh"
send() { tmux send-keys -t "$session" "$1" Enter; }
screen() { tmux capture-pane -e -p -t "$session"; }
save() { screen | "$here/screen.py" >"$here/$1.svg"; }
await() { # await TEXT: until it is on the screen
    for _ in $(seq 1200); do
        if screen | grep -q "$1"; then return 0; fi
        sleep 0.1
    done
    echo "record.sh: never saw: $1" >&2
    exit 1
}

send "cd $work/quickstart && clear"
sleep 1
send "clear; prov plan"
await "Plan: "
save plan
send "clear; prov apply --yes"
await "installing"
sleep 3
save run
await "url = "
save finished
sed -i 's/count: 2/count: 3/' "$work/quickstart/infra.yaml"
send "clear; prov plan"
await "Plan: "
save change
