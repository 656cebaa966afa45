#!/usr/bin/env python3
"""What cloud-init makes of user data: who logs in, and the host key; as JSON.

    cloud_init.py USER KEY...    reads user data; USER is the image's own ("root": root logs in), KEYs the API's
"""
import json
import sys
import tempfile

from cloudinit import distros, handlers, helpers, ssh_util, subp, user_data, util
from cloudinit.config import cc_ssh
from cloudinit.distros import ug_util
from cloudinit.handlers.cloud_config import CloudConfigPartHandler

own, keys = sys.argv[1], sys.argv[2:]
paths = helpers.Paths({"cloud_dir": tempfile.mkdtemp(), "run_dir": tempfile.mkdtemp()})

handler = CloudConfigPartHandler(paths)
handler.handle_part(None, handlers.CONTENT_START, None, None, None, None)
for part in user_data.UserDataProcessor(paths).process(sys.stdin.buffer.read()).walk():
    if part.get_content_type() == "text/cloud-config":
        handler.handle_part(None, "text/cloud-config", part.get_filename() or "part",
                            util.fully_decoded_payload(part), None, dict(part.items()))
config = {"users": ["default"], "disable_root": own != "root", **(handler.cloud_buf or {})}

default = {"name": own, "gecos": "Debian", "shell": "/bin/bash", "sudo": ["ALL=(ALL) NOPASSWD:ALL"], "groups": [
    "adm", "audio", "cdrom", "dialout", "dip", "floppy", "netdev", "plugdev", "sudo", "video"]}
distro = distros.fetch("debian")("debian", {"default_user": default}, paths)
users, made = {"root": {"keys": {}}}, None


def user(name):
    return users.setdefault(name, {"keys": {}})


def setup_user_keys(some, name, options=None):
    for key in some:
        user(name)["keys"][key] = options or ""


def run(command, **_):
    if command[0] == "useradd":
        given = dict(zip(command[2:], command[3:]))
        user(command[1]).update(
            gecos=given.get("--comment", ""), home=given.get("--home", "/home/" + command[1]),
            shell=given.get("--shell", "/bin/sh"), group=given.get("--gid", command[1]),
            groups=sorted(given["--groups"].split(",")) if "--groups" in given else [])


def write_sudo_rules(name, rules, sudo_file=None):
    user(name)["sudo"] = [rules] if isinstance(rules, str) else rules


ssh_util.setup_user_keys, subp.subp, distro.write_sudo_rules = setup_user_keys, run, write_sudo_rules
distro.lock_passwd = lambda name: None
distro.create_group = lambda name, members=None: None
util.is_user = lambda name: name == "root"
made, _ = ug_util.normalize_users_groups(config, distro)
for name, fields in made.items():
    distro.create_user(name, **fields)
cc_ssh.apply_credentials(keys + list(config.get("ssh_authorized_keys", [])), ug_util.extract_default(made)[0],
                         util.get_cfg_option_bool(config, "disable_root", True), ssh_util.DISABLE_USER_OPTS)
for name, fields in users.items():
    fields["keys"] = sorted((options + " " + key).strip() for key, options in fields["keys"].items())
    if name == "root":
        users[name] = {"keys": fields["keys"]}
    else:
        fields.setdefault("sudo", [])
host = config.get("ssh_keys", {})
print(json.dumps({"users": users, "host": host.get("ed25519_public"), "private": host.get("ed25519_private")},
                 indent=1, sort_keys=True))
