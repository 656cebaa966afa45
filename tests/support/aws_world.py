#!/usr/bin/env python3
"""Looks at and changes a stand-in for AWS with AWS's own client, boto3, and makes it lose answers. The keys are
those of the environment.

    aws_world.py ENDPOINT count            what there is beside what AWS makes by itself, as "instances=2 vpcs=1 ..."
    aws_world.py ENDPOINT id KIND NAME     the id of what has that tag Name: instance, vpc, security-group, ...
    aws_world.py ENDPOINT SERVICE OPERATION JSON     any call; prints the answer
    aws_world.py ENDPOINT proxy EVERY      listens on a free port of loopback, which it prints, passes requests on,
                                           and loses the answer to every EVERY-th change
"""
import json
import re
import socketserver
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler

import boto3
from botocore.config import Config

ENDPOINT = sys.argv[1]


def client(service):
    return boto3.client(service, endpoint_url=ENDPOINT, region_name="eu-north-1", config=Config(retries={"max_attempts": 1}))


def everything():
    """Lists by name, without default VPCs, their parts and what is terminated."""
    ec2, elb, dns = client("ec2"), client("elbv2"), client("route53")
    zones = dns.list_hosted_zones()["HostedZones"]
    vpcs = [v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"] if not v["IsDefault"]]
    mine = lambda items: [i for i in items if i.get("VpcId") in vpcs]  # noqa: E731
    return {
        "instances": [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]
                      if i["State"]["Name"] not in ("terminated", "shutting-down")],
        "vpcs": vpcs,
        "subnets": mine(ec2.describe_subnets()["Subnets"]),
        "gateways": [g for g in ec2.describe_internet_gateways()["InternetGateways"]
                     if all(a["VpcId"] in vpcs for a in g["Attachments"])],
        "tables": [t for t in mine(ec2.describe_route_tables()["RouteTables"])
                   if not any(a.get("Main") for a in t["Associations"])],
        "nats": [n for n in ec2.describe_nat_gateways()["NatGateways"] if n["State"] not in ("deleted", "deleting")],
        "groups": [g for g in ec2.describe_security_groups()["SecurityGroups"] if g["GroupName"] != "default"],
        "volumes": [v for v in ec2.describe_volumes()["Volumes"] if v["State"] != "deleting"],
        "addresses": ec2.describe_addresses()["Addresses"],
        "keys": ec2.describe_key_pairs()["KeyPairs"],
        "snapshots": [s for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
                      if not s["Description"].startswith("Auto-created")],
        "images": ec2.describe_images(Owners=["self"])["Images"],
        "interfaces": [i for i in ec2.describe_network_interfaces()["NetworkInterfaces"]
                       if i.get("Attachment", {}).get("InstanceId")],  # moto keeps those of NAT gateways that are gone
        "balancers": elb.describe_load_balancers()["LoadBalancers"],
        "target_groups": elb.describe_target_groups()["TargetGroups"],
        "zones": zones,
        "records": [r for z in zones for r in dns.list_resource_record_sets(HostedZoneId=z["Id"])["ResourceRecordSets"]
                    if not (r["Name"] == z["Name"] and r["Type"] in ("NS", "SOA"))],
        "buckets": client("s3").list_buckets()["Buckets"],
    }


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    changes = 0

    def change(self, body):
        """What a request changes, as text; nothing for one that only looks."""
        action = re.search(rb"Action=(\w+)", body)
        if action:
            return None if action[1].startswith((b"Describe", b"Get")) else action[1].decode()
        if self.command in ("GET", "HEAD") or re.search(r"/tags/\w+$", self.path):
            return None
        return f"{self.command} {self.path}"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        request = urllib.request.Request(ENDPOINT + self.path, data=body or None, headers=headers, method=self.command)
        try:
            with urllib.request.urlopen(request) as answer:
                status, text, told = answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as e:
            status, text, told = e.code, e.read(), e.headers
        change = self.change(body)
        if change:
            Proxy.changes += 1
            if Proxy.changes % EVERY == 0:  # done, and nobody is told
                self.close_connection = True
                print("lost", change, flush=True)
                return
        self.send_response(status)
        self.send_header("Content-Type", told.get("Content-Type") or "text/xml")
        for name in ("x-amz-bucket-region", "Location"):
            if told.get(name):
                self.send_header(name, told[name])
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True


if sys.argv[2] == "count":
    print(" ".join(f"{name}={len(items)}" for name, items in everything().items() if items))
elif sys.argv[2] == "id":
    found = client("ec2").describe_tags(Filters=[{"Name": "resource-type", "Values": [sys.argv[3]]},
                                                 {"Name": "key", "Values": ["Name"]},
                                                 {"Name": "value", "Values": [sys.argv[4]]}])["Tags"]
    print(found[-1]["ResourceId"] if found else "")
elif sys.argv[2] == "proxy":
    EVERY = int(sys.argv[3])
    with Server(("127.0.0.1", 0), Proxy) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
else:
    result = getattr(client(sys.argv[2]), sys.argv[3])(**json.loads(sys.argv[4] if len(sys.argv) > 4 else "{}"))
    result.pop("ResponseMetadata", None)
    print(json.dumps(result, default=str))
