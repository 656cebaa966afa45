#!/bin/bash
# --target confines plan, apply and destroy to what is named and what it needs; the rest stays as it is.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
e2e_both_ways

state_is() {
    local have
    have=$("$prov" state list -o name | tr '\n' ' ')
    [ "$have" = "$1 " ] || fail "the state has $have, not $1"
}

"$prov" workspace new "$work/ws" >/dev/null 2>&1 && cd "$work/ws" || exit 1
cat >infra.yaml <<'YAML'
defaults: { provider: demo }
networks: { lan: {}, other: {} }
servers:
  web: { count: 3, network: "${network.lan}" }
  db: { network: "${network.other}", lifecycle: { prevent_destroy: true } }
items: { note: { value: "${server.web[1].ip}" } }
outputs: { note: "${item.note.id}" }
YAML
run 0 apply --yes --target item.note
has "Only for item.note, and what that needs."
state_is "item.note network.lan server.web[1]"
run 0 apply --yes --target server.web
state_is "item.note network.lan server.web[1] server.web[2] server.web[3]"
run 3 plan --detailed-exitcode
has "2 to create"
run 0 plan --detailed-exitcode --target 'server.w*'
has "No changes"
run 0 plan --out part.plan --target server.db
run 0 apply --plan part.plan
run 0 plan --detailed-exitcode

# What is no longer wanted goes when it is named, with what hangs on it and goes too; other changes wait.
sed -i '/^items/d; /^outputs/d; s/count: 3/count: 2/' infra.yaml
run 3 plan --detailed-exitcode --target item.note
has "1 to delete"
run 0 apply --yes --target item.note
state_is "network.lan network.other server.db server.web[1] server.web[2] server.web[3]"
run 5 destroy --yes
run 0 destroy --yes --target network.lan
state_is "network.other server.db"
run 4 plan --target server.wbe
has "did you mean"
e2e_end
