"""Stands between a client and a simulator, and checks every request and reply against an OpenAPI 3.0 description.

    openapi_proxy.py [--replies-only] SPEC.json UPSTREAM PREFIX REPORT [FIELD...]

Prints its port. What does not fit goes to REPORT, one line each; at the end (SIGTERM) REPORT.seen has the operations
that were asked. Fields named are not looked at: they were removed since the description was written.
"""
import http.client
import http.server
import json
import re
import signal
import sys
import threading
import urllib.parse

import jsonschema

DATE_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
checker = jsonschema.FormatChecker(formats=())


@checker.checks("date-time")
def is_date_time(value):
    return not isinstance(value, str) or bool(DATE_TIME.match(value))


def converted(schema, spec, removed, seen=()):
    """The schema without references, nullable and removed fields, as JSON Schema draft 4."""
    if isinstance(schema, list):
        return [converted(one, spec, removed, seen) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return converted(spec["components"]["schemas"][name], spec, removed, seen)
    out = {}
    for key, value in schema.items():
        if key == "properties":
            out[key] = {name: converted(one, spec, removed, seen) for name, one in value.items() if name not in removed}
        elif key == "required" and isinstance(value, list):
            left = [name for name in value if name not in removed]
            if left:
                out[key] = left
        elif key in ("example", "examples", "description", "title", "nullable", "default"):
            continue
        else:
            out[key] = converted(value, spec, removed, seen)
    if schema.get("nullable"):
        return {"anyOf": [out, {"type": "null"}]}
    return out


class Description:
    def __init__(self, spec, prefix, removed):
        self.spec, self.removed, self.cache, self.lock = spec, removed, {}, threading.Lock()
        self.paths = []
        for path, methods in spec["paths"].items():
            pattern = re.compile("^" + re.escape(prefix) + re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)) + "$")
            self.paths.append((path.count("{"), path, pattern, methods))
        self.paths.sort(key=lambda row: row[0])  # literal ones first

    def find(self, method, path):
        for _, name, pattern, methods in self.paths:
            if pattern.match(path) and method.lower() in methods:
                return name, methods[method.lower()]
        return None, None

    def check(self, key, schema, value):
        with self.lock:
            if key not in self.cache:
                whole = converted(schema, self.spec, self.removed)
                self.cache[key] = jsonschema.Draft4Validator(whole, format_checker=checker)
            validator = self.cache[key]
        return ["%s: %s" % (".".join(map(str, e.absolute_path)), e.message[:300]) for e in validator.iter_errors(value)]


def content(part):
    return (part or {}).get("content", {}).get("application/json", {}).get("schema")


def reply_schema(operation, status):
    for name in (str(status), "%dxx" % (status // 100), "default"):
        if name in operation["responses"]:
            return name, content(operation["responses"][name])
    return None, None


def main():
    arguments = sys.argv[1:]
    requests_too = arguments[0] != "--replies-only"
    spec_path, upstream, prefix, report_path = arguments[not requests_too :][:4]
    removed = set(arguments[not requests_too :][4:])
    with open(spec_path, encoding="utf-8") as file:
        description = Description(json.load(file), prefix, removed)
    target = urllib.parse.urlparse(upstream)
    report = open(report_path, "w", encoding="utf-8")
    seen = {}

    def wrong(where, problems):
        for one in problems:
            report.write("%s: %s\n" % (where, one))
        report.flush()

    def check(method, path, body, status, reply):
        name, operation = description.find(method, path.split("?")[0])
        if operation is None:
            if status not in (404, 405, 410):
                wrong("%s %s" % (method, path), ["answered %d, but is not described" % status])
            return
        where = "%s %s -> %d" % (method, name, status)
        seen[where] = seen.get(where, 0) + 1
        if requests_too and body and status < 400 and content(operation.get("requestBody")):
            key = (method, name, "request")
            wrong(where + " request", description.check(key, content(operation["requestBody"]), json.loads(body)))
        code, schema = reply_schema(operation, status)
        if code is None:
            wrong(where, ["a status that is not described"])
        elif schema is None:
            wrong(where, ["a body where none is described"] if reply else [])
        else:
            wrong(where, description.check((method, name, code), schema, json.loads(reply)))

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = http.client.HTTPConnection(target.hostname, target.port, timeout=60)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "accept-encoding")}
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            reply = answer.read()
            connection.close()
            try:
                check(self.command, self.path, body, answer.status, reply)
            except Exception as e:  # a check that fails is a finding, too
                wrong("%s %s" % (self.command, self.path), [repr(e)])
            self.send_response(answer.status)
            for key, value in answer.getheaders():
                if key.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                    self.send_header(key, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = serve

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True

    def stop(*_):
        with open(report_path + ".seen", "w", encoding="utf-8") as file:
            for where in sorted(seen):
                file.write("%6d %s\n" % (seen[where], where))
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
