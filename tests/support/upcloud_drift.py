#!/usr/bin/env python3
"""Changes things of a simulated UpCloud with UpCloud's own Python client.

    upcloud_drift.py PORT RENAMED OPENED STOPPED DELETED     UUIDs of servers; OPENED loses its firewall rules
"""
import sys

import upcloud_api
from upcloud_api import CloudManager

port, renamed, opened, stopped, deleted = sys.argv[1:]
upcloud_api.api.API.api_root = "http://127.0.0.1:%s/1.3" % port
manager = CloudManager("user", "password", timeout=30)
manager.authenticate()

server = manager.get_server(renamed)
server.title = "by hand"
server.save()
server = manager.get_server(opened)
for rule in reversed(server.get_firewall_rules()):
    rule.destroy()
server = manager.get_server(stopped)
server.shutdown(hard=True)
while server.populate().state != "stopped":
    pass
server = manager.get_server(deleted)
server.stop_and_destroy()
