# peer.py FORMAT FILE ROUNDS: times of reading the file's text, in milliseconds of processor time, a line.
import json
import sys
import time
import tomllib

form, path, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open(path, encoding="utf-8") as file:
    text = file.read()


def read_yaml():
    import yaml

    return yaml.load(text, Loader=yaml.CSafeLoader)


read = {"toml": lambda: tomllib.loads(text), "json": lambda: json.loads(text), "yaml": read_yaml}[form]
read()
for _ in range(rounds):
    start = time.process_time()
    tree = read()
    print((time.process_time() - start) * 1000)
assert len(tree["servers"]) > 0
