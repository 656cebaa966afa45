"""docs/guides/mistakes.md: what `prov validate` prints of each infra in it is the text behind it.

usage: mistakes.py PROV PAGE [--write]"""

import os
import re
import subprocess
import sys
import tempfile

prov, page = sys.argv[1:3]
write = "--write" in sys.argv
text = open(page).read()
wrong = count = 0


def said(form, infra):
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/prov.yaml", "w") as file:
            file.write("name: shop\n")
        with open(f"{folder}/infra.{form}", "w") as file:
            file.write(infra)
        done = subprocess.run([prov, "-w", folder, "validate"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=dict(os.environ, NO_COLOR="1", COLUMNS="100"))
        if done.returncode != 1:
            sys.exit(f"exit code {done.returncode}: {infra}")
        # Where prov is installed differs from machine to machine.
        out = re.sub(r"declared at (?:\S*?/)?(providers|taskservs|clusters)/", r"declared at /usr/local/share/prov/\1/", done.stdout)
        return re.sub(r" \(looked in [^)]*\)", "", out)


def block(found):
    global wrong, count
    form, infra, want = found.group(1), found.group(2), found.group(3)
    out = said(form, infra)
    count += 1
    if out != want and not write:
        wrong += 1
        print(f"--- {page} says:\n{want}--- prov says:\n{out}")
    return f"```{form}\n{infra}```\n\n```text\n{out}```"


text = re.sub(r"```(yaml|lua|toml|json)\n(.*?)```\n\n```text\n(.*?)```", block, text, flags=re.S)
if write:
    open(page, "w").write(text)
print(f"{count} infras, {wrong} with another output")
sys.exit(wrong > 0 or count < 10)
