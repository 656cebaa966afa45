#!/usr/bin/env python3
"""The kept corpora of the fuzzers (tests/fuzz/corpus/NAME.txt): one input in base64 a line, the short ones first.

corpus.py pack FOLDER FILE     a folder of libFuzzer (after -merge=1) into the text
corpus.py unpack FILE FOLDER   the text into a folder, to go on with
"""
import base64
import hashlib
import os
import sys


def pack(folder, file):
    inputs = set()
    for entry in os.scandir(folder):
        with open(entry.path, "rb") as one:
            inputs.add(one.read())
    with open(file, "w", encoding="ascii") as out:
        for one in sorted(inputs, key=lambda text: (len(text), text)):
            out.write(base64.b64encode(one).decode() + "\n")


def unpack(file, folder):
    os.makedirs(folder, exist_ok=True)
    with open(file, encoding="ascii") as lines:
        for line in lines:
            one = base64.b64decode(line)
            with open(os.path.join(folder, hashlib.sha1(one).hexdigest()), "wb") as out:
                out.write(one)


if len(sys.argv) != 4 or sys.argv[1] not in ("pack", "unpack"):
    sys.exit(__doc__)
(pack if sys.argv[1] == "pack" else unpack)(*sys.argv[2:])
