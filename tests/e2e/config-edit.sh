#!/bin/bash
# `prov config edit` and long results as a person has them, on a screen of tmux.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
. "$here/../support/screen.sh"

cd "$work" || exit 1
"$prov" workspace new shop >/dev/null 2>&1 || fail "workspace new"
cd shop || exit 1
mkdir config
printf '# ours\nparallelism: 10\n' >config/prov.yaml

# An editor that asks on the terminal for a line and adds it.
cat >"$work/editor" <<'END'
#!/bin/sh
printf 'line> '
read -r line
[ -n "$line" ] && printf '%s\n' "$line" >>"$1"
exit 0
END
chmod +x "$work/editor"

on_screen 140 "env VISUAL=$work/editor sh -c '$prov config edit; echo ended \$?; read -r _'"
shows "the editor" '^line> *$'
keys -l 'ssh: { keepalive: soon }' && keys Enter
shows "the mistake" 'config/prov.yaml:3:.*ssh.keepalive: expected a duration'
shows "the question" 'Edit it again\? \[y/N\]'
grep -q soon config/prov.yaml && fail "a mistake was written"
keys -l 'y' && keys Enter
shows "the editor again" 'line> *$'
keys -l '# }' && keys Enter
shows "the question again" '^Edit it again. .y/N. *$'
keys -l 'n' && keys Enter
shows "the end" '^ended 1$'
keys Enter
[ "$(cat config/prov.yaml)" = "# ours
parallelism: 10" ] || fail "the file changed: $(cat config/prov.yaml)"

on_screen_again() {
    tmux -S "$screen_socket" kill-server 2>/dev/null
    on_screen "$@"
}

# What is right is written; a setting names the editor, stronger than VISUAL.
on_screen_again 140 "env VISUAL=false PROV_UI_EDITOR=$work/editor sh -c '$prov config edit; echo ended \$?; read -r _'"
shows "the editor of the settings" '^line> *$'
keys -l 'ssh: { keepalive: 5s }' && keys Enter
shows "the end" '^ended 0$'
keys Enter
grep -qx 'ssh: { keepalive: 5s }' config/prov.yaml || fail "not written: $(cat config/prov.yaml)"
grep -qx '# ours' config/prov.yaml || fail "the comment is gone"

# A pager for what is longer than the screen, and for nothing else.
on_screen_again 140 "env PROV_UI_PAGER='sed s/^/pager:/' sh -c '$prov config show; $prov config show ssh; echo ended; read -r _'"
shows "a long result in the pager" '^pager:'
shows "a short one without it" '^  keepalive  *5s  *workspace'
shows "the end" '^ended$'
keys Enter
e2e_end
