#!/bin/sh
# prov at simulated clouds: beside OpenTofu, against what their limits allow, and what a look at 10,000 things costs.
#   prov bench clouds peers [SERVERS [KILLS]]     (200 and 20; peers.py)
#   prov bench clouds limits [SERVERS [CLOUD ...]]    (1000 and all of them; limits.py)
#   prov bench clouds refresh [THINGS [CLOUD ...]]    (10000 and all of them; refresh.py)
#   PROV=path LIMIT=1800    what is measured; seconds after which a command is stopped
#   PARTS=kills SPEED=1    of peers: speed, kills or both; how fast time passes in the world where tools are killed (20)
#   TOFU=path HCLOUD_PROVIDER=path    of a built terraform-provider-hcloud: without it OpenTofu is left out
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
part=${1:-}
if [ ! -f "$here/$part.py" ] || [ "$part" = kit ]; then
    echo "usage: prov bench clouds peers|limits|refresh [NUMBER ...]" >&2
    exit 2
fi
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
WORK=$work PROV=${PROV:-$root/build/test-release/bin/prov} python3 "$here/$part.py" "$@"
