#!/bin/bash
# A contract over N servers of 20 fields, beside validators of JSON Schema that check the same values with the
# schema prov exports: ajv (npm), fastjsonschema and jsonschema (PyPI). The peers check only; prov also gives
# a completed copy with defaults, sizes as numbers and secrets marked. Processor time, best of all rounds.
#   run.sh [N [ROUNDS]]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:-prov}
count=${1:-10000}
rounds=${2:-7}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "| $count servers of 20 fields | what | ms |"
echo "| --- | --- | --- |"
"$prov" internal lua "$here/run.lua" "$work" "$count" "$rounds"
cd "$work"
if npm install --silent --no-fund --no-audit ajv@8.20.0 >npm.log 2>&1; then
    cp "$here/peer_ajv.js" .
    node peer_ajv.js "$work" "$rounds"
else
    echo "ajv: not there: $(tail -1 npm.log)" >&2
fi
if python3 -m venv venv >pip.log 2>&1 && venv/bin/pip install -q fastjsonschema==2.21.2 jsonschema==4.26.0 >>pip.log 2>&1; then
    venv/bin/python "$here/peers.py" "$work" "$rounds"
else
    echo "fastjsonschema, jsonschema: not there: $(tail -1 pip.log)" >&2
fi
