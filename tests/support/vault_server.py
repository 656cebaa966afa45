"""A `prov serve vault` for tests: started, unsealed, asked, killed."""
import http.client
import json
import os
import signal
import subprocess
import threading
import time


class Server:
    """One data folder; start() and end() as often as a test wants."""

    def __init__(self, prov, data):
        self.prov, self.data, self.key, self.token = prov, data, None, None
        self.process, self.local = None, threading.local()

    def start(self, env=None):
        address = f"{self.data}/server"
        if os.path.exists(address):
            os.remove(address)
        log = open(f"{self.data}.log", "a")
        many = {"PROV_REST_CONNECTIONS_PER_ADDRESS": "600"}
        self.process = subprocess.Popen([self.prov, "serve", "vault", "--listen", "127.0.0.1:0", "--data", self.data],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        env={**os.environ, **many, **(env or {})})
        log.close()
        for _ in range(400):
            if os.path.exists(address) or self.process.poll() is not None:
                break
            time.sleep(0.02)
        if not os.path.exists(address):
            self.process.wait()
            return False
        self.address = open(address).read().strip()
        self.local = threading.local()
        return True

    def init(self):
        made = self.ask("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})[1]
        self.key, self.token = made["keys"][0], made["root_token"]

    def unseal(self):
        return self.ask("PUT", "sys/unseal", {"key": self.key})

    def ask(self, method, path, value=None, timeout=60):
        """Status and body; OSError or HTTPException when the server goes away."""
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self.address.split("//")[1], timeout=timeout)
            self.local.connection = connection
        try:
            connection.request(method, f"/v1/{path}", None if value is None else json.dumps(value),
                               {"X-Vault-Token": self.token} if self.token else {})
            answer = connection.getresponse()
            text = answer.read()
        except Exception:
            self.local.connection = None
            connection.close()
            raise
        return answer.status, json.loads(text) if text else {}

    def leases(self, prefix):
        status, body = self.ask("LIST", f"sys/leases/lookup/{prefix}")
        return body["data"]["keys"] if status == 200 else []

    def end(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait()
