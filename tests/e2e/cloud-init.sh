#!/bin/bash
# Who logs in to a real server of a simulated cloud, with which host key: as cloud-init itself makes it of the same user
# data. Debian's packages of cloud-init are unpacked, not installed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
for tool in apt-get dpkg jq; do
    command -v "$tool" >/dev/null || { echo "SKIP: no $tool"; exit 77; }
done
cd "$work" || exit 1
packages="cloud-init python3-jsonpatch python3-json-pointer python3-configobj python3-oauthlib python3-jsonschema python3-yaml"
# shellcheck disable=SC2086
apt-get download $packages >apt.log 2>&1 || { echo "SKIP: cloud-init cannot be had: $(tail -1 apt.log)"; exit 77; }
for package in *.deb; do dpkg -x "$package" judge; done
export PYTHONPATH=$work/judge/usr/lib/python3/dist-packages
/usr/bin/python3 -c 'import cloudinit.config.cc_ssh, cloudinit.distros.debian' 2>python.log ||
    { echo "SKIP: cloud-init does not run: $(tail -1 python.log)"; exit 77; }

a="ssh-ed25519 AAAAa a@x" b="ssh-rsa BBBB" c="ecdsa-sha2-nistp256 CCCC c"
cases=0
same() { # same USER KEY...: both make the same of the user data that is read
    local data
    data=$(mktemp -p "$work")
    cat >"$data"
    /usr/bin/python3 "$here/../support/simulate/cloud_init.py" "$@" <"$data" 2>python.log | jq -S . >theirs
    PROV_DEV=1 PROV_ROOT=$PROV_SOURCE "$prov" internal lua "$here/../support/simulate/cloud_init.lua" "$@" \
        <"$data" 2>lua.log | jq -S . >ours
    [ -s theirs ] || fail "cloud-init makes nothing of it: $(cat "$data" python.log)"
    diff theirs ours >differ || fail "of $* and $(cat "$data") cloud-init makes another thing: $(cat differ lua.log)"
    cases=$((cases + 1))
}

for user in admin root; do
    same "$user" "$a" </dev/null
    same "$user" "$a" "$b" <<<'#!/bin/sh
ssh_authorized_keys: [a b]'
    same "$user" <<<"#cloud-config
ssh_authorized_keys: [$a, $b]"
    same "$user" "$a" <<<"#cloud-config
disable_root: $([ "$user" = root ] && echo true || echo false)
users: [default, { name: deploy, gecos: A B, groups: [www-data, ops], sudo: ALL=(ALL) ALL, shell: /bin/bash,
  ssh_authorized_keys: [$b, $c] }]"
    same "$user" "$a" <<<"#cloud-config
users:
  - name: one
    groups: adm, sudo
    sudo: ['ALL=(ALL) NOPASSWD:ALL', 'ALL=(www-data) ALL']
    homedir: /srv/one
    primary_group: users
    ssh-authorized-keys: $b
  - two
  - { name: root, ssh_authorized_keys: [$c] }"
    same "$user" "$a" <<<"#cloud-config
users: default, three
ssh_keys:
  ed25519_private: |
    PRIVATE
    KEY
  ed25519_public: $a"
    same "$user" "$a" <<<"#cloud-config
users: []"
done

# What prov's provider sends, beside the user's own, and what others make with MIME.
cat >provider.lua <<'END'
package.path = arg[1] .. "/providers/aws/?.lua;" .. package.path
io.write(require("user_data").make({ arg[2] }, { private = "PRIVATE\nKEY\n", public = "ssh-ed25519 AAAAhost" }, io.read("a")))
END
made() { # made: the user data of the provider, with the user's own that are read
    PROV_DEV=1 PROV_ROOT=$PROV_SOURCE "$prov" internal lua provider.lua "$PROV_SOURCE" "$a"
}
same admin "$b" < <(made </dev/null)
same admin "$b" < <(made <<<'#!/bin/sh
true')
same admin "$b" < <(made <<<"#cloud-config
disable_root: true
users: [default, { name: deploy, ssh_authorized_keys: [$c] }]
ssh_authorized_keys: [$c]
ssh_keys: { ed25519_private: other, ed25519_public: other }")
mime() { # mime MERGE_TYPE: two parts of cloud-config, as Python sends them
    /usr/bin/python3 - "$1" "$a" "$b" <<'END'
import sys
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
out = MIMEMultipart()
for key, name in ((sys.argv[2], "first"), (sys.argv[3], "second")):
    part = MIMEText(f"#cloud-config\nssh_authorized_keys: [{key}]\nusers: [default, {name}]\n", "cloud-config", "utf-8")
    if sys.argv[1]:
        part.add_header(*sys.argv[1].split(": "))
    out.attach(part)
print(out.as_string())
END
}
for how in "" "Merge-Type: list(append)+dict(recurse_list)+str()" "Merge-Type: list(append)+dict(no_replace,recurse_list)+str()" \
    "X-Merge-Type: list()+dict(no_replace)+str()" "Merge-Type: list(append)+dict(replace)+str()"; do
    same admin < <(mime "$how")
done
echo "$cases user data"
e2e_end
