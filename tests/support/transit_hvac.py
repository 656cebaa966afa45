"""The transit and totp engines of `prov serve vault`, as python3-hvac drives them: transit_hvac.py URL TOKEN."""
import base64
import sys

import hvac

client = hvac.Client(url=sys.argv[1], token=sys.argv[2])
client.sys.enable_secrets_engine("transit", path="hvac")
transit = client.secrets.transit
checks = 0


def check(ok, what):
    global checks
    checks += 1
    if not ok:
        sys.exit("FAIL: " + what)


def refused(call, kind, what, **given):
    try:
        call(mount_point="hvac", **given)
    except kind:
        check(True, what)
    else:
        check(False, what)


def b64(text):
    return base64.b64encode(text.encode()).decode()


hello = b64("hello")
for kind in ("aes256-gcm96", "chacha20-poly1305", "rsa-2048"):
    transit.create_key(name=kind, key_type=kind, mount_point="hvac")
    sealed = transit.encrypt_data(name=kind, plaintext=hello, mount_point="hvac")["data"]["ciphertext"]
    opened = transit.decrypt_data(name=kind, ciphertext=sealed, mount_point="hvac")["data"]["plaintext"]
    check(opened == hello, kind)
    transit.rotate_key(name=kind, mount_point="hvac")
    again = transit.rewrap_data(name=kind, ciphertext=sealed, mount_point="hvac")["data"]["ciphertext"]
    check(again.startswith("vault:v2:"), kind + " rewraps")
for kind in ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"):
    name = "sign-" + kind
    transit.create_key(name=name, key_type=kind, exportable=True, allow_plaintext_backup=True, mount_point="hvac")
    signature = transit.sign_data(name=name, hash_input=hello, mount_point="hvac")["data"]["signature"]
    for text, valid in ((hello, True), (b64("other"), False)):
        answer = transit.verify_signed_data(name=name, hash_input=text, signature=signature, mount_point="hvac")
        check(answer["data"]["valid"] is valid, kind + " verifies")
    backup = transit.backup_key(name=name, mount_point="hvac")["data"]["backup"]
    transit.restore_key(backup=backup, name=name + "-copy", mount_point="hvac")
    exported = transit.export_key(name=name + "-copy", key_type="signing-key", mount_point="hvac")["data"]["keys"]
    check(exported == transit.export_key(name=name, key_type="signing-key", mount_point="hvac")["data"]["keys"], name)
transit.create_key(name="derived", derived=True, convergent_encryption=True, mount_point="hvac")
one, two = (
    transit.encrypt_data(name="derived", plaintext=hello, context=b64("c"), mount_point="hvac")["data"]["ciphertext"]
    for _ in range(2)
)
check(one == two, "convergent")
batch = transit.encrypt_data(
    name="aes256-gcm96", plaintext=None, batch_input=[{"plaintext": hello}, {"plaintext": hello}], mount_point="hvac"
)["data"]["batch_results"]
check(len(batch) == 2 and batch[0]["ciphertext"] != batch[1]["ciphertext"], "batch")
key = transit.generate_data_key(name="aes256-gcm96", key_type="plaintext", mount_point="hvac")["data"]
check(len(base64.b64decode(key["plaintext"])) == 32, "data key")
check(len(transit.generate_random_bytes(n_bytes=16, output_format="hex", mount_point="hvac")["data"]["random_bytes"]) == 32,
      "random")
check(transit.hash_data(hash_input=hello, algorithm="sha2-256", mount_point="hvac")["data"]["sum"].startswith("2cf24d"),
      "hash")
mac = transit.generate_hmac(name="derived", hash_input=hello, mount_point="hvac")["data"]["hmac"]
check(transit.verify_signed_data(name="derived", hash_input=hello, hmac=mac, mount_point="hvac")["data"]["valid"], "hmac")
check("derived" in transit.list_keys(mount_point="hvac")["data"]["keys"], "list")
check(transit.read_key(name="derived", mount_point="hvac")["data"]["convergent_encryption"] is True, "read")
refused(transit.delete_key, hvac.exceptions.InvalidRequest, "deletion not allowed", name="derived")
transit.update_key_configuration(name="derived", deletion_allowed=True, mount_point="hvac")
transit.delete_key(name="derived", mount_point="hvac")
refused(transit.read_key, hvac.exceptions.InvalidPath, "gone", name="derived")
refused(transit.decrypt_data, hvac.exceptions.InvalidRequest, "no ciphertext", name="rsa-2048", ciphertext="vault:v1:AAAA")

client.sys.enable_secrets_engine("totp", path="codes")
url = client.write("codes/keys/a", generate=True, issuer="Example", account_name="a@example.org")["data"]["url"]
client.write("codes/keys/b", url=url)
code = client.read("codes/code/b")["data"]["code"]
check(client.write("codes/code/a", code=code)["data"]["valid"] is True, "totp")
try:
    client.write("codes/code/a", code=code)
except hvac.exceptions.InvalidRequest:
    check(True, "a code twice")
else:
    check(False, "a code twice")
print(checks, "checks by hvac")
