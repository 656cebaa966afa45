#!/usr/bin/env python3
"""How many requests libcurl's CURLOPT_AWS_SIGV4 signs as AWS does: `curl --aws-sigv4` sends each case of AWS's suite
and each request of the botocore oracle to a socket on loopback, which keeps the Authorization line.

    curl.py [SHARED]      prints one line per wrong case, and the counts; CURL names another curl
"""
import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

SHARED = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PROV_SHARED", "../shared")) / "fixtures/aws"
CURL = os.environ.get("CURL", "/usr/bin/curl")


class Recorder(threading.Thread):
    """Answers every request with nothing, and keeps its head."""

    def __init__(self):
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.head = b""

    def run(self):
        while True:
            peer, _ = self.server.accept()
            data = b""
            while b"\r\n\r\n" not in data:
                more = peer.recv(65536)
                if not more:
                    break
                data += more
            self.head = data.split(b"\r\n\r\n")[0]
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            peer.close()


def send(recorder, method, host, target, headers, body, service, key, secret):
    """The signature curl sends, or what went wrong."""
    command = [CURL, "-sS", "--path-as-is", "-g", "-X", method, "--max-time", "10",
               "--aws-sigv4", f"aws:amz:us-east-1:{service}", "--user", f"{key}:{secret}",
               "--connect-to", f"{host}:80:127.0.0.1:{recorder.port}", "--noproxy", "*"]
    for name, value in headers:
        command += ["-H", f"{name}: {value}"]
    if body is not None:
        command += ["--data-binary", body]
    recorder.head = b""
    done = subprocess.run(command + [f"http://{host}{target}"], capture_output=True)
    found = re.search(rb"(?im)^Authorization: .*Signature=([0-9a-f]+)", recorder.head)
    return found.group(1).decode() if found else done.stderr.decode().strip() or "no signature"


def suite(recorder):
    """The cases of aws-c-auth, in their header form."""
    for folder in sorted((SHARED / "sigv4-aws-c-auth").iterdir()):
        if not (folder / "request.txt").exists():
            continue
        context = json.loads((folder / "context.json").read_text())
        head, _, body = (folder / "request.txt").read_text().partition("\n\n")
        first, *rest = re.sub(r"\n +", "  ", head).strip().split("\n")
        method, target = first[:-len(" HTTP/1.1")].split(" ", 1)
        headers = [line.split(":", 1) for line in rest if line.split(":")[0] not in ("Host", "Content-Length")]
        headers.append(("X-Amz-Date", "20150830T123600Z"))
        if context["credentials"].get("token"):
            headers.append(("X-Amz-Security-Token", context["credentials"]["token"]))
        right = (folder / "header-signature.txt").read_text().strip()
        yield folder.name, right, send(recorder, method, "example.amazonaws.com", target, headers, body or None,
                                       "service", context["credentials"]["access_key_id"],
                                       context["credentials"]["secret_access_key"])


def oracle(recorder):
    """The requests botocore signed with a fixed clock, which are of the form prov sends."""
    for service in ("ec2", "kms"):
        for one in json.loads((SHARED / f"oracle-botocore/{service}-requests.json").read_text()):
            headers = [(k, v) for k, v in one["headers"].items() if k != "Authorization"]
            right = one["headers"]["Authorization"].split("Signature=")[1]
            yield f"{one['operation']} {one['title']}", right, send(
                recorder, one["method"], one["url"].split("/")[2], "/", headers, one["body"], service,
                "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def main():
    recorder = Recorder()
    recorder.start()
    print(subprocess.run([CURL, "--version"], capture_output=True, text=True).stdout.split("\n")[0][:40])
    for name, cases in (("aws-c-auth", suite), ("botocore", oracle)):
        right = count = 0
        for case, expected, found in cases(recorder):
            count += 1
            if expected == found:
                right += 1
            else:
                print(f"  wrong: {case}{'' if len(found) == 64 else ': ' + found[:90]}")
        print(f"{name}: {right} of {count} right")


main()
