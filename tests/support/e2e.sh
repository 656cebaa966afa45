# Sourced by the end-to-end scripts: a private HOME and folders, what a script may count on, cleaning.
# Scripts call fail, define at_exit when they must clean up, and end with e2e_end.

work=$(mktemp -d)
export HOME=$work/home XDG_CONFIG_HOME=$work/home/.config XDG_DATA_HOME=$work/home/.local/share
export XDG_STATE_HOME=$work/home/.local/state XDG_CACHE_HOME=$work/home/.cache
export TMPDIR=$work/tmp TZ=UTC LC_ALL=C.UTF-8 NO_COLOR=1
mkdir -p "$HOME" "$TMPDIR"
failures=0

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

e2e_clean() {
    if declare -F at_exit >/dev/null; then at_exit; fi
    rm -rf "$work"
}
trap e2e_clean EXIT
trap 'exit 130' INT TERM

e2e_end() {
    exit $((failures > 0))
}

# Real servers need root, overlayfs and namespaces; without them the script is skipped, with the reason.
e2e_need_lab() {
    [ "$(id -u)" -eq 0 ] || { echo "SKIP: not root, so there are no local servers"; exit 77; }
    grep -qw overlay /proc/filesystems || { echo "SKIP: no overlayfs"; exit 77; }
    command -v mmdebstrap >/dev/null || { echo "SKIP: no mmdebstrap to build the base image"; exit 77; }
}

# What a lab could leave behind: mounts, namespaces, links, cgroups, processes, folders.
leftovers() {
    grep -c "$PROV_LAB_MARK" /proc/mounts
    find /run/prov/netns -mindepth 1 2>/dev/null | wc -l
    find /sys/fs/cgroup -type d -path '*prov*' 2>/dev/null | wc -l
    find /var/lib/prov/local -mindepth 3 -maxdepth 3 2>/dev/null | wc -l
    ip -o link 2>/dev/null | wc -l
    pgrep -cf 'prov internal lab' || true
}
PROV_LAB_MARK=/prov/
