#!/usr/bin/python3
"""Checks requests against an OpenAPI: openapi_check.py SPEC REQUESTS, a JSON object {method, path, query, body} a line.

A request must be of a path and method that are there, have query fields that are declared and a body that the schema
allows; a field that the schema does not have is a mistake, and so is `datacenter`, which is gone since 2026.
"""
import json
import re
import sys
from urllib.parse import parse_qsl

from jsonschema import Draft4Validator

spec = json.load(open(sys.argv[1], encoding="utf-8"))


def resolve(node):
    if isinstance(node, dict):
        if "$ref" in node:
            name = node["$ref"].split("/")[-1]
            return resolve(spec["components"]["schemas"][name])
        node = {key: resolve(value) for key, value in node.items()}
        if node.pop("nullable", False) and isinstance(node.get("type"), str):
            node["type"] = [node["type"], "null"]
            if "enum" in node and None not in node["enum"]:
                node["enum"] = node["enum"] + [None]
        if isinstance(node.get("properties"), dict):
            node["properties"].pop("datacenter", None)
            keys = node["properties"].get("ssh_keys", {}).get("items", {})
            if keys.get("type") == "string":  # the words there say "IDs (integer) or names (string)"
                keys["type"] = ["string", "integer"]
            if node["properties"] and "additionalProperties" not in node:
                node["additionalProperties"] = False
        return node
    if isinstance(node, list):
        return [resolve(value) for value in node]
    return node


paths = []
for path, operations in spec["paths"].items():
    pattern = "^" + re.sub(r"\{[^}]+\}", "[^/]+", path) + "$"
    paths.append((len(re.findall(r"\{", path)), re.compile(pattern), operations))
paths.sort(key=lambda one: one[0])  # what is spelled out wins over a parameter

mistakes, count, used = 0, 0, set()
for line in open(sys.argv[2], encoding="utf-8"):
    request = json.loads(line)
    count += 1
    method, path = request["method"].lower(), re.sub("^/v1", "", request["path"])
    where = f"{request['method']} {path}"
    operation = next((ops[method] for _, pattern, ops in paths if pattern.match(path) and method in ops), None)
    problems = []
    if operation is None:
        problems.append("there is no such operation")
    else:
        used.add(operation.get("operationId", where))
        known = {one["name"] for one in operation.get("parameters", []) if one.get("in") == "query"}
        # page and per_page are those of every list, also where the description leaves them out.
        for name, _ in parse_qsl(request.get("query", "")):
            if name not in known | {"page", "per_page"}:
                problems.append(f"query field {name} is not declared")
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        body = request.get("body")
        if content and body is not None:
            validator = Draft4Validator(resolve(content["schema"]))
            problems += [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(body)]
        elif content and operation["requestBody"].get("required", False):
            problems.append("the body is missing")
        elif body is not None and not content:
            problems.append(f"takes no body, but got {body}")
    for problem in problems:
        mistakes += 1
        print(f"{where}: {problem}")
print(f"{count} requests of {len(used)} operations checked, {mistakes} mistakes")
sys.exit(mistakes > 0)
