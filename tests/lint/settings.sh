#!/bin/sh
# Every setting of prov itself is read by code, and code reads none that is not declared.
. "$(dirname "$0")/../support/lint.sh"

"${PROV:?}" internal lua tests/lint/settings.lua | sed '$d' | verdict "see lua/prov/config/keys.lua"
