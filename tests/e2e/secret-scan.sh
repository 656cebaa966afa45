#!/bin/bash
# prov secret scan: leaks in files, in what is staged and in the history; baseline, comments, what is not looked at. gitleaks
# judges the forms when GITLEAKS names one, or it is on the PATH.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
command -v git >/dev/null || { echo "SKIP: no git"; exit 77; }
. "$here/../support/e2e.sh"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=a@example.org
export GIT_AUTHOR_DATE=2026-01-02T03:04:05+00:00
body=a7Kq2Zr9a7Kq2Zr9a7Kq2Zr9a7Kq2Zr9a7Kq
token=ghp_$body
gitlab=glpat-${body:0:20}
key="AKI"AQ7ZKQ7ZKQ7ZKQ7ZK
hidden() { # no output shows a secret
    ! grep -qF -e "${body:0:12}" -e "${key:4}" "$work/out" || fail "a secret is shown: $(cat "$work/out")"
}
hasnt() { ! grep -qF -- "$1" "$work/out" || fail "'$1' in: $(cat "$work/out")"; }
commit() { git add -A && git commit -qm "$1"; }

# A folder without git.
mkdir "$work/plain" && cd "$work/plain" || exit 1
mkdir -p sub .prov
printf 'one\ntwo %s\n' "$token" >sub/a.txt
printf '%s\n' "$token" >.prov/state
run 1 secret scan
has "sub/a.txt:2:5: a GitHub token: ghp_... (40 characters) (github-token)"
has "1 leak in 1 file"
hidden
run 0 secret scan .prov --max-size 10
run 4 secret scan nothing

# A repository: the same leak once, the oldest commit, what is in the files and what only in the history.
mkdir "$work/repo" && cd "$work/repo" || exit 1
git init -q -b main .
run 0 secret scan
has "0 leaks in 0 files"
printf 'x\n' >a.txt && commit first
printf 'x\ny\n"%s"\n' "$token" >a.txt && commit second
second=$(git rev-parse HEAD)
printf 'head\nx\ny\n"%s"\n' "$token" >a.txt
printf '%s\n' "$token" >'b "odd" ä.txt'
commit third
git checkout -q -b side
printf '1\n2\n3\n4 %s\n' "$key" >gone.txt && commit "on a branch"
side=$(git rev-parse HEAD)
git checkout -q main
printf 'y: %s\n' "$gitlab" >later.txt && commit later
git rm -q later.txt && commit "taken away"
run 1 secret scan
has "a.txt:4:2: a GitHub token"
has "since ${second:0:12}  2026-01-02T03:04:05+00:00  Ann <a@example.org>"
has "gone.txt:4:3: an AWS access key: AKIA... (20 characters), only in the history"
has "since ${side:0:12}"
has "later.txt:1:4: a GitLab token"
has "3 leaks in 2 files and 5 commits"
hidden
[ "$(grep -c 'a GitHub token' "$work/out")" -eq 1 ] || fail "a leak is told twice"
run 1 secret scan --no-history
has "1 leak in 2 files"
run 1 secret scan 'b "odd" ä.txt'
has 'b "odd" ä.txt:1:1: a GitHub token'
has "1 leak in 1 file and 1 commit"
run 1 secret scan -o json
python3 - "$work/out" <<'PY' || fail "the JSON is not what it should be"
import json, sys
v = json.load(open(sys.argv[1]))
v = v.get("findings") and v or v["value"]
assert v["found"] == 3 and v["commits"] == 5, v
assert [f["where"] for f in v["findings"]] == ["files", "history", "history"], v
assert v["findings"][0]["count"] >= 3 and len(v["findings"][0]["hash"]) == 64, v
PY
hidden
run 1 secret scan --format sarif
python3 -c 'import json,sys; r=json.load(open(sys.argv[1]))["runs"][0]; assert len(r["results"])==3; ids=[x["id"] for x in r["tool"]["driver"]["rules"]]; assert all(ids[x["ruleIndex"]]==x["ruleId"] for x in r["results"])' "$work/out" ||
    fail "no SARIF: $(cat "$work/out")"
hidden

# The baseline: known leaks do not count, new ones do; it holds no secret.
run 0 secret scan --update-baseline --reason "test data"
! grep -qF "${body:0:12}" .prov-secrets-baseline.json || fail "a secret is in the baseline"
cp .prov-secrets-baseline.json one.json
run 0 secret scan
has "0 leaks (and 3 known)"
hasnt "a GitHub token"
run 0 secret scan --all
has "known: test data"
printf 'new: hv%s.%s\n' s "${body:0:24}" >new.txt
run 1 secret scan
has "new.txt:1:6: a Vault token"
has "1 leak (and 3 known)"
run 0 secret scan --update-baseline --reason second
[ "$(grep -c "test data" .prov-secrets-baseline.json)" -eq 3 ] && grep -q second .prov-secrets-baseline.json ||
    fail "reasons are lost: $(cat .prov-secrets-baseline.json)"
run 1 secret scan --baseline one.json
printf '{' >bad.json
run 1 secret scan --baseline bad.json
has "bad.json"
rm new.txt bad.json one.json .prov-secrets-baseline.json

# What is not looked at: ignored files, binary ones, large ones, links, lines with the comment.
printf 'ignored.txt\n' >.gitignore
printf '%s\n' "$gitlab-1" >ignored.txt
{ printf 'sk_%s' live_"${body:0:24}"; printf '\0\1'; } >binary.bin
{ head -c 1100000 /dev/zero | tr '\0' x; printf '\nnpm_%s\n' "$body"; } >large.txt
printf 'k: npm_%s # prov:allow-secret\n' "$body" >allowed.txt
ln -s "$work/plain/sub/a.txt" link.txt
run 1 secret scan --no-history
has "1 leak in 4 files"
run 1 secret scan --no-history --max-size 2MiB
has "large.txt:2:1: an npm token"

# Staged lines only.
rm large.txt binary.bin
git add -A && run 0 secret scan --staged
printf 'z %s\n' "$gitlab" >>a.txt
run 0 secret scan --staged
git add a.txt && run 1 secret scan --staged
has "a.txt:5:3: a GitLab token"
hasnt "a GitHub token"
git reset -q && git checkout -q a.txt

# What .sops.yaml says is encrypted.
printf 'creation_rules:\n  - path_regex: ^conf/.*\\.yaml$\n    kms: arn:aws:kms:eu-1:1:key/1\n  - age: age1x\n' >.sops.yaml
mkdir conf && printf 'a: b\n' >conf/a.yaml && printf 'a: b\n' >conf/b.txt
run 1 secret scan --no-history conf
has "conf/a.yaml:1:1: .sops.yaml says that it is encrypted, and it is in plain text"
has "1 leak in 2 files"
printf 'creation_rules: {}\n' >.sops.yaml
run 1 secret scan --no-history conf
has "creation_rules"

# gitleaks finds what prov finds, in the forms that both know.
gitleaks=${GITLEAKS:-$(command -v gitleaks)}
if [ -n "$gitleaks" ]; then
    mkdir "$work/forms"
    PROV_FORMS=$work/forms "$prov" internal lua "$here/../support/leak_forms.lua" || fail "no examples"
    (cd "$work/forms" && "$gitleaks" dir . --no-banner -f json -r "$work/report.json" >/dev/null 2>&1)
    both=$(python3 -c 'import json,sys; print(len({x["File"] for x in json.load(open(sys.argv[1]))}))' "$work/report.json")
    echo "gitleaks finds $both of $(find "$work/forms" -type f | wc -l) examples of forms"
    [ "$both" -ge 20 ] || fail "gitleaks finds only $both examples"
else
    echo "SKIP 1: no gitleaks (GITLEAKS=path)"
fi
e2e_end
