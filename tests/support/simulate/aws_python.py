#!/usr/bin/env python3
"""A life cycle with boto3, and what EC2 refuses: aws_python.py URL PUBLIC_KEY_FILE"""
import base64
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import boto3
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

URL, KEY = sys.argv[1:3]
ACCESS, SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
FAST = {"Delay": 1, "MaxAttempts": 30}


def client(service="ec2", region="eu-west-1", **more):
    return boto3.client(service, endpoint_url=URL, region_name=region, config=Config(retries={"max_attempts": 1}), **more)


def refuses(code, call, status=400, **params):
    try:
        call(**params)
    except ClientError as e:
        found = (e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"])
        assert found == (code, status), f"{found}, not {(code, status)}: {e}"
        assert e.response["ResponseMetadata"]["RequestId"], "no request id"
        return str(e)
    raise AssertionError(f"{call.__name__} {params} is not refused with {code}")


c, elb, sts = client(), client("elbv2"), client("sts")
named = lambda kind, name: [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]  # noqa: E731

# A new VPC has its own group, route table and ACL; the account has a default one.
vpc = c.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=named("vpc", "lan"))["Vpc"]
assert vpc["State"] == "pending" and vpc["Tags"] == [{"Key": "Name", "Value": "lan"}]
vpc = vpc["VpcId"]
of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
own = c.describe_security_groups(Filters=of_vpc)["SecurityGroups"]
assert [g["GroupName"] for g in own] == ["default"] and own[0]["IpPermissions"][0]["UserIdGroupPairs"]
main = c.describe_route_tables(Filters=of_vpc)["RouteTables"]
assert len(main) == 1 and main[0]["Associations"][0]["Main"] and main[0]["Routes"][0]["GatewayId"] == "local"
acls = c.describe_network_acls(Filters=of_vpc)["NetworkAcls"]
assert len(acls) == 1 and acls[0]["IsDefault"] and len(acls[0]["Entries"]) == 4
assert len(c.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]) == 1
refuses("InvalidVpc.Range", c.create_vpc, CidrBlock="10.0.0.0/8")
refuses("CannotDelete", c.delete_security_group, GroupId=own[0]["GroupId"])
refuses("InvalidVpcID.NotFound", c.describe_vpcs, VpcIds=["vpc-0123456789abcdef0"])
refuses("InvalidVpcID.Malformed", c.describe_vpcs, VpcIds=["vpc-nonsense"])

# Subnets, gateway, routes, groups.
subnet = lambda cidr, zone: c.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]  # noqa: E731
one, two = subnet("10.0.1.0/24", "eu-west-1a"), subnet("10.0.2.0/24", "eu-west-1b")
refuses("InvalidSubnet.Conflict", c.create_subnet, VpcId=vpc, CidrBlock="10.0.1.0/28")
refuses("InvalidSubnet.Range", c.create_subnet, VpcId=vpc, CidrBlock="10.9.1.0/24")
gateway = c.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
c.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
refuses("Resource.AlreadyAssociated", c.attach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
route = {"RouteTableId": main[0]["RouteTableId"], "DestinationCidrBlock": "0.0.0.0/0"}
c.create_route(GatewayId=gateway, **route)
refuses("RouteAlreadyExists", c.create_route, GatewayId=gateway, **route)
group = c.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
refuses("InvalidGroup.Duplicate", c.create_security_group, GroupName="web", Description="web", VpcId=vpc)
rules = c.authorize_security_group_ingress(GroupId=group, IpPermissions=[
    {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 81, "IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "0.0.0.0/0"}]},
    {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": own[0]["GroupId"]}]}])["SecurityGroupRules"]
assert len(rules) == 3 and all(r["SecurityGroupRuleId"].startswith("sgr-") for r in rules)
permissions = c.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
assert len(permissions) == 2 and len(permissions[0]["IpRanges"]) == 2
c.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rules[0]["SecurityGroupRuleId"]])
refuses("InvalidPermission.NotFound", c.revoke_security_group_ingress, GroupId=group, IpProtocol="tcp", FromPort=1, ToPort=1,
        CidrIp="0.0.0.0/0")
refuses("InvalidParameterValue", c.authorize_security_group_ingress, GroupId=group, IpProtocol="tcp", FromPort=9, ToPort=2,
        CidrIp="0.0.0.0/0")
third = c.create_security_group(GroupName="third", Description="refers to web", VpcId=vpc)["GroupId"]
c.authorize_security_group_ingress(GroupId=third, IpPermissions=[
    {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": group}]}])
refuses("DependencyViolation", c.delete_security_group, GroupId=group)
c.delete_security_group(GroupId=third)

# A key, a placement group, two servers, once for one token.
with open(KEY, "rb") as file:
    key = c.import_key_pair(KeyName="k", PublicKeyMaterial=file.read())
refuses("InvalidKeyPair.Duplicate", c.import_key_pair, KeyName="k", PublicKeyMaterial=open(KEY, "rb").read())
refuses("InvalidKey.Format", c.import_key_pair, KeyName="k2", PublicKeyMaterial=b"nonsense")
assert c.describe_key_pairs(KeyNames=["k"], IncludePublicKey=True)["KeyPairs"][0]["PublicKey"].startswith("ssh-ed25519 ")
apart = c.create_placement_group(GroupName="apart", Strategy="spread")["PlacementGroup"]["GroupId"]
images = c.describe_images(Owners=["136693071363"], Filters=[{"Name": "name", "Values": ["debian-1?-amd64-*"]},
                                                             {"Name": "state", "Values": ["available"]}])["Images"]
image = max((i for i in images if i["Name"].startswith("debian-12")), key=lambda i: i["CreationDate"])["ImageId"]
spec = dict(ImageId=image, InstanceType="t3.micro", MinCount=2, MaxCount=2, KeyName="k", SubnetId=one,
            SecurityGroupIds=[group], ClientToken="token-1", UserData="#!/bin/sh\n", Placement={"GroupName": "apart"},
            TagSpecifications=named("instance", "web") + named("volume", "disk"))
refuses("DryRunOperation", c.run_instances, 412, DryRun=True, **spec)
first = c.run_instances(**spec)
ids = [i["InstanceId"] for i in first["Instances"]]
assert [i["State"]["Name"] for i in first["Instances"]] == ["pending"] * 2
again = c.run_instances(**spec)
assert again["ReservationId"] == first["ReservationId"] and [i["InstanceId"] for i in again["Instances"]] == ids
refuses("IdempotentParameterMismatch", c.run_instances, **{**spec, "InstanceType": "t3.small"})
refuses("InvalidKeyPair.NotFound", c.run_instances, **{**spec, "KeyName": "none", "ClientToken": "token-2"})
refuses("InvalidAMIID.NotFound", c.run_instances, **{**spec, "ImageId": "ami-01234567", "ClientToken": "token-3"})
refuses("InvalidParameterValue", c.run_instances, **{**spec, "InstanceType": "t4g.small", "ClientToken": "token-4"})
refuses("InvalidPlacementGroup.InUse", c.delete_placement_group, GroupName="apart")
c.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=FAST)
data = c.describe_instance_attribute(InstanceId=ids[0], Attribute="userData")["UserData"]["Value"]
assert base64.b64decode(data) == b"#!/bin/sh\n"
disks = c.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": ids}, {"Name": "tag:Name", "Values": ["disk"]}])
assert len(disks["Volumes"]) == 2 and disks["Volumes"][0]["Attachments"][0]["DeleteOnTermination"]

# A volume: hung on, taken off, grown, and what stands in the way.
volume = c.create_volume(AvailabilityZone="eu-west-1a", Size=10, VolumeType="gp3", ClientToken="v")["VolumeId"]
assert c.create_volume(AvailabilityZone="eu-west-1a", Size=10, VolumeType="gp3", ClientToken="v")["VolumeId"] == volume
refuses("IdempotentParameterMismatch", c.create_volume, AvailabilityZone="eu-west-1a", Size=11, VolumeType="gp3", ClientToken="v")
c.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=FAST)
hang = dict(VolumeId=volume, Device="/dev/sdf")
assert c.attach_volume(InstanceId=ids[0], **hang)["State"] == "attaching"
refuses("VolumeInUse", c.attach_volume, InstanceId=ids[1], **hang)
refuses("VolumeInUse", c.delete_volume, VolumeId=volume)
other = c.create_volume(AvailabilityZone="eu-west-1b", Size=1)["VolumeId"]
c.get_waiter("volume_available").wait(VolumeIds=[other], WaiterConfig=FAST)
refuses("InvalidVolume.ZoneMismatch", c.attach_volume, VolumeId=other, InstanceId=ids[0], Device="/dev/sdg")
refuses("OperationNotPermitted", c.detach_volume, VolumeId=disks["Volumes"][0]["VolumeId"])
c.modify_volume(VolumeId=volume, Size=20)
refuses("IncorrectModificationState", c.modify_volume, VolumeId=volume, Size=30)
time.sleep(0.8)
assert c.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Size"] == 20
assert c.describe_volumes_modifications(VolumeIds=[volume])["VolumesModifications"][0]["ModificationState"] == "completed"
refuses("InvalidParameterValue", c.modify_volume, VolumeId=volume, Size=5)
snapshot = c.create_snapshot(VolumeId=volume, Description="s")["SnapshotId"]
c.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig=FAST)
golden = c.create_image(InstanceId=ids[0], Name="golden")["ImageId"]
refuses("InvalidAMIName.Duplicate", c.create_image, InstanceId=ids[0], Name="golden")
c.get_waiter("image_available").wait(ImageIds=[golden], WaiterConfig=FAST)
parts = [m["Ebs"]["SnapshotId"] for m in c.describe_images(Owners=["self"])["Images"][0]["BlockDeviceMappings"]]
refuses("InvalidSnapshot.InUse", c.delete_snapshot, SnapshotId=parts[0])

# Addresses and load balancers.
address = c.allocate_address(Domain="vpc")
c.associate_address(AllocationId=address["AllocationId"], InstanceId=ids[0])
refuses("InvalidIPAddress.InUse", c.release_address, AllocationId=address["AllocationId"])
refuses("DependencyViolation", c.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
seen = c.describe_instances(Filters=[{"Name": "ip-address", "Values": [address["PublicIp"]]}])["Reservations"][0]["Instances"]
assert [i["InstanceId"] for i in seen] == [ids[0]]
target = elb.create_target_group(Name="tg", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
elb.register_targets(TargetGroupArn=target, Targets=[{"Id": i} for i in ids])
refuses("ValidationError", elb.create_load_balancer, Name="lb", Subnets=[one])
lb = elb.create_load_balancer(Name="lb", Subnets=[one, two], SecurityGroups=[group])["LoadBalancers"][0]
assert elb.create_load_balancer(Name="lb", Subnets=[one, two])["LoadBalancers"][0]["LoadBalancerArn"] == lb["LoadBalancerArn"]
refuses("DuplicateLoadBalancerName", elb.create_load_balancer, Name="lb", Subnets=[one, two], Scheme="internal")
forward = [{"Type": "forward", "TargetGroupArn": target}]
listen = dict(LoadBalancerArn=lb["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=forward)
elb.create_listener(**listen)
refuses("DuplicateListener", elb.create_listener, **listen)
refuses("ResourceInUse", elb.delete_target_group, TargetGroupArn=target)
elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[lb["LoadBalancerArn"]], WaiterConfig=FAST)
elb.get_waiter("target_in_service").wait(TargetGroupArn=target, WaiterConfig=FAST)
protect = lambda on: elb.modify_load_balancer_attributes(  # noqa: E731
    LoadBalancerArn=lb["LoadBalancerArn"], Attributes=[{"Key": "deletion_protection.enabled", "Value": on}])
protect("true")
refuses("OperationNotPermitted", elb.delete_load_balancer, LoadBalancerArn=lb["LoadBalancerArn"])
protect("false")

# Another plan: stopped only. The address of AWS goes with the stop, the Elastic IP stays.
refuses("IncorrectInstanceState", c.modify_instance_attribute, InstanceId=ids[0], InstanceType={"Value": "t3.small"})
c.modify_instance_attribute(InstanceId=ids[0], DisableApiStop={"Value": True})
refuses("OperationNotPermitted", c.stop_instances, InstanceIds=[ids[0]])
c.modify_instance_attribute(InstanceId=ids[0], DisableApiStop={"Value": False})
assert c.stop_instances(InstanceIds=[ids[0]])["StoppingInstances"][0]["CurrentState"]["Name"] == "stopping"
c.get_waiter("instance_stopped").wait(InstanceIds=[ids[0]], WaiterConfig=FAST)
c.modify_instance_attribute(InstanceId=ids[0], InstanceType={"Value": "t3.small"})
c.start_instances(InstanceIds=[ids[0]])
c.get_waiter("instance_running").wait(InstanceIds=[ids[0]], WaiterConfig=FAST)
seen = c.describe_instances(InstanceIds=[ids[0]])["Reservations"][0]["Instances"][0]
assert (seen["InstanceType"], seen["PublicIpAddress"]) == ("t3.small", address["PublicIp"])

# Pages.
types = [t["InstanceType"] for page in c.get_paginator("describe_instance_types").paginate(
    PaginationConfig={"PageSize": 7}) for t in page["InstanceTypes"]]
assert len(types) == len(set(types)) == 20, types
refuses("InvalidParameterCombination", c.describe_instances, InstanceIds=ids, MaxResults=5)
refuses("InvalidParameterValue", c.describe_instances, MaxResults=2)
refuses("InvalidParameterValue", c.describe_instances, Filters=[{"Name": "colour", "Values": ["red"]}])

# Tags.
c.create_tags(Resources=[ids[0], vpc], Tags=[{"Key": "role", "Value": "web*"}])
tagged = c.describe_tags(Filters=[{"Name": "key", "Values": ["role"]}])["Tags"]
assert sorted(t["ResourceType"] for t in tagged) == ["instance", "vpc"]
assert c.describe_vpcs(Filters=[{"Name": "tag:role", "Values": ["web\\*"]}])["Vpcs"][0]["VpcId"] == vpc
assert not c.describe_vpcs(Filters=[{"Name": "tag:role", "Values": ["web\\?"]}])["Vpcs"]
c.delete_tags(Resources=[vpc], Tags=[{"Key": "role"}])
refuses("InvalidParameterValue", c.create_tags, Resources=[vpc], Tags=[{"Key": "aws:x", "Value": "y"}])
refuses("TagLimitExceeded", c.create_tags, Resources=[vpc], Tags=[{"Key": f"k{i}", "Value": ""} for i in range(51)])
refuses("InvalidID", c.create_tags, Resources=["nonsense"], Tags=[{"Key": "k", "Value": ""}])

# Another region is another world.
assert client(region="eu-central-1").describe_instances()["Reservations"] == []
refuses("InvalidInstanceID.NotFound", client(region="eu-central-1").describe_instances, InstanceIds=ids)

# Temporary keys.
assert sts.get_caller_identity()["Arn"].endswith(":user/simulated")
role = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/deploy", RoleSessionName="here")["Credentials"]
keys = dict(aws_access_key_id=role["AccessKeyId"], aws_secret_access_key=role["SecretAccessKey"])
assumed = client("sts", aws_session_token=role["SessionToken"], **keys)
assert assumed.get_caller_identity()["Arn"] == "arn:aws:sts::123456789012:assumed-role/deploy/here"
client(aws_session_token=role["SessionToken"], **keys).describe_vpcs()
refuses("AuthFailure", client(aws_session_token="A" + role["SessionToken"][1:-4] + "AAAA", **keys).describe_vpcs, 401)
refuses("InvalidClientTokenId", client("sts", **keys).get_caller_identity, 403)

# Signatures.
wrong = dict(aws_access_key_id=ACCESS, aws_secret_access_key="wrong")
refuses("AuthFailure", client(**wrong).describe_vpcs, 401)
refuses("SignatureDoesNotMatch", client("elbv2", **wrong).describe_load_balancers, 403)
refuses("SignatureDoesNotMatch", client("sts", **wrong).get_caller_identity, 403)
refuses("AuthFailure", client(region="moon-west-1").describe_vpcs, 401)


def plain(method, url, body=None, headers=None):
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ASK = {"Action": "DescribeVpcs", "Version": "2016-11-15", "VpcId.1": vpc}
status, text = plain("POST", URL + "/", urllib.parse.urlencode(ASK).encode(), FORM)
assert status == 403 and "<Code>MissingAuthenticationToken</Code>" in text, text
signed = AWSRequest("GET", URL + "/?" + urllib.parse.urlencode(ASK))
SigV4QueryAuth(Credentials(ACCESS, SECRET), "ec2", "eu-west-1", expires=60).add_auth(signed)
status, text = plain("GET", signed.url)
assert status == 200 and vpc in text, text
status, text = plain("GET", signed.url.replace("DescribeVpcs", "DescribeSubnets"))
assert status == 401 and "<Code>AuthFailure</Code>" in text and "<RequestID>" in text, text
for action, code in (("MakeCoffee", "InvalidAction"), ("DescribeVpcs&Colour=red", "UnknownParameter")):
    body = f"Version=2016-11-15&Action={action}"
    signed = AWSRequest("POST", URL + "/", data=body, headers=FORM)
    SigV4Auth(Credentials(ACCESS, SECRET), "ec2", "eu-west-1").add_auth(signed)
    status, text = plain("POST", URL + "/", body.encode(), dict(signed.headers.items()))
    assert status == 400 and f"<Code>{code}</Code>" in text, text

# Down again: what is held is not deleted, and what is terminated is seen for a while.
c.modify_instance_attribute(InstanceId=ids[0], DisableApiTermination={"Value": True})
refuses("OperationNotPermitted", c.terminate_instances, InstanceIds=ids)
c.modify_instance_attribute(InstanceId=ids[0], DisableApiTermination={"Value": False})
refuses("DependencyViolation", c.delete_subnet, SubnetId=one)
refuses("DependencyViolation", c.delete_vpc, VpcId=vpc)
elb.delete_load_balancer(LoadBalancerArn=lb["LoadBalancerArn"])
elb.delete_target_group(TargetGroupArn=target)
refuses("LoadBalancerNotFound", elb.describe_load_balancers, LoadBalancerArns=[lb["LoadBalancerArn"]])
time.sleep(0.1)
refuses("DependencyViolation", c.delete_subnet, SubnetId=one)  # the interfaces of the instances
c.terminate_instances(InstanceIds=ids)
c.get_waiter("instance_terminated").wait(InstanceIds=ids, WaiterConfig=FAST)
gone = c.describe_instances(InstanceIds=ids)["Reservations"][0]["Instances"]
assert [i["State"]["Name"] for i in gone] == ["terminated"] * 2 and "SubnetId" not in gone[0]
refuses("IdempotentInstanceTerminated", c.run_instances, **spec)
refuses("IncorrectInstanceState", c.start_instances, InstanceIds=ids)
left = [v["VolumeId"] for v in c.describe_volumes()["Volumes"]]
assert sorted(left) == sorted([volume, other]), left
for v in left:
    c.delete_volume(VolumeId=v)
c.deregister_image(ImageId=golden)
for s in parts + [snapshot]:
    c.delete_snapshot(SnapshotId=s)
c.release_address(AllocationId=address["AllocationId"])
c.delete_placement_group(GroupName="apart")
c.delete_key_pair(KeyPairId=key["KeyPairId"])
c.delete_security_group(GroupId=group)
c.delete_subnet(SubnetId=one)
c.delete_subnet(SubnetId=two)
refuses("DependencyViolation", c.delete_internet_gateway, InternetGatewayId=gateway)
c.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
c.delete_internet_gateway(InternetGatewayId=gateway)
c.delete_vpc(VpcId=vpc)
print("boto3: lived")
