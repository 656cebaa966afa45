#!/bin/bash
# The configuration: layers, environments, changes in files that keep their comments.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

cd "$work" || exit 1
run 0 workspace new shop
cd shop || exit 1
mkdir config
cat >config/prov.yaml <<'YAML'
# what this workspace wants
parallelism: 10   # not more

ssh: { keepalive: 5s } # they sleep early
YAML

run 0 config get parallelism
has 10
PROV_PARALLELISM=20 run 0 config get parallelism
has 20
run 0 config set parallelism 30
run 0 config set ssh.patience 2m
run 0 config set server.default_image debian-13
cat >want.yaml <<'YAML'
# what this workspace wants
parallelism: 30   # not more

ssh: { keepalive: 5s, patience: 2m } # they sleep early
server:
  default_image: debian-13
YAML
cmp -s want.yaml config/prov.yaml || fail "config/prov.yaml: $(cat config/prov.yaml)"
run 0 config explain ssh.patience
has "config/prov.yaml:4"
run 0 config get ssh.patience
has 120

# Several at once, through a link: none is lost, and the file stays as private as it was.
mv config/prov.yaml "$work/kept.yaml"
chmod 600 "$work/kept.yaml"
ln -s "$work/kept.yaml" config/prov.yaml
for one in "step_timeout 5m" "run_timeout 2h" "log_level info" "on_failure continue" "ui.failures 3" "http.timeout 9s"; do
    # shellcheck disable=SC2086
    "$prov" config set $one >/dev/null &
done
wait
[ "$(grep -cE '^(step_timeout: 5m|run_timeout: 2h|log_level: info|on_failure: continue)$|^  (failures: 3|timeout: 9s)$' \
    config/prov.yaml)" -eq 6 ] || fail "a setting is lost: $(cat config/prov.yaml)"
[ -L config/prov.yaml ] || fail "the link is a file now"
[ "$(stat -c %a "$work/kept.yaml")" = 600 ] || fail "the file is not private any more"
rm config/prov.yaml
mv "$work/kept.yaml" config/prov.yaml
for one in step_timeout run_timeout log_level on_failure ui.failures http.timeout; do run 0 config unset "$one"; done

# The name of an environment is no path.
for one in ../up a/b .x; do
    PROV_ENV=$one run 2 config set ui.rows 40
    has "cannot be the name of an environment"
done
[ ! -e up-defaults.yaml ] || fail "written outside of config"

# An environment, below the workspace and above the user.
PROV_ENV=prod run 0 config set ui.rows 40
[ -f config/prod-defaults.yaml ] || fail "no file for the environment: $(ls config)"
PROV_ENV=prod run 0 config get ui.rows
has 40
run 0 config get ui.rows
has 12
cat >config/test-defaults.toml <<'TOML'
# few
[ui]
rows = 3 # lines
TOML
PROV_ENV="test" run 0 config get ui.rows
has 3
PROV_ENV="test" run 0 config set ui.failures 5
printf '# few\n[ui]\nrows = 3 # lines\nfailures = 5\n' | cmp -s - config/test-defaults.toml ||
    fail "test-defaults.toml: $(cat config/test-defaults.toml)"
PROV_ENV=prod run 0 config diff test
has "ui.rows"
has "ui.failures"
run 0 config set --user ui.rows 7
PROV_ENV="test" run 0 config set parallelism 5
has "parallelism stays 30: the layer 'workspace' is stronger than 'env-defaults'"
PROV_ENV="test" run 0 config unset parallelism
run 0 config get ui.rows
has 7
run 0 config unset --user ui.rows
run 4 config unset --user ui.rows
has "does not set ui.rows"

# What is wrong is said, and nothing is written.
before=$(cat config/prov.yaml)
run 1 config set parallelism many
has "expected an integer"
run 4 config set paralelism 3
has "did you mean 'parallelism'?"
[ "$before" = "$(cat config/prov.yaml)" ] || fail "a refused change was written"
# shellcheck disable=SC2016 # for prov
printf 'parallelism: 0\nshh: { port: 1 }\nlog_level: ${log_format}\nlog_format: ${log_level}\n' >config/prov.yaml
run 1 config validate
has "config/prov.yaml:1:"
has "config/prov.yaml:2:"
has "log_format -> log_level -> log_format"

# Out and in again.
printf '%s\n' "$before" >config/prov.yaml
run 0 config export
cp "$work/out" exported.yaml
run 0 config export env
grep -q "^PROV_PARALLELISM='30'$" "$work/out" || fail "export env: $(cat "$work/out")"
run 0 config export toml
grep -q '^parallelism = 30$' "$work/out" || fail "export toml: $(cat "$work/out")"
cp exported.yaml config/prov.yaml
run 0 config diff
[ "$(grep -c '^[a-z]' "$work/out")" -eq 4 ] || fail "not the four settings: $(cat "$work/out")"

# A flag of the command line, the settings of operations, and what an editor did.
cat >infra.yaml <<'YAML'
defaults: { provider: demo }
networks: { lan: {}, wan: {} }
YAML
run 0 config set flags.plan.target '[network.lan]'
run 0 plan
has "1 to create"
run 0 plan --target network.wan --target network.lan
has "2 to create"
run 0 config schema
grep -q '"patience"' "$work/out" || fail "no schema of ssh.patience"
e2e_end
