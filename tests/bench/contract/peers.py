"""fastjsonschema and jsonschema over the exported schema: peers.py FOLDER [ROUNDS]."""
import json
import sys
import time

folder, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7
with open(folder + "/schema.json") as f:
    schema = json.load(f)
with open(folder + "/values.json") as f:
    values = json.load(f)


def best(fn, times):
    least = float("inf")
    for _ in range(times):
        start = time.process_time()
        fn()
        least = min(least, time.process_time() - start)
    return least * 1000


def row(name, ms):
    print("| %s | all 20 fields given: check | %.0f |" % (name, ms))


import fastjsonschema  # noqa: E402

# It knows drafts up to 7; nothing in this schema means anything else there.
check = fastjsonschema.compile(dict(schema, **{"$schema": "http://json-schema.org/draft-07/schema#"}), use_default=False)
row("fastjsonschema", best(lambda: check(values), rounds))

import jsonschema  # noqa: E402

validator = jsonschema.Draft202012Validator(schema)
row("jsonschema", best(lambda: validator.validate(values), 1))
