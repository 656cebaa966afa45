#!/bin/bash
# prov secret git-setup: with real git, diffs of SOPS files in plain text, merges and rebases by keys, conflicts, the hook.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
command -v git >/dev/null || { echo "SKIP: no git"; exit 77; }
. "$here/../support/e2e.sh"
unset SOPS_AGE_KEY SOPS_AGE_KEY_CMD SOPS_AGE_RECIPIENTS SOPS_CONFIG
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_EDITOR=true
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
"$prov" age keygen --out "$work/key.txt" >/dev/null
"$prov" age keygen --out "$work/other.txt" >/dev/null
export SOPS_AGE_KEY_FILE=$work/key.txt
to=$("$prov" age keygen --public "$work/key.txt")
other=$("$prov" age keygen --public "$work/other.txt")
mkdir "$work/repo dir" && cd "$work/repo dir" || exit 1
git init -q -b main .

quiet() { "$@" >"$work/out" 2>&1; }
value() { [ "$("$prov" secret get "$1" "$2")" = "$3" ] || fail "$1 $2 is not $3: $("$prov" secret get "$1" "$2")"; }
set_to() { printf '%s' "$3" | "$prov" secret set "$1" "$2" >/dev/null || fail "cannot set $2"; }
line() { grep -F "$2: ENC" "$1"; } # of one value, as it is encrypted
branch() { git checkout -q -b "$1" main; }
commit() { quiet git commit -qam "$1" || fail "commit $1: $(cat "$work/out")"; }

printf 'creation_rules:\n  - path_regex: secrets/.*\n    age: %s\n' "$to" >.sops.yaml
mkdir secrets
printf '# who\none: alpha\ntwo: beta\nkeep: same\nlist:\n  - a\n  - b\ndeep:\n  x: 1\n  y: 2\n' >secrets/a.yaml
printf 'A=one\nB=two\n' >secrets/b.env
printf '{\n\t"a": "one",\n\t"b": "two"\n}\n' >"secrets/c d.json"
printf '[s]\na = one\nb = two\n' >secrets/e.ini
head -c 300 /dev/urandom >secrets/f.bin
for file in secrets/*; do run 0 secret encrypt "$file" --in-place; done
mkdir -p .git/hooks
printf '#!/bin/sh\necho ran >>"%s/hook"\n[ ! -e "%s/refuse" ]\n' "$work" "$work" >.git/hooks/pre-commit
chmod +x .git/hooks/pre-commit
git add -A && git commit -qm start
rm -f "$work/hook"

run 0 secret git-setup
has "pre-commit"
run 0 secret git-setup # twice is once
[ "$(grep -c prov-sops .gitattributes)" -eq 5 ] || fail "attributes: $(cat .gitattributes)"
git check-attr merge "secrets/c d.json" | grep -q prov-sops || fail "no driver for a name with a space"
git add -A && commit attributes
[ -s "$work/hook" ] || fail "the hook that was there did not run"
touch "$work/refuse"
quiet git commit --allow-empty -qm no && fail "what the old hook refuses is committed"
rm "$work/refuse"

# A diff is plain text, for those who have the key.
set_to secrets/a.yaml one gamma
git diff >"$work/diff"
grep -q '^-one: alpha' "$work/diff" && grep -q '^+one: gamma' "$work/diff" || fail "diff: $(cat "$work/diff")"
grep -q 'keep' "$work/diff" && ! grep -q ' keep' "$work/diff" && fail "unchanged values differ"
SOPS_AGE_KEY_FILE=/dev/null git diff | grep -q '^+one: ENC' || fail "no diff without a key"
git checkout -q secrets

# Both sides changed, in lines that follow each other; what nobody changed keeps its bytes.
branch left
set_to secrets/a.yaml one left
set_to secrets/a.yaml deep.x 10
set_to secrets/b.env A left
set_to "secrets/c d.json" a left
set_to secrets/e.ini s.a left
commit left
branch right
set_to secrets/a.yaml two right
set_to secrets/a.yaml deep.z new
run 0 secret set secrets/a.yaml deep.y --delete
set_to secrets/b.env B right
set_to "secrets/c d.json" b right
set_to secrets/e.ini s.b right
commit right
right=$(line secrets/a.yaml two)
git checkout -q left
keep=$(line secrets/a.yaml keep) left=$(line secrets/a.yaml one)
quiet git merge -q --no-edit right || fail "merge: $(cat "$work/out")"
merged() {
    value secrets/a.yaml one left
    value secrets/a.yaml two right
    value secrets/a.yaml keep same
    value secrets/a.yaml deep.x 10
    value secrets/a.yaml deep.z new
    run 4 secret get secrets/a.yaml deep.y
    value secrets/b.env A left
    value secrets/b.env B right
    value "secrets/c d.json" a left
    value "secrets/c d.json" b right
    value secrets/e.ini s.a left
    value secrets/e.ini s.b right
    [ "$(line secrets/a.yaml keep)" = "$keep" ] || fail "an unchanged value has other bytes"
    [ "$(line secrets/a.yaml one)" = "$left" ] || fail "our value has other bytes"
    [ "$(line secrets/a.yaml two)" = "$right" ] || fail "their value has other bytes"
    grep -rqE 'alpha|gamma|: (left|right)' secrets && fail "plain text in the files"
    [ "$("$prov" secret decrypt secrets/a.yaml | head -1)" = "# who" ] || fail "the comment is lost"
}
merged
git checkout -q -b onto left^1
git checkout -q right && git checkout -q -b moved
quiet git rebase -q onto || fail "rebase onto: $(cat "$work/out")"
merged

# A conflict: named, never plain, nothing written.
branch c1
set_to secrets/a.yaml one mine-canary
set_to secrets/a.yaml two mine
commit c1
branch c2
set_to secrets/a.yaml one theirs-canary
commit c2
git checkout -q c1
quiet git merge -q --no-edit c2 && fail "a conflict was merged"
has "both sides changed one"
grep -rq canary "$work/out" secrets && fail "a conflict shows values"
git status --porcelain | grep -q '^UU secrets/a.yaml' || fail "git knows no conflict: $(git status --porcelain)"
value secrets/a.yaml one mine-canary
git merge --abort
run 0 secret git-setup --plain-conflicts
quiet git merge -q --no-edit c2 && fail "a conflict was merged"
grep -q '^<<<<<<< ours' secrets/a.yaml && grep -q '^one: theirs-canary' secrets/a.yaml || fail "no marks: $(cat secrets/a.yaml)"
git add -A
quiet git commit -qm plain && fail "plain text was committed"
has "secrets/a.yaml"
git merge --abort

# A new data key, or who has a key: the side that changed them is the one whose key stays.
branch r1
run 0 secret rotate secrets/a.yaml --add-recipient "$other"
commit rotated
git checkout -q c1
quiet git merge -q --no-edit r1 || fail "merge with a rotation: $(cat "$work/out")"
value secrets/a.yaml one mine-canary
SOPS_AGE_KEY_FILE=$work/other.txt value secrets/a.yaml two mine
git checkout -q -b r2 c2
run 0 secret rotate secrets/a.yaml
commit "rotated too"
quiet git merge -q --no-edit r1 && fail "two rotations were merged"
has "both sides changed who may read it"
git merge --abort

# The hook: files that should be encrypted, and tokens anywhere.
printf 'password: plain\n' >secrets/new.yaml
git add secrets/new.yaml
quiet git commit -qm new && fail "a plain file was committed"
has "sops-plain"
run 0 secret encrypt secrets/new.yaml --in-place
git add secrets/new.yaml && commit "new, encrypted"
printf 'token=%s%s\n' ghp_ a7Kq2Zr9a7Kq2Zr9a7Kq2Zr9a7Kq2Zr9a7Kq >notes.txt
git add notes.txt
quiet git commit -qm token && fail "a token was committed"
has "notes.txt:1:7: a GitHub token: ghp_..."
git rm -qf --cached notes.txt && rm notes.txt

run 0 secret git-setup --remove
grep -q prov-sops .gitattributes .git/config && fail "something is left of the setup"
[ -x .git/hooks/pre-commit ] && ! grep -q prov .git/hooks/pre-commit || fail "the old hook is not back"
e2e_end
