"""Receives webhooks on the loopback, writes them down: hook_receiver.py PORT_FILE LOG SECRET [REFUSE]

Each delivery is a line "EVENT DELIVERY signed|unsigned" of LOG, its body a line of LOG.bodies; the first REFUSE ones are answered with 503.
"""
import hashlib
import hmac
import http.server
import sys

port_file, log, secret = sys.argv[1:4]
refuse = int(sys.argv[4]) if len(sys.argv) > 4 else 0


class Receiver(http.server.BaseHTTPRequestHandler):
    refused = 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if Receiver.refused < refuse:
            Receiver.refused += 1
            self.send_response(503)
            self.end_headers()
            return
        wanted = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        signed = hmac.compare_digest(self.headers.get("X-Prov-Signature", ""), wanted)
        with open(log, "a") as f:
            f.write(f"{self.headers['X-Prov-Event']} {self.headers['X-Prov-Delivery']} {'signed' if signed else 'unsigned'}\n")
        with open(log + ".bodies", "ab") as f:
            f.write(body + b"\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
with open(port_file, "w") as f:
    f.write(str(server.server_port))
server.serve_forever()
