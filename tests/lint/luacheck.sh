#!/bin/sh
# luacheck over all Lua (.luacheckrc).
. "$(dirname "$0")/../support/lint.sh"
need luacheck

folders=
for folder in lua providers taskservs clusters workspaces tests; do
    [ ! -d "$folder" ] || folders="$folders $folder"
done
# shellcheck disable=SC2086 # a list
exec luacheck -q --no-color --codes $folders
