#!/bin/bash
# A batch over two simulated clouds and real servers on this machine: rolled out, a command run there, and all of it
# taken back when the last step fails.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
e2e_need_lab
lab=flow-$$
at_exit() { [ ! -d "$work/batch/site" ] || "$prov" -w "$work/batch/site" destroy --yes >/dev/null 2>&1; }
cp -r "${PROV_SOURCE:-$here/../..}/workspaces/batch" "$work/batch"
cd "$work/batch" || exit 1
cat >site/prov.yaml <<EOF
name: $lab
EOF
cat >site/infra.yaml <<'EOF'
providers: { local: {} }
defaults: { provider: local, image: debian-12 }
networks: { lan: { cidr: 10.77.61.0/24 } }
servers: { front: { network: "${network.lan}" } }
outputs: { front: "${server.front.ip}" }
EOF
cat >workflows/real.yaml <<'EOF'
kind: workflow
api: 1
name: real
summary: The rollout, a command on its server, and a last step that is told how to end
inputs: { last: { type: string, required: true } }
on_failure: rollback
steps:
  - name: rollout
    workflow: rollout
  - name: uname
    run: server exec
    workspace: site
    with: { name: front, command: [uname, -n] }
    needs: [rollout]
    outputs: { name: "${result.stdout}" }
  - name: last
    run: server exec
    workspace: site
    with: { name: front, command: ["${inputs.last}"] }
    needs: [uname]
outputs:
  name: ${steps.uname.outputs.name}
  front: ${steps.rollout.outputs.front}
EOF
run 0 workflow validate
run 0 workflow run real --yes --input last=true
has "10.77.61."
has "front"
run 1 workflow run real --yes --input last=false
has "rolled back"
has "'server exec' ended with exit code 1"
[ -z "$(find east west -path '*/world/*' -type f ! -path '*/calls/*')" ] || fail "the clouds are not empty"
run 0 -w site state list -o name
[ ! -s "$work/out" ] || fail "left in the site: $(cat "$work/out")"
e2e_end
