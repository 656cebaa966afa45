#!/bin/bash
# install.sh: install, again, interrupted, uninstall, package; nothing of it touches another place.
set -u
here=$(cd "$(dirname "$0")" && pwd)
source=${PROV_SOURCE:-$here/../..}
. "$here/../support/e2e.sh"
unset PROV_DEV PROV_ROOT PREFIX

# A copy, so that the folder under test is not built in while other suites run.
mkdir "$work/tree" "$work/calls"
tar -C "$source" --exclude=./build --exclude=./.git --exclude=.prov -cf - . | tar -C "$work/tree" -xf -
cd "$work/tree" || exit 1

# Everything is installed already: these must not be called.
mkdir "$work/bin"
for name in apt-get sudo; do
    printf '#!/bin/sh\necho "%s $*" >>%s/calls/log\nexit 100\n' "$name" "$work" >"$work/bin/$name"
    chmod +x "$work/bin/$name"
done
PATH=$work/bin:$PATH

first=$work/prefix
mkdir -p "$first/bin" && touch "$first/bin/other"
install() { # install PREFIX [COMMAND]
    PREFIX=$1 ./install.sh "${@:2}" >"$work/log" 2>&1
}

install "$first" || fail "install.sh fails: $(tail -5 "$work/log")"
[ "$(wc -l <"$work/log")" -le 12 ] || fail "it says more than a line a step: $(cat "$work/log")"
version=$("$first/bin/prov" --version) || fail "the installed program does not start"
for file in share/prov/providers share/prov/taskservs share/prov/workspaces share/man/man1 \
    share/bash-completion/completions/prov share/zsh/site-functions/_prov \
    share/fish/vendor_completions.d/prov.fish lib/prov/libprov-net.so lib/prov/libprov-crypto.so \
    lib/prov/libprov-net_server.so lib/prov/libprov-data_xml.so share/doc/prov/copyright share/doc/prov/docs/guides/infra.md; do
    [ -e "$first/$file" ] || fail "$file is not installed"
done
bash -n "$first/share/bash-completion/completions/prov" || fail "the bash completion is not bash"
(cd / && "$first/bin/prov" provider list -o name | grep -q local) ||
    fail "the installed program does not find its providers"
(cd / && "$first/bin/prov" internal lua /dev/stdin <<<'require("core.net") require("core.crypto")') ||
    fail "the installed program does not find its libraries"
find "$first" -name '*.prov-new' | grep . && fail "temporary files stay"

find "$first" -type f ! -path '*/bin/other' | sort >"$work/files"
install "$first" || fail "the second install fails: $(tail -5 "$work/log")"
find "$first" -type f ! -path '*/bin/other' | sort | diff "$work/files" - || fail "the second install differs"
[ ! -e "$work/calls/log" ] || fail "with every package there it calls $(cat "$work/calls/log")"

# A file that the next version no longer has goes away with the upgrade.
touch "$first/share/prov/providers/gone.lua"
echo share/prov/providers/gone.lua >>"$first/share/prov/install-manifest"
install "$first" || fail "the third install fails"
[ ! -e "$first/share/prov/providers/gone.lua" ] || fail "a file of an older version stays"

# Interrupted anywhere: the old version works, or the new one does; nothing is between.
set -m
for delay in 0.05 0.15 0.25 0.35 0.45 0.6 0.8 1.0; do
    for prefix in "$first" "$work/fresh"; do
        PREFIX=$prefix ./install.sh >"$work/log" 2>&1 &
        pid=$!
        sleep "$delay"
        kill -INT -- "-$pid" 2>/dev/null
        wait "$pid"
        find "$prefix" -name '*.prov-new' 2>/dev/null | grep . && fail "temporary files stay after $delay s"
        if [ -e "$prefix/bin/prov" ]; then
            [ "$("$prefix/bin/prov" --version)" = "$version" ] || fail "half a program after $delay s"
            grep -v '/$' "$prefix/share/prov/install-manifest" | while read -r file; do
                [ -e "$prefix/$file" ] || echo "$file"
            done | grep . && fail "files are missing after $delay s"
        else
            [ ! -e "$prefix" ] || fail "a piece stays after $delay s: $(find "$prefix")"
        fi
        rm -rf "$work/fresh"
    done
done
set +m
ls -d "$TMPDIR"/tmp.* 2>/dev/null && fail "staging folders stay"

install "$work/fresh" && install "$work/fresh" uninstall || fail "it cannot go where nothing was"
[ ! -e "$work/fresh" ] || fail "uninstall leaves a folder that install made"
install "$first" uninstall || fail "uninstall fails: $(cat "$work/log")"
[ "$(cd "$first" && find . | sort | tr '\n' ' ')" = ". ./bin ./bin/other " ] ||
    fail "uninstall leaves or takes something: $(find "$first")"
install "$first" uninstall || fail "uninstalling nothing fails"

# The package: holds what the installation holds, depends on what it links with, runs.
if command -v dpkg-deb >/dev/null; then
    PREFIX='' ./install.sh package >"$work/log" 2>&1 || fail "package fails: $(tail -5 "$work/log")"
    deb=$(ls build/prov_*.deb)
    depends=$(dpkg-deb -f "$deb" Depends)
    for library in libc6 libuv1 libssh-4 libcurl libssl3 liblmdb0 libyaml libjansson; do
        case $depends in *"$library"*) ;; *) fail "the package does not depend on $library: $depends" ;; esac
    done
    dpkg-deb -x "$deb" "$work/root"
    [ "$("$work/root/usr/bin/prov" --version)" = "$version" ] || fail "the packaged program does not start"
    (cd / && "$work/root/usr/bin/prov" provider list -o name | grep -q local) ||
        fail "the packaged program does not find its providers"
    [ -e "$work/root/usr/share/zsh/vendor-completions/_prov" ] || fail "no zsh completion in the package"
    ls "$work/root/usr/share/man/man1/"prov*.1* >/dev/null || fail "no man page in the package"
fi

# Words for those it cannot serve.
./install.sh nonsense >"$work/log" 2>&1
[ $? -eq 2 ] || fail "a wrong command is not a usage error"
if [ "$(id -u)" -eq 0 ]; then
    printf 'ID=plan9\nVERSION_ID=4\nPRETTY_NAME="Plan 9"\n' >"$work/os-release"
    unshare -m sh -c "mount --bind '$work/os-release' /etc/os-release && ./install.sh" >"$work/log" 2>&1 &&
        fail "it claims to support Plan 9"
    grep -q 'Plan 9 is not one of Debian 12' "$work/log" || fail "no clear word on Plan 9: $(cat "$work/log")"
fi

e2e_end
