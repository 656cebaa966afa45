#!/usr/bin/env python3
"""Zones and records of Route 53 and buckets of S3 with boto3, and what they refuse: aws_zones.py URL"""
import sys
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

URL = sys.argv[1]


def client(service, region="eu-west-1", **more):
    version = "s3v4" if service == "s3" else None
    return boto3.client(service, endpoint_url=URL, region_name=region,
                        config=Config(retries={"max_attempts": 1}, signature_version=version), **more)


def refuses(code, call, status=400, **params):
    try:
        call(**params)
    except ClientError as e:
        found = (e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"])
        assert found == (code, status), f"{found}, not {(code, status)}: {e}"
        return str(e)
    raise AssertionError(f"{call.__name__} {params} is not refused with {code}")


dns = client("route53")

# A zone has name servers, NS and SOA, and is made once for a reference.
made = dns.create_hosted_zone(Name="Example.ORG", CallerReference="one", HostedZoneConfig={"Comment": "c"})
zone = made["HostedZone"]["Id"]
assert made["Location"].endswith(zone) and made["ResponseMetadata"]["HTTPStatusCode"] == 201
assert made["HostedZone"]["Name"] == "example.org." and made["ChangeInfo"]["Status"] == "PENDING"
servers = made["DelegationSet"]["NameServers"]
assert len(servers) == 4 and servers == dns.get_hosted_zone(Id=zone)["DelegationSet"]["NameServers"]
refuses("HostedZoneAlreadyExists", dns.create_hosted_zone, 409, Name="example.org", CallerReference="one")
refuses("InvalidDomainName", dns.create_hosted_zone, Name="a..b", CallerReference="two")
refuses("NoSuchHostedZone", dns.get_hosted_zone, 404, Id="Z0")
dns.get_waiter("resource_record_sets_changed").wait(Id=made["ChangeInfo"]["Id"], WaiterConfig={"Delay": 1})
refuses("NoSuchChange", dns.get_change, 404, Id="C0")


def change(*changes):
    return dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [
        {"Action": action, "ResourceRecordSet": {"Name": name, "Type": kind, "TTL": ttl,
                                                 "ResourceRecords": [{"Value": v} for v in values]}}
        for action, name, kind, ttl, *values in changes]})


def records(**more):
    return [(s["Name"], s["Type"], s.get("TTL"), *[r["Value"] for r in s.get("ResourceRecords", [])])
            for page in dns.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone, **more)
            for s in page["ResourceRecordSets"]]


def wrong(words, *changes):
    before = records()
    said = refuses("InvalidChangeBatch", change_of(*changes))
    assert words in said, f"no '{words}' in {said}"
    assert records() == before, "half a batch was done"


def change_of(*changes):
    def call():
        return change(*changes)
    return call


change(("CREATE", "www.example.org", "A", 60, "192.0.2.1", "192.0.2.2"), ("CREATE", "*.example.org.", "CNAME", 60, "www.example.org"),
       ("UPSERT", "example.org", "MX", 300, "10 mail.example.org"), ("CREATE", "b.a.example.org", "TXT", 1, '"x" "y"'))
got = records()
assert [r[:2] for r in got] == [
    ("example.org.", "MX"), ("example.org.", "NS"), ("example.org.", "SOA"), ("\\052.example.org.", "CNAME"),
    ("b.a.example.org.", "TXT"), ("www.example.org.", "A")], got
assert got[-1] == ("www.example.org.", "A", 60, "192.0.2.1", "192.0.2.2") and got[1][3:] == tuple(s + "." for s in servers)
assert records(PaginationConfig={"PageSize": 2}) == got
first = dns.list_resource_record_sets(HostedZoneId=zone, StartRecordName="b.a.example.org", StartRecordType="TXT", MaxItems="1")
assert first["ResourceRecordSets"][0]["Type"] == "TXT" and first["NextRecordName"] == "www.example.org.", first
new = ("CREATE", "new.example.org", "A", 60, "192.0.2.5")
wrong("it already exists", new, ("CREATE", "WWW.example.org", "A", 60, "192.0.2.1"))
wrong("do not match the current values", new, ("DELETE", "www.example.org", "A", 60, "192.0.2.1"))
wrong("it was not found", new, ("DELETE", "nobody.example.org", "A", 60, "192.0.2.1"))
wrong("is not permitted in zone", new, ("CREATE", "www.example.com", "A", 60, "192.0.2.1"))
wrong("conflicts with other records", new, ("CREATE", "www.example.org", "CNAME", 60, "x.example.org"))
wrong("not permitted at apex", new, ("CREATE", "example.org", "CNAME", 60, "x.example.org"))
wrong("not a valid IPv4 address", new, ("CREATE", "x.example.org", "A", 60, "192.0.2.256"))
wrong("quotation marks", new, ("CREATE", "x.example.org", "TXT", 60, "bare"))
wrong("at least one NS", new, ("DELETE", "example.org", "NS", 172800, *[s + "." for s in servers]))
target = {"HostedZoneId": "Z00000000SIMULATED", "DNSName": "nobody.example.", "EvaluateTargetHealth": False}
refuses("InvalidChangeBatch", dns.change_resource_record_sets, HostedZoneId=zone, ChangeBatch={"Changes": [
    {"Action": "CREATE", "ResourceRecordSet": {"Name": "example.org", "Type": "A", "AliasTarget": target}}]})
target.update(HostedZoneId=zone.split("/")[-1], DNSName="www.example.org")
dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [
    {"Action": "CREATE", "ResourceRecordSet": {"Name": "example.org", "Type": "A", "AliasTarget": target}}]})
refuses("InvalidInput", dns.change_resource_record_sets, HostedZoneId=zone, ChangeBatch={"Changes": [
    {"Action": "CREATE", "ResourceRecordSet": {"Name": "x.example.org", "Type": "A"}}]})

# Tags, comments, pages of zones.
kind = {"ResourceType": "hostedzone", "ResourceId": zone.split("/")[-1]}
dns.change_tags_for_resource(**kind, AddTags=[{"Key": "a", "Value": "b"}, {"Key": "c", "Value": ""}])
dns.change_tags_for_resource(**kind, RemoveTagKeys=["c"])
assert dns.list_tags_for_resource(**kind)["ResourceTagSet"]["Tags"] == [{"Key": "a", "Value": "b"}]
sets = dns.list_tags_for_resources(ResourceType="hostedzone", ResourceIds=[kind["ResourceId"]])["ResourceTagSets"]
assert [s["ResourceId"] for s in sets] == [kind["ResourceId"]]
refuses("InvalidInput", dns.change_tags_for_resource, **kind, AddTags=[{"Key": f"k{i}", "Value": ""} for i in range(10)])
assert dns.update_hosted_zone_comment(Id=zone, Comment="d")["HostedZone"]["Config"] == {"Comment": "d", "PrivateZone": False}
others = [dns.create_hosted_zone(Name=f"{name}.net", CallerReference=name)["HostedZone"]["Id"] for name in ("z", "a", "m")]
listed = [z["Id"] for page in dns.get_paginator("list_hosted_zones").paginate(PaginationConfig={"PageSize": 1})
          for z in page["HostedZones"]]
assert listed == [zone, *others], listed
assert [z["Name"] for z in dns.list_hosted_zones_by_name(DNSName="b.net")["HostedZones"]] == ["m.net.", "z.net.", "example.org."]
assert dns.get_hosted_zone_count()["HostedZoneCount"] == 4

# Down again: what has records stays.
refuses("HostedZoneNotEmpty", dns.delete_hosted_zone, Id=zone)
for s in dns.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]:
    if s["Type"] not in ("NS", "SOA"):
        dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [
            {"Action": "DELETE", "ResourceRecordSet": s}]})
for id in [zone, *others]:
    assert dns.delete_hosted_zone(Id=id)["ChangeInfo"]["Status"] == "PENDING"
refuses("NoSuchHostedZone", dns.delete_hosted_zone, 404, Id=zone)

# Buckets: in the region that is asked, with tags, and without objects.
s3, home, north = client("s3"), client("s3", "us-east-1"), client("s3", "eu-north-1")
there = {"LocationConstraint": "eu-west-1"}
made = s3.create_bucket(Bucket="sim-one", CreateBucketConfiguration=there)
assert made["Location"] and s3.head_bucket(Bucket="sim-one")["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "eu-west-1"
assert s3.get_bucket_location(Bucket="sim-one")["LocationConstraint"] == "eu-west-1"
refuses("BucketAlreadyOwnedByYou", s3.create_bucket, 409, Bucket="sim-one", CreateBucketConfiguration=there)
refuses("BucketAlreadyExists", s3.create_bucket, 409, Bucket="test", CreateBucketConfiguration=there)
refuses("InvalidBucketName", s3.create_bucket, Bucket="Sim_One", CreateBucketConfiguration=there)
refuses("IllegalLocationConstraintException", s3.create_bucket, Bucket="sim-two")
refuses("IllegalLocationConstraintException", north.create_bucket, Bucket="sim-two", CreateBucketConfiguration=there)
refuses("InvalidLocationConstraint", home.create_bucket, Bucket="sim-two",
        CreateBucketConfiguration={"LocationConstraint": "moon-west-1"})
home.create_bucket(Bucket="sim-home")
home.create_bucket(Bucket="sim-home")  # there it is no error
assert home.get_bucket_location(Bucket="sim-home")["LocationConstraint"] is None
assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == ["sim-home", "sim-one"]
assert north.get_bucket_versioning(Bucket="sim-one").get("Status") is None  # led to the region by the client itself
refuses("404", s3.head_bucket, 404, Bucket="sim-nobody")
refuses("403", s3.head_bucket, 403, Bucket="test")
refuses("NoSuchBucket", s3.get_bucket_tagging, 404, Bucket="sim-nobody")
refuses("NoSuchTagSet", s3.get_bucket_tagging, 404, Bucket="sim-one")
tags = [{"Key": "a", "Value": "ü & <b>"}]
s3.put_bucket_tagging(Bucket="sim-one", Tagging={"TagSet": tags})
assert s3.get_bucket_tagging(Bucket="sim-one")["TagSet"] == tags
refuses("InvalidTag", s3.put_bucket_tagging, Bucket="sim-one", Tagging={"TagSet": tags * 2})
s3.delete_bucket_tagging(Bucket="sim-one")
refuses("NoSuchTagSet", s3.get_bucket_tagging, 404, Bucket="sim-one")
block = s3.get_public_access_block(Bucket="sim-one")["PublicAccessBlockConfiguration"]
assert list(block.values()) == [True] * 4
s3.put_public_access_block(Bucket="sim-one", PublicAccessBlockConfiguration={"BlockPublicAcls": True})
assert sorted(s3.get_public_access_block(Bucket="sim-one")["PublicAccessBlockConfiguration"].values()) == [False] * 3 + [True]
s3.delete_public_access_block(Bucket="sim-one")
refuses("NoSuchPublicAccessBlockConfiguration", s3.get_public_access_block, 404, Bucket="sim-one")
assert s3.list_objects_v2(Bucket="sim-one")["KeyCount"] == 0 and "Contents" not in s3.list_objects(Bucket="sim-one")
refuses("NotImplemented", s3.put_object, 501, Bucket="sim-one", Key="x", Body=b"x")
refuses("NotImplemented", s3.get_bucket_acl, 501, Bucket="sim-one")
refuses("SignatureDoesNotMatch", client("s3", aws_access_key_id="AKIA", aws_secret_access_key="wrong").list_buckets, 403)
refuses("SignatureDoesNotMatch", client("route53", aws_access_key_id="AKIA", aws_secret_access_key="wrong").list_hosted_zones, 403)

# An URL that is signed for a while is let in; one that was changed is not.
signed = s3.generate_presigned_url("head_bucket", {"Bucket": "sim-one"})
for address, status in ((signed, 200), (signed.replace("sim-one", "sim-two"), 403)):
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD")) as answer:
            found = answer.status
    except urllib.error.HTTPError as e:
        found = e.code
    assert found == status, (address, found)
s3.delete_bucket(Bucket="sim-one")
home.delete_bucket(Bucket="sim-home")
refuses("NoSuchBucket", s3.delete_bucket, 404, Bucket="sim-one")
print("boto3: zones and buckets")
