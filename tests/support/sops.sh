# shellcheck shell=bash
# Sourced by the end-to-end scripts that ask sops, whose files prov's have to be; before e2e.sh, which has a HOME of its own.

sops_version=v3.13.2
sops_kept=${XDG_CACHE_HOME:-$HOME/.cache}/prov-test/sops-$sops_version
sops_modules=$(go env GOMODCACHE 2>/dev/null) sops_objects=$(go env GOCACHE 2>/dev/null)

# sops_program: a sops is in $sops: the one that SOPS names, that of PATH, or one that go builds once and keeps (SOPS_BUILD=0
# builds none: it takes over a gigabyte of modules). 1 when there is none, with the reason in $why.
sops_program() {
    sops=${SOPS:-$(command -v sops)}
    [ -z "$sops" ] || return 0
    why="SOPS names no sops"
    [ "${SOPS_BUILD:-1}" != 0 ] || return 1
    command -v go >/dev/null || { why="$why, and there is no go to build one"; return 1; }
    mkdir -p "$sops_kept"
    exec 9>"$sops_kept/lock"
    flock 9 # for two scripts at once
    if [ ! -x "$sops_kept/sops" ]; then
        GOBIN=$sops_kept GOMODCACHE=$sops_modules GOCACHE=$sops_objects GOTOOLCHAIN=local GOFLAGS=-modcacherw timeout 900 nice \
            go install "github.com/getsops/sops/v3/cmd/sops@$sops_version" >"${work:?a folder}/go.log" 2>&1
    fi
    exec 9>&-
    # shellcheck disable=SC2034 # of the script
    [ -x "$sops_kept/sops" ] && sops=$sops_kept/sops || why="sops cannot be built: $(tail -1 "$work/go.log")"
    [ -n "$sops" ]
}

real() { "$sops" --disable-version-check "$@"; }
