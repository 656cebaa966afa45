"""Drives `prov serve vault` with hvac, Vault's client for Python.

    vault_hvac.py ADDRESS DATA

Makes the vault, and prints its keys and the token of root as JSON on the last line.
"""
import json
import sys
import time

import hvac
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, VaultDown

address, data = sys.argv[1:3]
checks = 0


def check(what, ok=True, info=""):
    global checks
    checks += 1
    if not ok:
        print("FAIL:", what, info)
        sys.exit(1)


def refused(kind, fn, *args, **kw):
    try:
        fn(*args, **kw)
    except kind as e:
        return check(fn, True, e)
    check(f"{fn} {args} is not refused")
    sys.exit(f"FAIL: {fn.__name__} {args} {kw} is not refused with {kind.__name__}")


def client(token=None):
    return hvac.Client(url=address, token=token)


# ---- init, seal and unseal ----
c = client()
check("not initialised", not c.sys.is_initialized())
made = c.sys.initialize(secret_shares=5, secret_threshold=3)
refused(InvalidRequest, c.sys.initialize, secret_shares=1, secret_threshold=1)
keys, root = made["keys"], made["root_token"]
c = client(root)
check("sealed", c.sys.is_sealed())
refused(VaultDown, c.secrets.kv.v2.read_secret_version, path="x")
check("progress", c.sys.submit_unseal_key(keys[0])["progress"] == 1)
check("the same counts once", c.sys.submit_unseal_key(keys[0])["progress"] == 1)
check("reset", c.sys.submit_unseal_key(reset=True)["progress"] == 0)
check("unsealed", not c.sys.submit_unseal_keys(keys[2:5])["sealed"])
c.sys.seal()
check("sealed again", c.sys.is_sealed())
c.sys.submit_unseal_key(made["keys_base64"][1])
c.sys.submit_unseal_keys([keys[0], keys[4]])
check("base64 works too", not c.sys.is_sealed())
check("token", c.is_authenticated())
check("health", c.sys.read_health_status(method="GET")["sealed"] is False)

# ---- kv 2 ----
kv = c.secrets.kv.v2
for n in range(1, 4):
    check("version", kv.create_or_update_secret(path="app/db", secret={"n": n})["data"]["version"] == n)
refused(InvalidRequest, kv.create_or_update_secret, path="app/db", secret={"n": 0}, cas=1)
kv.create_or_update_secret(path="app/db", secret={"n": 4, "deep": {"a": 1, "b": 2}}, cas=3)
kv.patch(path="app/db", secret={"more": "x"})
got = kv.read_secret_version(path="app/db")["data"]["data"]
check("patched", got == {"n": 4, "deep": {"a": 1, "b": 2}, "more": "x"}, got)
check("older", kv.read_secret_version(path="app/db", version=2)["data"]["data"] == {"n": 2})
check("list", kv.list_secrets(path="")["data"]["keys"] == ["app/"])
kv.delete_latest_version_of_secret(path="app/db")
refused(InvalidPath, kv.read_secret_version, path="app/db")
kv.undelete_secret_versions(path="app/db", versions=[5])
kv.delete_secret_versions(path="app/db", versions=[1])
kv.destroy_secret_versions(path="app/db", versions=[2])
meta = kv.read_secret_metadata(path="app/db")["data"]
check("metadata", meta["current_version"] == 5 and meta["versions"]["2"]["destroyed"] is True, meta)
c.write("secret/metadata/app/db", max_versions=3, custom_metadata={"team": "a"})
kv.create_or_update_secret(path="app/db", secret={"n": 6})
check("max_versions", sorted(kv.read_secret_metadata(path="app/db")["data"]["versions"]) == ["4", "5", "6"])
check("subkeys", c.read("secret/subkeys/app/db")["data"]["subkeys"] == {"n": None})
kv.configure(max_versions=4, cas_required=True)
refused(InvalidRequest, kv.create_or_update_secret, path="app/db", secret={"n": 7})
kv.configure(cas_required=False)
kv.update_metadata(path="app/short", delete_version_after="1s")
kv.create_or_update_secret(path="app/short", secret={"n": 1})
time.sleep(1.2)
refused(InvalidPath, kv.read_secret_version, path="app/short")
kv.delete_metadata_and_all_versions(path="app/short")
check("a name that needs escapes", kv.create_or_update_secret(path="ü x%/y", secret={"é": "√"}))
check("comes back", kv.read_secret_version(path="ü x%/y")["data"]["data"] == {"é": "√"})

# ---- kv 1, mounts ----
c.sys.enable_secrets_engine("kv", path="old", options={"version": "1"})
c.secrets.kv.v1.create_or_update_secret(path="a", secret={"x": "1"}, mount_point="old")
check("kv 1", c.secrets.kv.v1.read_secret(path="a", mount_point="old")["data"] == {"x": "1"})
c.sys.move_backend("old", "new")
check("moved", c.secrets.kv.v1.read_secret(path="a", mount_point="new")["data"] == {"x": "1"})
refused(InvalidRequest, c.sys.enable_secrets_engine, "kv", path="new/below")
refused(InvalidRequest, c.sys.enable_secrets_engine, "nonsense", path="n")
c.sys.tune_mount_configuration("new", default_lease_ttl="2h", max_lease_ttl="3h")
check("tuned", c.sys.read_mount_configuration("new")["data"]["default_lease_ttl"] == 7200)
c.sys.disable_secrets_engine("new")
refused(InvalidPath, c.secrets.kv.v1.read_secret, path="a", mount_point="new")

# ---- policies and tokens ----
c.sys.create_or_update_policy("app", """
path "secret/data/app/*"   { capabilities = ["create", "read", "update"] }
path "secret/data/app/no"  { capabilities = ["deny"] }
path "secret/data/+/shared" { capabilities = ["read"] }
path "secret/metadata/app" { capabilities = ["list"] }
path "auth/token/create/*" {
  capabilities       = ["update"]
  allowed_parameters = { "ttl" = ["1h"], "policies" = [] }
}
""")
refused(InvalidRequest, c.sys.create_or_update_policy, "bad", 'path "x" { capabilities = ["raed"] }')
t = c.auth.token.create(policies=["app"], ttl="1h", meta={"who": "me"})["auth"]
a = client(t["client_token"])
check("reads", a.secrets.kv.v2.read_secret_version(path="app/db")["data"]["data"] == {"n": 6})
check("lists", a.secrets.kv.v2.list_secrets(path="app")["data"]["keys"] == ["db"])
for what in ("app/no", "other"):
    refused(Forbidden, a.secrets.kv.v2.read_secret_version, path=what)
refused(InvalidPath, a.secrets.kv.v2.read_secret_version, path="b/shared")
refused(Forbidden, a.secrets.kv.v2.delete_latest_version_of_secret, path="app/db")
refused(Forbidden, a.sys.list_mounted_secrets_engines)
refused(Forbidden, a.write, "auth/token/create-orphan", policies=["app"])
check("capabilities", c.sys.get_capabilities(["secret/data/app/x"], token=t["client_token"])["capabilities"]
      == ["create", "read", "update"])
me = a.auth.token.lookup_self()["data"]
check("lookup", me["meta"] == {"who": "me"} and me["policies"] == ["app", "default"] and 3590 < me["ttl"] <= 3600, me)
check("renew", a.auth.token.renew_self(increment="30m")["auth"]["lease_duration"] == 1800)
c.sys.create_or_update_policy("maker", 'path "auth/token/create" { capabilities = ["update"] }')
parent = client(c.auth.token.create(policies=["maker", "app"], ttl="1h")["auth"]["client_token"])
child = parent.auth.token.create(policies=["app"], ttl="1h")["auth"]
refused(InvalidRequest, parent.auth.token.create, policies=["root"])
orphan = client(c.write("auth/token/create-orphan", policies=["app"])["auth"]["client_token"])
parent.auth.token.revoke_self()
check("children end with parents", not client(child["client_token"]).is_authenticated())
check("orphans do not", orphan.is_authenticated())
c.auth.token.revoke_accessor(t["accessor"])
check("revoked", not a.is_authenticated())
once = client(c.auth.token.create(policies=["app"], num_uses=2)["auth"]["client_token"])
once.secrets.kv.v2.read_secret_version(path="app/db")
once.secrets.kv.v2.read_secret_version(path="app/db")
refused(Forbidden, once.secrets.kv.v2.read_secret_version, path="app/db")
short = client(c.auth.token.create(policies=["app"], ttl="1s")["auth"]["client_token"])
check("short", short.is_authenticated())
time.sleep(1.5)
check("it has ended", not short.is_authenticated())
check("periodic", c.auth.token.create(policies=["app"], period="1h")["auth"]["lease_duration"] == 3600)

# ---- auth methods ----
c.sys.enable_auth_method("userpass")
c.auth.userpass.create_or_update_user("bob", "right", policies=["app"])
b = client()
check("login", b.auth.userpass.login("bob", "right")["auth"]["policies"] == ["app", "default"])
refused(InvalidRequest, client().auth.userpass.login, "bob", "wrong")
refused(InvalidRequest, client().auth.userpass.login, "nobody", "wrong")
c.sys.enable_auth_method("approle")
c.auth.approle.create_or_update_approle("ci", token_policies=["app"], token_ttl="10m", secret_id_num_uses=1)
role = c.auth.approle.read_role_id("ci")["data"]["role_id"]
secret = c.auth.approle.generate_secret_id("ci")["data"]["secret_id"]
check("approle", client().auth.approle.login(role, secret)["auth"]["lease_duration"] == 600)
refused(InvalidRequest, client().auth.approle.login, role, secret)
c.sys.disable_auth_method("userpass")
check("its tokens have ended", not b.is_authenticated())

# ---- wrapping ----
wrapped = c.read("secret/data/app/db", wrap_ttl="60s")["wrap_info"]
check("lookup", c.write("sys/wrapping/lookup", token=wrapped["token"])["data"]["creation_path"] == "secret/data/app/db")
check("unwrap", client(wrapped["token"]).sys.unwrap()["data"]["data"] == {"n": 6})
refused(Exception, client(wrapped["token"]).sys.unwrap)
again = c.write("sys/wrapping/wrap", wrap_ttl="60s", x="y")["wrap_info"]["token"]
moved = c.write("sys/wrapping/rewrap", token=again)["wrap_info"]["token"]
refused(InvalidRequest, c.sys.unwrap, again)
check("rewrapped", c.sys.unwrap(moved)["data"] == {"x": "y"})
refused(Forbidden, client(c.write("sys/wrapping/wrap", wrap_ttl="60s", x="y")["wrap_info"]["token"]).secrets.kv.v2
        .read_secret_version, path="app/db")

# ---- keys ----
check("rotate", c.sys.rotate_encryption_key() is not None)
check("status", c.sys.get_encryption_key_status()["data"]["term"] == 2)
started = c.sys.start_rekey(secret_shares=2, secret_threshold=2)
nonce = started["nonce"] if "nonce" in started else started["data"]["nonce"]
refused(InvalidRequest, c.sys.rekey, keys[0], nonce="wrong")
for key in keys[:3]:
    answer = c.sys.rekey(key, nonce=nonce)
new = answer["keys"]
c.sys.seal()
c.sys.submit_unseal_keys(new)
check("the new shares open it", not c.sys.is_sealed())
c.sys.seal()
try:
    c.sys.submit_unseal_keys(keys[:2])
except InvalidRequest:
    pass
check("the old ones do not any more", c.sys.is_sealed())
c.sys.submit_unseal_key(reset=True)
c.sys.submit_unseal_keys(new)
check("data", c.secrets.kv.v2.read_secret_version(path="app/db")["data"]["data"] == {"n": 6})

# ---- audit ----
digest = c.write("sys/audit-hash/file", input="right")["data"]["hash"]
lines = [json.loads(line) for line in open(f"{data}/audit.jsonl")]
check("requests and answers", sum(x["type"] == "request" for x in lines) - sum(x["type"] == "response" for x in lines) <= 4)
text = open(f"{data}/audit.jsonl").read()
check("what was given is there as HMAC", digest in text)
for canary in (root, "right", new[0], t["client_token"], secret):
    check("no secret in the audit", canary not in text)
c.sys.enable_audit_device("file", path="second", options={"file_path": f"{data}/second.jsonl"})
c.secrets.kv.v2.list_secrets(path="")
check("two devices", "secret/metadata" in open(f"{data}/second.jsonl").read())
c.sys.disable_audit_device("second")

for header in ({"X-Vault-Namespace": "a"},):
    r = hvac.adapters.RawAdapter(base_uri=address, token=root).session.get(address + "/v1/sys/mounts",
                                                                         headers={"X-Vault-Token": root, **header})
    check("namespaces are refused", r.status_code == 400 and "namespace" in r.text)
r = hvac.adapters.RawAdapter(base_uri=address).session.get(address + "/v1/secret/data/app%2Fdb",
                                                         headers={"Authorization": "Bearer " + root})
check("no slash in a part", r.status_code == 400, r.text)
print(f"hvac: {checks} checks")
print(json.dumps({"keys": new, "root_token": root}))
