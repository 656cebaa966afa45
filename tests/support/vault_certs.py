"""pki and ssh of a vault, driven by hvac; certificates are judged by python-cryptography. VAULT_ADDR says where."""

import datetime
import ipaddress
import os
import subprocess
import sys

import hvac
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

client = hvac.Client(url=os.environ["VAULT_ADDR"])
found = client.adapter.put("/v1/sys/init", json={"secret_shares": 1, "secret_threshold": 1})
client.token = found["root_token"]
client.sys.submit_unseal_key(found["keys"][0])
for path in ("root", "below"):
    client.sys.enable_secrets_engine("pki", path=path, config={"max_lease_ttl": "87600h"})
client.sys.enable_secrets_engine("ssh", path="ssh")
pki = client.secrets.pki


def load(pem):
    return x509.load_pem_x509_certificate(pem.encode())


def signed_by(cert, issuer):
    key = issuer.public_key()
    how = (padding.PKCS1v15(), cert.signature_hash_algorithm) if isinstance(key, rsa.RSAPublicKey) \
        else (ec.ECDSA(cert.signature_hash_algorithm),)
    key.verify(cert.signature, cert.tbs_certificate_bytes, *how)
    assert cert.issuer == issuer.subject
    assert (cert.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
            == issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest)


# Two levels.
root = load(pki.generate_root("internal", "Root", {"key_type": "rsa", "ttl": "8760h"}, mount_point="root")
            ["data"]["certificate"])
signed_by(root, root)
csr = pki.generate_intermediate("internal", "Below", {"key_type": "ec", "key_bits": 384},
                                mount_point="below")["data"]["csr"]
assert x509.load_pem_x509_csr(csr.encode()).is_signature_valid
below_pem = pki.sign_intermediate(csr, "Below", {"max_path_length": 0, "ttl": "4000h"},
                                  mount_point="root")["data"]["certificate"]
below = load(below_pem)
signed_by(below, root)
basic = below.extensions.get_extension_for_class(x509.BasicConstraints)
assert basic.critical and basic.value.ca and basic.value.path_length == 0
usage = below.extensions.get_extension_for_class(x509.KeyUsage).value
assert usage.key_cert_sign and usage.crl_sign and not usage.digital_signature
pki.set_signed_intermediate(below_pem, mount_point="below")
pki.set_urls({"issuing_certificates": ["http://127.0.0.1:1/ca"], "crl_distribution_points": ["http://127.0.0.1:1/crl"],
              "ocsp_servers": []}, mount_point="below")
assert pki.read_urls(mount_point="below")["data"]["ocsp_servers"] == []

# A role, a certificate with a key, one of a request.
pki.create_or_update_role("web", {"allowed_domains": ["example.com"], "allow_subdomains": True, "key_type": "ec",
                                  "max_ttl": "72h", "organization": ["Here, Inc"]}, mount_point="below")
assert pki.list_roles(mount_point="below")["data"]["keys"] == ["web"]
issued = pki.generate_certificate("web", "a.example.com", {"ip_sans": "10.1.2.3,2001:db8::1"},
                                  mount_point="below")["data"]
leaf = load(issued["certificate"])
signed_by(leaf, below)
names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
assert names.get_values_for_type(x509.DNSName) == ["a.example.com"]
assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("10.1.2.3"),
                                                     ipaddress.ip_address("2001:db8::1")]
assert leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Here, Inc"
assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
    ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
point = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value[0]
assert point.full_name[0].value == "http://127.0.0.1:1/crl"
key = serialization.load_pem_private_key(issued["private_key"].encode(), None)
assert key.public_key().public_numbers() == leaf.public_key().public_numbers()
assert 0 < leaf.serial_number < 1 << 159
assert issued["serial_number"].replace(":", "") == "%0*x" % (len(issued["serial_number"].replace(":", "")),
                                                            leaf.serial_number)

own = ec.generate_private_key(ec.SECP256R1())
request = x509.CertificateSigningRequestBuilder().subject_name(
    x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "b.example.com")])).add_extension(
    x509.SubjectAlternativeName([x509.DNSName("c.example.com")]), False).sign(own, hashes.SHA256())
text = request.public_bytes(serialization.Encoding.PEM).decode()
other = load(pki.sign_certificate("web", text, "b.example.com", mount_point="below")["data"]["certificate"])
signed_by(other, below)
assert set(other.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
    x509.DNSName)) == {"b.example.com", "c.example.com"}
try:
    pki.generate_certificate("web", "example.org", mount_point="below")
    sys.exit("a name outside of the role is taken")
except hvac.exceptions.InvalidRequest as e:
    assert str(e).startswith("common name example.org not allowed by this role"), e

# Revoked.
pki.revoke_certificate(issued["serial_number"], mount_point="below")
revoked = x509.load_pem_x509_crl(pki.read_crl(mount_point="below").encode())
assert revoked.is_signature_valid(below.public_key())
assert [one.serial_number for one in revoked] == [leaf.serial_number]
assert revoked.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number >= 1
assert revoked.next_update - revoked.last_update == datetime.timedelta(hours=72)
listed = pki.list_certificates(mount_point="below")["data"]["keys"]
assert issued["serial_number"] in listed and len(listed) == 2
assert pki.read_certificate(issued["serial_number"], mount_point="below")["data"]["revocation_time"] > 0
assert load(pki.read_ca_certificate(mount_point="below")) == below

# SSH.
client.write("ssh/config/ca", generate_signing_key=True)
client.write("ssh/roles/ops", key_type="ca", allow_user_certificates=True, allowed_users="root,deploy", ttl="5m",
             default_extensions={"permit-pty": ""})
subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key"], check=True)
with open("key.pub") as f:
    signed = client.write("ssh/sign/ops", public_key=f.read(), valid_principals="deploy")["data"]["signed_key"]
with open("key-cert.pub", "w") as f:
    f.write(signed)
said = subprocess.run(["ssh-keygen", "-L", "-f", "key-cert.pub"], check=True, capture_output=True, text=True).stdout
assert "deploy" in said and "permit-pty" in said, said

with open("token", "w") as f:
    f.write(client.token)
print("vault_certs: 4 certificates, 1 list of revoked ones, 1 certificate of SSH")
