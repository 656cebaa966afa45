#!/bin/sh
# The layer rule: who may include or require whom (docs/STYLE.md).
. "$(dirname "$0")/../support/lint.sh"

{
    # Only core/lua and core/app know Lua.
    files 'core/*.c' 'core/*.h' | grep -v -e '^core/lua/' -e '^core/app/' |
        xargs grep -nE '#include *[<"](lua|lauxlib|lualib|luaconf|luv/luv|lua/[a-z_]*)\.h' /dev/null |
        sed 's/$/   <- Lua outside core\/lua and core\/app/'
    # A module of core uses base and itself.
    files 'core/*.c' 'core/*.h' | grep -v -e '^core/lua/' -e '^core/app/' | while read -r file; do
        module=$(echo "$file" | cut -d/ -f2)
        grep -nE '#include *"[a-z_]+/' "$file" | grep -vE "\"(base|$module)/" |
            sed "s|^|$file:|; s|\$|   <- core/$module may include base and itself|"
    done
    # Extensions get everything from ctx.
    files 'providers/*.lua' 'taskservs/*.lua' 'clusters/*.lua' |
        xargs grep -nE "require *\(? *[\"'](core\.|luv|prov\.|ops\.)|\bio\.(open|popen|lines)|os\.(execute|remove|rename|exit)" /dev/null |
        sed 's/$/   <- an extension uses only what ctx hands it/'
    # Operations do not reach past the domain; the domain does not reach up.
    files 'lua/ops/*.lua' | xargs grep -nE "require *\(? *[\"'](core\.|luv|prov\.face)" /dev/null |
        sed 's/$/   <- operations use prov.*, not core, luv or a face/'
    files 'lua/prov/*.lua' | grep -v -e '^lua/prov/face/' -e '^lua/prov/main.lua$' |
        xargs grep -nE "require *\(? *[\"'](ops\.|prov\.face)" /dev/null |
        sed 's/$/   <- the domain knows neither operations nor faces/'
} | verdict "a layer uses the ones below it, never above"
