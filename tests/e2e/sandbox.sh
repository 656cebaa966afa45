#!/bin/bash
# Hostile Lua through the real binary: infra files and rules that would hang, eat the machine or get out end in an error
# with file and line, also those that catch errors, and say so to programs too.
set -u
. "$(dirname "$0")/../support/e2e.sh"
prov=${PROV:?path of the prov binary}

mkdir -p "$work/shop/rules"
cd "$work/shop" || exit 1
echo "name: shop" >prov.yaml

# attack CHUNK TEXT: an infra.lua of that, on its second line, is stopped with that text.
attack() {
    local started=$SECONDS
    printf -- '-- attack\n%s\n' "$1" >infra.lua
    run 1 validate
    has "$2"
    has "infra.lua"
    grep -q "bug" "$work/out" && fail "a bug: $(cat "$work/out")"
    [ $((SECONDS - started)) -lt 30 ] || fail "$((SECONDS - started)) s for: $1"
}

attack 'while true do end' 'infra.lua:2: stopped after 200 million instructions'
attack 'while true do pcall(function() while true do end end) end' 'infra.lua:2: stopped after 200 million instructions'
attack 'return ("a"):rep(5000):find((".*"):rep(12) .. "b")' 'stopped after 200 million instructions'
attack 'local s = "x" while true do s = s .. s end' 'infra.lua:2: stopped: a text would be longer than 64 MiB'
attack 'local t = {} while true do pcall(function() t[#t + 1] = ("x"):rep(6e7) end) end' 'infra.lua:2: stopped after'
attack 'error(setmetatable({}, { __tostring = function() while true do end end }))' 'stopped after 200 million instructions'
attack 'local t = {} table.move(t, 1, math.maxinteger - 1, 2)' 'infra.lua:2: stopped after 200 million instructions'
attack 'local a, b = ("x"):rep(3e7), ("x"):rep(3e7) while true do local c = a == b end' 's of processor time'
attack 'local t = {} for i = 1, 60 do t = { a = t, b = t } end return { servers = t }' 'the result is larger than 256 MiB'
attack 'local t = {} t.t = t return { servers = t }' 'servers.t.t.t: the result holds itself'
attack 'return { servers = setmetatable({}, { __index = function() while true do end end }) }' 'may have no metatable'
attack 'os.execute("touch owned")' "infra.lua:2: there is no function 'os.execute'"
attack 'load("x = 1")()' "infra.lua:2: 'load' is not defined"
attack 'return { outputs = { x = string.dump(function() end) } }' "'dump'"
[ -e owned ] && fail "an infra file wrote a file"

# Functions in place of fields: the first that hangs is the last that runs.
cat >infra.lua <<'LUA'
local function hang() while true do end end
local servers = {}
for i = 1, 300 do
  servers["s" .. i] = { provider = "demo", label = hang }
end
return { servers = servers }
LUA
run 1 validate
has "infra.lua:1: stopped after 1 million instructions"

# The limits are settings, and errors are data.
echo 'while true do end' >infra.lua
PROV_SANDBOX_INSTRUCTIONS=5000000 run 1 validate
has "infra.lua:1: stopped after 5 million instructions"
PROV_SANDBOX_INSTRUCTIONS=5000000 run 1 validate -o json
has '"code":"limit"'
has '"line":1'

# Rules.
echo 'return { servers = {} }' >infra.lua
echo 'return { { id = "x", kinds = { "server" }, summary = "x", check = function() end }, while true do end }' >rules/x.lua
run 1 validate
has "rules/x.lua"
echo 'while true do pcall(function() while true do end end) end' >rules/x.lua
run 1 validate
has "rules/x.lua:1: stopped after 10 million instructions"

e2e_end
