#!/usr/bin/env python3
"""Random files through prov and sops, both ways: `sops_property.py COUNT SEED`, with $PROV and $SOPS.

For each file and a random choice of what is encrypted: sops decrypts what prov encrypted to the values of the file, and
so does prov; prov decrypts what sops encrypted to the values that sops gets. Prints the counts of each."""
import collections
import json
import os
import random
import re
import string
import subprocess
import sys

PROV, SOPS = os.environ["PROV"], [os.environ["SOPS"], "--disable-version-check"]
ODD = ["yes", "no", "null", "~", "0x10", "1e3", "true", "2001-01-01", "- a", "# x", "a: b", "a #b", "#", " lead",
       "trail ", "\ttab", '"q"', "'s'", "a\\b", "*x", "&y", "!t", "%z", "@", "`", "{", "}", "[a", "|", ">", "?", "::",
       "=", ";x", "1_000", "0o7", "017", ".5", ".inf", "...", "---", "é", "日本", "😀", "\u00a0", "a\u2028b", "-",
       "? x", "ENC[x]"]


class Gen:
    """Random trees, and texts of them."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.simple = False  # no texts that sops writes as other texts, in YAML

    def word(self, n=8):
        return "".join(self.r.choice(string.ascii_lowercase) for _ in range(self.r.randint(1, n)))

    def text(self):
        r, k = self.r, self.r.randint(0, 9)
        if k < 4:
            return self.word(20)
        if k == 4:
            return ""
        if k == 5:
            return r.choice(ODD)
        if k == 6:
            return "\n".join(self.word() for _ in range(r.randint(2, 4))) + r.choice(["", "\n"])
        if k == 7 and not self.simple:
            return "\n".join(r.choice(["", " ", "  " + self.word(), self.word() + " ", self.word()]) for _ in range(4))
        ranges = [(32, 126), (0xA1, 0x2FF), (0x4E00, 0x4EFF)]
        return "".join(chr(r.randint(*r.choice(ranges))) for _ in range(r.randint(1, 30)))

    def scalar(self):
        r, k = self.r, self.r.randint(0, 9)
        if k < 6:
            return self.text()
        if k == 6:
            return r.choice([0, 1, -1, r.randint(-2**62, 2**62), r.randint(-1000, 1000)])
        if k == 7:
            return r.choice([r.uniform(-1e3, 1e3), r.random() * 10 ** r.randint(-20, 20), 0.5])
        return r.choice([True, False]) if k == 8 else None

    def key(self, used):
        while True:
            key = self.word(6) + self.r.choice(["", "", "", "_unencrypted", "_pub", "_enc", ".x", "-y", " z", ":q", "é"])
            if key not in used and not key.startswith("sops"):
                used.add(key)
                return key

    def tree(self, depth):
        used = set()
        return {self.key(used): self.node(depth - 1) for _ in range(self.r.randint(1 if depth == 4 else 0, 5))}

    def node(self, depth):
        k = self.r.randint(0, 9)
        if depth <= 0 or k < 6:
            return self.scalar()
        return self.tree(depth) if k < 8 else [self.node(depth - 1) for _ in range(self.r.randint(0, 4))]

    def comment(self):
        r = self.r
        return r.choice(["# ", "#"]) + r.choice([self.word(20), self.word(5) + ": " + self.word(), "public " + self.word()])

    def json(self):
        return json.dumps(self.tree(4), ensure_ascii=self.r.random() < .5,
                          indent=self.r.choice([None, 1, 2, "\t"])) + "\n"

    def yaml_key(self, key):
        plain = key.replace("_", "").isalnum() and key.isascii() and key not in ("y", "n", "on", "no", "off", "yes")
        return key if plain and key not in ("null", "true", "false") else json.dumps(key, ensure_ascii=False)

    def flow(self, v):
        if isinstance(v, dict):
            return "{" + ", ".join(self.yaml_key(k) + ": " + self.flow(x) for k, x in v.items()) + "}"
        if isinstance(v, list):
            return "[" + ", ".join(self.flow(x) for x in v) + "]"
        if isinstance(v, str):
            words = ("y", "n", "on", "no", "off", "yes", "null", "true", "false")
            if v.isalnum() and v.isascii() and v[0].isalpha() and v.lower() not in words and self.r.random() < .7:
                return v
            if self.r.random() < .3 and "\n" not in v and v.isprintable():
                return "'" + v.replace("'", "''") + "'"
            ascii_only = self.r.random() < .5 and max(v, default="") < "\U00010000"  # no pairs of surrogates in YAML
            return json.dumps(v, ensure_ascii=ascii_only).replace("\u2028", "\\u2028")
        if isinstance(v, float):
            return repr(v) if "e" not in repr(v) else "%.20f" % v
        return json.dumps(v)

    def block(self, v, indent, out, step):
        r, pad = self.r, " " * indent
        for key, x in v.items() if isinstance(v, dict) else enumerate(v):
            lead = pad + (self.yaml_key(key) + ":" if isinstance(v, dict) else "-")
            if r.random() < .15:
                out.append(pad + self.comment())
            behind = " " + self.comment() if r.random() < .1 else ""
            literal = isinstance(x, str) and "\n" in x and x[0] not in " \n" and " \n" not in x and x[-1] != " "
            if isinstance(x, (dict, list)) and x and r.random() < .85:
                out.append(lead + (behind if isinstance(v, dict) else ""))
                self.block(x, indent + step, out, step)
            elif literal and not x.endswith("\n\n") and r.random() < .5:
                out.append(lead + " |" + ("" if x.endswith("\n") else "-"))
                out += [" " * (indent + step) + line if line else "" for line in x.rstrip("\n").split("\n")]
            else:
                out.append(lead + " " + self.flow(x) + behind)
        if r.random() < .1:
            out.append(pad + self.comment())

    def yaml(self):
        docs, step = [], self.r.choice([2, 4])
        count = self.r.choice([1, 1, 1, 2, 3])
        self.simple = count > 1
        for _ in range(count):
            out = [self.comment()] if self.r.random() < .2 else []
            self.block(self.tree(4), 0, out, step)
            docs.append("\n".join(out) + "\n")
        return self.r.choice(["", "---\n"]) + "---\n".join(docs)

    def env(self):
        used, out = set(), []
        for _ in range(self.r.randint(1, 8)):
            if self.r.random() < .2:
                out.append(self.comment())
            name = "".join(c for c in self.key(used) if c not in "=: ")
            if not any(line.startswith(name + "=") for line in out):
                out.append(name + "=" + self.text().replace("\n", "\\n").replace("\r", ""))
        return "\n".join(out) + "\n"

    def ini(self):
        r, out = self.r, []
        for number in range(r.randint(1, 4)):
            if number or r.random() < .8:
                out += ["; " + self.word(10)] if r.random() < .2 else []
                out.append("[%s%d]" % (self.word(), number))
            used = set()
            for _ in range(r.randint(1, 5)):
                out += [r.choice("#;") + " " + self.word(10)] if r.random() < .2 else []
                text = self.text().replace("\n", " ").strip()
                if text[:1] in "\"'`" or any(c in text for c in "`#;\\"):
                    text = "`" + text.replace("`", "") + "`"
                out.append(self.key(used).replace(":", "") + r.choice([" = ", "=", " : "]) + text)
            out.append("")
        return "\n".join(out)

    def bin(self):
        return bytes(self.r.getrandbits(8) for _ in range(self.r.randint(0, 3000)))

    def rule(self, ending):
        """A creation rule."""
        ways = [{}, {}, {"mac_only_encrypted": True}]
        if ending in ("json", "yaml"):
            ways += [{"encrypted_suffix": "_enc"}, {"unencrypted_regex": "^[a-m].*(_pub|y)$"},
                     {"encrypted_regex": "[xyz]", "mac_only_encrypted": True}, {"unencrypted_suffix": "_pub"}]
        if ending == "yaml":
            ways += [{"unencrypted_comment_regex": "^ ?public"}, {"encrypted_comment_regex": "public"}]
        return self.r.choice(ways)


def run(*argv, expect=True):
    done = subprocess.run(argv, capture_output=True)
    if expect and done.returncode:
        raise AssertionError("%s: %s" % (" ".join(argv), done.stderr.decode()[-600:]))
    return done.stdout if done.returncode == 0 else None


def numbers(v):
    """SOPS writes 1.0 as 1."""
    if isinstance(v, dict):
        return {k: numbers(x) for k, x in v.items()}
    if isinstance(v, list):
        return [numbers(x) for x in v]
    return float(v) if isinstance(v, (int, float)) and not isinstance(v, bool) else v


def value(ending, data):
    """What a text says, read by others where there are some: comments and style do not matter."""
    if ending == "json":
        return numbers(json.loads(data))
    if ending == "yaml":
        done = subprocess.run([PROV, "data", "decode", "yaml", "--all"], input=data, capture_output=True)
        assert done.returncode == 0, data.decode() + done.stderr.decode()
        return [numbers(d) for d in json.loads(done.stdout) if d]
    if ending == "env":
        return [line for line in data.decode().split("\n") if line and line[0] != "#"]
    if ending == "ini":
        return [line.strip() for line in data.decode().split("\n") if line.strip() and line[0] not in "#;"]
    return data


def of_sops(ending, name, count):
    """What sops decrypts: its values, its text. One document comes as JSON, for sops writes some texts as YAML that
    nobody can read; None when that is so."""
    text = run(*SOPS, "decrypt", name, expect=False)
    if text is None:
        return None, None
    if ending == "yaml" and count == 1:
        return [numbers(json.loads(run(*SOPS, "decrypt", "--output-type", "json", name)))], text
    try:
        return value(ending, text), text
    except AssertionError:
        return None, text


def comments(data):
    """How many comments are left encrypted."""
    return data.count(b"#ENC[") + data.count(b"# ENC[") + data.count(b"; ENC[")


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    seen = collections.Counter()
    for n in range(seed, seed + count):
        gen = Gen(n)
        ending = ["yaml", "json", "yaml", "env", "ini", "bin"][n % 6]
        data = getattr(gen, ending)()
        plain, ours, theirs = ("r%d.%s%s" % (n, part, ending) for part in ("", "prov.", "sops."))
        with open(plain, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        options = gen.rule(ending)
        with open(".sops.yaml", "w") as f:
            json.dump({"creation_rules": [{"path_regex": r"\.none$", "age": "age1"},
                                          {"path_regex": r"^r\d+\.%s$" % ending if ending != "ini" else "ini$",
                                           "age": os.environ["RECIPIENT"], **options}]}, f)
        run(PROV, "secret", "encrypt", plain, "--out", ours)
        docs = len(re.findall(r"^---", data, re.M)) + (not data.startswith("---")) if ending == "yaml" else 1
        by_sops, text = of_sops(ending, ours, docs)
        by_prov = run(PROV, "secret", "decrypt", ours)
        assert text is not None, "%s %s: sops cannot decrypt it" % (plain, options)
        with open(plain, "rb") as f:
            original = value(ending, f.read())
        if ending == "ini":  # written by sops in its own way: see below
            by_sops_of_ours = by_sops
        else:
            assert by_sops in (None, original), "%s %s: sops reads other values" % (plain, options)
            assert value(ending, by_prov) == original, "%s %s: prov reads other values" % (plain, options)
        seen[ending] += 1
        seen["comments that sops leaves encrypted"] += comments(text)
        seen["texts of sops that are no YAML"] += by_sops is None
        assert comments(by_prov) == 0, "%s %s: a comment stays encrypted" % (plain, options)
        if run(*SOPS, "encrypt", "--output", theirs, plain, expect=False) is None:
            seen["that sops refuses"] += 1
            continue
        by_sops, text = of_sops(ending, theirs, docs)
        by_prov = run(PROV, "secret", "decrypt", theirs, expect=by_sops is not None)
        if text is None or by_sops is None:
            seen["that sops cannot read itself"] += 1
            by_sops = None
        if by_prov is None:
            continue
        seen["of sops"] += 1
        if ending == "ini":
            assert by_sops in (None, by_sops_of_ours), "%s %s: sops reads other values" % (plain, options)
            assert json.loads(run(PROV, "secret", "get", "-o", "json", ours)) == json.loads(
                run(PROV, "secret", "get", "-o", "json", theirs)), "%s %s: prov reads other values" % (plain, options)
        else:
            assert by_sops in (None, value(ending, by_prov)), "%s %s: of sops" % (plain, options)
        assert comments(by_prov) == 0, "%s %s: a comment of sops stays encrypted" % (plain, options)
        for name in (plain, ours, theirs):
            if os.path.exists(name):
                os.remove(name)
    print("sops: %s" % ", ".join("%s %d" % pair for pair in sorted(seen.items())))


main()
