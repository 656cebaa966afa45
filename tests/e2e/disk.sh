#!/bin/bash
# A disk that is full, a disk that is read-only, a state file that is damaged: clear errors, nothing committed is
# lost, and work goes on when the cause is gone.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}

[ "$(id -u)" -eq 0 ] || { echo "SKIP: not root, so nothing can be mounted"; exit 77; }
if [ -z "${DISK_INSIDE:-}" ]; then # what is mounted goes with the namespace
    unshare -m true 2>/dev/null || { echo "SKIP: no mount namespaces here"; exit 77; }
    DISK_INSIDE=1 exec unshare -m --propagation private bash "$0"
fi
. "$here/../support/e2e.sh"

export PROV_PATH=$here/../support/extensions
disk=$work/disk
mkdir "$disk" "$work/world"
at_exit() { cd / && umount "$disk"; }
mount -t tmpfs -o size=640k tmpfs "$disk" || { echo "SKIP: no tmpfs can be mounted"; exit 77; }
cd "$disk" || exit 1
"$prov" workspace new shop >/dev/null 2>&1 && cd shop || exit 1

infra() { # infra COUNT: so many things, with labels of a kilobyte
    {
        echo "providers: { folder: { dir: $work/world } }"
        echo "defaults: { provider: folder }"
        echo "things: { t: { count: $1, label: \"$(printf 'x%.0s' $(seq 1000))\" } }"
    } >infra.yaml
}

infra 5
run 0 apply --yes

# Full: the rest of the disk goes to a file.
infra 200
dd if=/dev/zero of="$disk/filler" bs=4k 2>/dev/null
run 1 apply --yes
has "the disk is full"
run 0 state check
run 0 state list
[ "$("$prov" state list -o name | wc -l)" -ge 5 ] || fail "lost on a full disk: $("$prov" state list -o name)"
for verb in rekey compact; do
    run 1 state $verb --yes
    grep -qE "the disk is full|no space left" "$work/out" || fail "$verb on a full disk: $(cat "$work/out")"
done
rm "$disk/filler"
left=$(find .prov -name 'state.mdb-new*' -o -name 'state.mdb-swap*')
[ -z "$left" ] || fail "left behind: $left"

# It fills up in the middle of an apply; everything that was made is known after it.
mount -o remount,size=900k "$disk"
run 1 apply --yes
has "the disk is full"
run 0 state check
mount -o remount,size=32m "$disk"
run 0 apply --yes
[ "$("$prov" state list -o name | wc -l)" -eq 200 ] || fail "not everything is recorded"
[ "$(find "$work/world" -type f | wc -l)" -eq 200 ] || fail "made twice or lost: $(find "$work/world" -type f | wc -l)"
run 0 plan --detailed-exitcode

# Read-only.
mount -o remount,ro "$disk"
for command in "status" "state list" "state check" "state history" "state graph --format svg" "state show thing.t[1]"; do
    # shellcheck disable=SC2086
    run 0 $command
done
for command in "apply" "state rekey" "state compact" "state rm thing.t[1]"; do
    # shellcheck disable=SC2086
    run 5 $command --yes
    grep -qi "read-only" "$work/out" || fail "$command: $(cat "$work/out")"
done
mount -o remount,rw "$disk"
run 0 plan --detailed-exitcode

# Damaged: no command ends by a signal or hangs, the check names the place, a backup brings all back.
run 0 state backup "$work/copy.mdb"
cp .prov/state.mdb "$work/good.mdb"
python3 "$here/../support/damage.py" "$prov" "$disk/shop" "$work/good.mdb" 40 || fail "see above"
rm -f .prov/state.mdb-lock
dd if=/dev/urandom of=.prov/state.mdb bs=4096 seek=2 count=60 conv=notrunc 2>/dev/null
run 1 state check
run 0 state recover "$work/copy.mdb" --yes
run 0 state check
run 0 plan --detailed-exitcode
e2e_end
