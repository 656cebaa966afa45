#!/usr/bin/env python3
"""boto3 against tests/support/aws_echo.lua: what it sends is understood, what it is told it reads.

    aws_echo.py ENDPOINT
"""
import datetime
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def client(service, secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token=None):
    return boto3.client(service, endpoint_url=sys.argv[1], region_name="eu-north-1", aws_access_key_id="AKIDEXAMPLE",
                        aws_secret_access_key=secret, aws_session_token=token,
                        config=Config(retries={"max_attempts": 1}))


def refusal(fn, **params):
    try:
        fn(**params)
    except ClientError as e:
        return e.response["Error"]["Code"], e.response["Error"]["Message"], e.response["ResponseMetadata"]["RequestId"]
    raise AssertionError("no error")


def plain(result):
    result.pop("ResponseMetadata")
    return result


ec2, elb, sts = client("ec2"), client("elbv2"), client("sts", token="tok/en+=")
when = datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.timezone.utc)

assert plain(sts.get_caller_identity()) == {
    "Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/a&b", "UserId": "U"}
assert plain(ec2.describe_vpcs()) == {"Vpcs": []}
assert plain(ec2.describe_instances(MaxResults=5)) == {"NextToken": "more", "Reservations": [{
    "ReservationId": "r-1", "Instances": [{
        "InstanceId": "i-1", "LaunchTime": when, "EbsOptimized": False, "AmiLaunchIndex": 0,
        "State": {"Code": 16, "Name": "running"}, "NetworkInterfaces": [], "CpuOptions": {"CoreCount": 2},
        "Tags": [{"Key": "a<b", "Value": ""}, {"Key": "ü", "Value": '"x"'}]}, {"InstanceId": "i-2"}]}]}
assert plain(elb.describe_load_balancers()) == {"LoadBalancers": [{
    "LoadBalancerArn": "arn:1", "AvailabilityZones": [{"ZoneName": "a"}, {"ZoneName": "b"}],
    "SecurityGroups": ["sg-1"], "CreatedTime": when + datetime.timedelta(milliseconds=500)}]}
assert plain(elb.describe_target_health(TargetGroupArn="arn:2")) == {"TargetHealthDescriptions": []}

# What was sent comes back in the message of an error.
for fn, params in (
    (ec2.create_tags, {"Resources": ["i-1", "i-2"], "Tags": [{"Key": "a b&c=d+e", "Value": "ü\n%"}]}),
    (ec2.authorize_security_group_ingress, {"GroupId": "sg-1", "IpPermissions": [
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 81, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "x"}],
         "UserIdGroupPairs": [{"GroupId": "sg-2"}]}, {"IpProtocol": "-1"}]}),
    (ec2.run_instances, {"ImageId": "ami-1", "MinCount": 1, "MaxCount": 2, "ClientToken": "t", "EbsOptimized": True,
                         "NetworkInterfaces": [{"DeviceIndex": 0, "Groups": ["sg-1"], "SubnetId": "subnet-1"}],
                         "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 8}}]}),
    (ec2.modify_vpc_attribute, {"VpcId": "vpc-1", "EnableDnsSupport": {"Value": False}}),
    (elb.add_tags, {"ResourceArns": ["arn:1"], "Tags": [{"Key": "k", "Value": "v"}]}),
    (elb.create_target_group, {"Name": "n", "Port": 80, "Protocol": "HTTP", "Matcher": {"HttpCode": "200-299"}}),
):
    code, message, request = refusal(fn, **params)
    assert (code, request) == ("Understood", "r-3"), (code, message)
    assert json.loads(message) == params, (message, params)

assert refusal(client("ec2", secret="wrong").describe_vpcs)[0] == "SignatureDoesNotMatch"
assert refusal(ec2.describe_spot_fleet_requests)[0] == "InvalidAction"
print("understood")
