#!/usr/bin/env python3
"""Sends recorded requests of EC2 to the simulated one, and compares the answers with those recorded.

    aws_replay.py URL FOLDER...      folders of JSON files: lists of { url, request_body, status, response_body }

For each file things are made first that stand for those the requests name; ids are mapped. Compared are the status and
the tree of elements: what was recorded and is not in the answer is a difference. The last line counts.
"""
import collections
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

URL = sys.argv[1]
KEYS = (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
ID = re.compile(r"\b(ami|vpc|subnet|igw|rtb|sg|eni|vol|snap|eipalloc|eipassoc|i)-[0-9a-f]{8,17}\b")
IP = re.compile(r"^\d+\.\d+\.\d+\.\d+$")
SIGNED = {"Signature", "SignatureMethod", "SignatureVersion", "AWSAccessKeyId", "Timestamp", "SecurityToken"}

# What is recorded and not answered, by operation and the path it ends with, and why.
CLASSIC = "EC2-Classic is gone"
OLD_IMAGES = "images are of Linux, on EBS, free; those recorded also of Windows, paravirtual, sold, on local disks"
ALLOWED = [
    ("DescribeInstances", "reservationSet/item/groupSet/item", CLASSIC),
    ("DescribeSecurityGroups", "groups/item/groupName", CLASSIC),
    ("DescribeInstances", "instancesSet/item/kernelId", OLD_IMAGES),
    ("DescribeImages", "imagesSet/item/kernelId", OLD_IMAGES),
    ("DescribeImages", "imagesSet/item/ramdiskId", OLD_IMAGES),
    ("DescribeImages", "imagesSet/item/platform", OLD_IMAGES),
    ("DescribeImages", "imagesSet/item/productCodes", OLD_IMAGES),
    ("DescribeImages", "blockDeviceMapping/item/virtualName", OLD_IMAGES),
    ("DescribeImages", "blockDeviceMapping/item/ebs/iops", OLD_IMAGES),
    ("AssociateAddress", "return", "AWS's description of the API has no such field"),
    ("CreateSecurityGroup", "return", "AWS's description of the API has no such field"),
    ("DescribeNetworkInterfaces", "association/natEnabled", "AWS's description of the API has no such field"),
    ("DescribeImages", "imagesSet/item", "nobody shares images with this account"),
]


def ec2(region):
    return boto3.client("ec2", endpoint_url=URL, region_name=region, config=Config(retries={"max_attempts": 1}))


def quietly(call, **params):
    try:
        return call(**params)
    except ClientError:
        return None


def stage(region, key):
    """Things for the requests of a file: kind of id -> ids, taken in turn."""
    c = ec2(region)
    tag = lambda kind, name: [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]  # noqa: E731
    make_vpc = lambda: c.create_vpc(CidrBlock="10.0.0.0/16",  # noqa: E731
                                    TagSpecifications=tag("vpc", "test-vpc"))["Vpc"]["VpcId"]
    bare, vpc = make_vpc(), make_vpc()
    make_subnet = lambda of, zone, cidr: c.create_subnet(  # noqa: E731
        VpcId=of, CidrBlock=cidr, AvailabilityZone=zone, TagSpecifications=tag("subnet", "test-subnet"))["Subnet"]["SubnetId"]
    zone = region + ("e" if region == "us-east-1" else "a")
    subnet = make_subnet(vpc, zone, "10.0.1.0/24")
    empty = make_subnet(vpc, region + "b", "10.0.2.0/24")
    gateway = c.create_internet_gateway(TagSpecifications=tag("internet-gateway", "g"))["InternetGateway"]["InternetGatewayId"]
    c.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = c.create_route_table(VpcId=vpc, TagSpecifications=tag("route-table", "t"))["RouteTable"]["RouteTableId"]
    c.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    c.associate_route_table(RouteTableId=table, SubnetId=subnet)
    group = c.create_security_group(GroupName="g" + vpc[-6:], Description="d", VpcId=vpc,
                                    TagSpecifications=tag("security-group", "g"))["GroupId"]
    c.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
         "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
        {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}])
    quietly(c.create_security_group, GroupName="test-web-sg", Description="d")
    quietly(c.import_key_pair, KeyName="EmsRefreshSpec-KeyPair", PublicKeyMaterial=key,
            TagSpecifications=tag("key-pair", "k"))
    base = c.describe_images(Filters=[{"Name": "name", "Values": ["debian-12-amd64-*"]}])["Images"][0]["ImageId"]
    instance = c.run_instances(
        ImageId=base, InstanceType="t3.micro", MinCount=1, MaxCount=1, KeyName="EmsRefreshSpec-KeyPair", ClientToken=vpc,
        TagSpecifications=tag("instance", "web-1") + tag("volume", "v") + tag("network-interface", "n"),
        IamInstanceProfile={"Name": "p"}, NetworkInterfaces=[{
            "DeviceIndex": 0, "SubnetId": subnet, "Groups": [group], "AssociatePublicIpAddress": True}])["Instances"][0]
    time.sleep(0.2)
    public = c.describe_images(Filters=[{"Name": "name", "Values": ["al2023-*"]}])["Images"][0]["ImageId"]
    c.create_tags(Resources=[public], Tags=[{"Key": "Name", "Value": "i"}])
    image = c.create_image(InstanceId=instance["InstanceId"], Name="image " + vpc, Description="d",
                           TagSpecifications=tag("image", "i"))["ImageId"]
    address = c.allocate_address(Domain="vpc", TagSpecifications=tag("elastic-ip", "a"))
    c.associate_address(AllocationId=address["AllocationId"], InstanceId=instance["InstanceId"])
    volume = instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    more = c.create_volume(AvailabilityZone=zone, Size=1, Encrypted=True, VolumeType="gp3",
                           TagSpecifications=tag("volume", "v"))["VolumeId"]
    stopped = c.run_instances(ImageId=base, InstanceType="t3.micro", MinCount=1, MaxCount=1, SubnetId=subnet)["Instances"][0]
    time.sleep(0.2)
    c.attach_volume(VolumeId=more, InstanceId=instance["InstanceId"], Device="/dev/sdf")
    c.stop_instances(InstanceIds=[stopped["InstanceId"]])
    snapshot = c.create_snapshot(VolumeId=volume, Description="d", TagSpecifications=tag("snapshot", "s"))["SnapshotId"]
    free = c.allocate_address(Domain="vpc")
    time.sleep(0.2)
    return {
        "vpc": [bare, vpc], "subnet": [empty, subnet], "igw": [gateway], "rtb": [table], "sg": [group],
        "i": [instance["InstanceId"]], "eni": [instance["NetworkInterfaces"][0]["NetworkInterfaceId"]],
        "vol": [volume, more], "snap": [snapshot], "ami": [public, image], "eipalloc": [address["AllocationId"]],
        "ip": [address["PublicIp"], free["PublicIp"]], "eipassoc": [],
    }


class Map:
    """Recorded ids and addresses, and what stands for them."""

    def __init__(self, staged):
        self.staged, self.known, self.used = staged, {}, collections.Counter()

    def of(self, kind, recorded):
        if recorded not in self.known:
            ours = self.staged[kind]
            self.known[recorded] = ours[self.used[kind] % len(ours)] if ours else recorded
            self.used[kind] += 1
        return self.known[recorded]

    def text(self, value):
        if IP.match(value):
            return self.of("ip", value)
        return ID.sub(lambda m: self.of(m[1], m[0]), value)

    def learn(self, recorded, ours):
        """What a creation has given an id to."""
        for kind in {m[1] for m in ID.finditer(recorded)}:
            find = lambda text: [m[0] for m in ID.finditer(text) if m[1] == kind]  # noqa: B023,E731
            for old, new in zip(find(recorded), find(ours)):
                self.known.setdefault(old, new)


def tree(text):
    """The paths of the elements of an answer."""
    out = set()

    def walk(node, path):
        path = path + "/" + node.tag.split("}")[-1]
        out.add(path)
        for child in node:
            walk(child, path)

    try:
        walk(ElementTree.fromstring(text), "")
    except ElementTree.ParseError:
        return None
    return out


def send(region, pairs):
    body = urllib.parse.urlencode(pairs)
    request = AWSRequest("POST", URL + "/", data=body, headers={
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
    SigV4Auth(Credentials(*KEYS), "ec2", region).add_auth(request)
    plain = urllib.request.Request(URL + "/", data=body.encode(), headers=dict(request.headers.items()), method="POST")
    try:
        with urllib.request.urlopen(plain) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.headers["Content-Type"], e.read().decode()


def main():
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", os.environ["TMPDIR"] + "/replay"], check=True)
    with open(os.environ["TMPDIR"] + "/replay.pub", "rb") as file:
        key = file.read()
    counts, differ, reasons, newer = collections.Counter(), [], collections.Counter(), collections.Counter()
    for folder in sys.argv[2:]:
        for name in sorted(os.listdir(folder)):
            if name.endswith(".json"):
                with open(os.path.join(folder, name)) as file:
                    replay(name, json.load(file), key, counts, differ, reasons, newer)
    for line in sorted(set(differ)):
        print("DIFFERS", line)
    for reason, count in sorted(reasons.items()):
        print("ALLOWED", count, reason)
    print("NEWER", dict(sorted(newer.items())))
    print("REPLAYED", " ".join(f"{what}={n}" for what, n in sorted(counts.items())), f"different={len(differ)}")
    return 1 if differ else 0


def replay(name, rows, key, counts, differ, reasons, newer):
    maps = {}
    for row in rows:
        host = urllib.parse.urlsplit(row["url"]).netloc.split(".")
        body = row["request_body"] if isinstance(row["request_body"], str) else ""
        pairs = [p for p in urllib.parse.parse_qsl(body, keep_blank_values=True) if p[0] not in SIGNED]
        action = dict(pairs).get("Action")
        if host[0] != "ec2":
            counts["other_services"] += 1
            continue
        if not action or action == "Del" or "</" not in (row["response_body"] or ""):
            counts["scrubbed"] += 1
            continue
        region = host[1]
        if region not in maps:
            maps[region] = Map(stage(region, key))
        mapping = maps[region]
        status, kind, text = send(region, [(k, mapping.text(v)) for k, v in pairs])
        counts["sent"] += 1
        if status != row["status"]:
            differ.append(f"{name} {action}: {status}, not {row['status']}: {text[:200]}")
            continue
        if "xml" not in (kind or ""):
            differ.append(f"{name} {action}: Content-Type {kind}")
        if not action.startswith("Describe"):
            mapping.learn(row["response_body"], text)
        recorded, ours = tree(row["response_body"]), tree(text)
        if recorded is None:
            counts["cut"] += 1
            continue
        missing = recorded - ours
        for path in sorted(missing):
            if any(path.startswith(other + "/") for other in missing):
                continue  # its parent is told
            why = [r for a, end, r in ALLOWED if a in (action, "*") and path.endswith("/" + end)]
            if why:
                reasons[f"{action} {path}: {why[0]}"] += 1
            else:
                differ.append(f"{action} lacks {path} ({name})")
        newer[action] += len(ours - recorded)
        counts["same" if not missing else "with_reasons"] += 1


sys.exit(main())
