"""pykmip_server.py FOLDER: PyKMIP's server on a free port of loopback, with the certificates in the folder; the port is
written to FOLDER/port."""
import socket
import sys
import warnings

warnings.simplefilter("ignore")
from kmip.services.server import KmipServer  # noqa: E402

folder = sys.argv[1]
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
server = KmipServer(
    hostname="127.0.0.1", port=port, certificate_path=folder + "/server.crt", key_path=folder + "/server.key",
    ca_path=folder + "/ca.crt", auth_suite="TLS1.2", config_path=None, log_path=folder + "/server.log",
    policy_path=folder + "/policy", enable_tls_client_auth=True, logging_level="INFO",
    database_path=folder + "/server.db")
with server:
    with open(folder + "/port", "w", encoding="ascii") as out:
        out.write(str(port))
    server.serve()
