"""Asks a simulator for a server, and kills it with SIGKILL the moment its answer is there: ask_and_kill.py URL PID NAME."""
import json
import os
import signal
import socket
import sys
import urllib.parse

target = urllib.parse.urlparse(sys.argv[1])
body = json.dumps({"name": sys.argv[3], "server_type": "cx23", "image": "debian-12", "location": "fsn1"})
connection = socket.create_connection((target.hostname, target.port))
connection.sendall(
    (
        "POST /v1/servers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nContent-Length: %d\r\n\r\n%s"
        % (len(body), body)
    ).encode()
)
begun = connection.recv(65536)
os.kill(int(sys.argv[2]), signal.SIGKILL)
if not begun.startswith(b"HTTP/1.1 201"):
    raise SystemExit(begun.decode()[:500])
