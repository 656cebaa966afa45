// A life cycle with AWS's client for JavaScript: node aws_node.mjs URL PUBLIC_KEY_FILE
import fs from "node:fs";
import assert from "node:assert/strict";
import * as ec2 from "@aws-sdk/client-ec2";
import * as elb from "@aws-sdk/client-elastic-load-balancing-v2";
import * as route53 from "@aws-sdk/client-route-53";
import * as s3 from "@aws-sdk/client-s3";

const [endpoint, keyFile] = process.argv.slice(2);
const options = { endpoint, region: "eu-central-1", maxAttempts: 2 };
const e = new ec2.EC2Client(options), l = new elb.ElasticLoadBalancingV2Client(options);
const call = (name, input = {}) => e.send(new ec2[name + "Command"](input));
const balance = (name, input = {}) => l.send(new elb[name + "Command"](input));
const tags = (type, name) => [{ ResourceType: type, Tags: [{ Key: "Name", Value: name }] }];
const refuses = async (code, promise) => {
  const error = await promise.then(() => null, (it) => it);
  assert.equal(error?.name ?? error?.Code, code);
};
const wait = (waiter, client, input) => waiter({ client, minDelay: 1, maxDelay: 1, maxWaitTime: 30 }, input);

await call("ImportKeyPair", { KeyName: "k", PublicKeyMaterial: fs.readFileSync(keyFile) });
const vpc = (await call("CreateVpc", { CidrBlock: "10.0.0.0/16", TagSpecifications: tags("vpc", "lan") })).Vpc.VpcId;
const subnet = async (cidr, zone) => (await call("CreateSubnet",
  { VpcId: vpc, CidrBlock: cidr, AvailabilityZone: zone })).Subnet.SubnetId;
const one = await subnet("10.0.1.0/24", "eu-central-1a"), two = await subnet("10.0.2.0/24", "eu-central-1b");
await refuses("InvalidSubnet.Conflict", subnet("10.0.1.128/25", "eu-central-1a"));
const gateway = (await call("CreateInternetGateway")).InternetGateway.InternetGatewayId;
await call("AttachInternetGateway", { InternetGatewayId: gateway, VpcId: vpc });
const group = (await call("CreateSecurityGroup", { GroupName: "web", Description: "web", VpcId: vpc })).GroupId;
const rule = { IpProtocol: "tcp", FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: "0.0.0.0/0", Description: "ssh" }] };
await call("AuthorizeSecurityGroupIngress", { GroupId: group, IpPermissions: [rule] });
await refuses("InvalidPermission.Duplicate", call("AuthorizeSecurityGroupIngress",
  { GroupId: group, IpPermissions: [rule] }));
const image = (await call("DescribeImages", { Owners: ["136693071363"],
  Filters: [{ Name: "name", Values: ["debian-12-arm64-*"] }] })).Images[0].ImageId;
const run = await call("RunInstances", { ImageId: image, InstanceType: "t4g.small", MinCount: 2, MaxCount: 2, KeyName: "k",
  SubnetId: one, SecurityGroupIds: [group], TagSpecifications: tags("instance", "web") });
const ids = run.Instances.map((it) => it.InstanceId);
assert.equal(run.Instances[0].State.Name, "pending");
await wait(ec2.waitUntilInstanceRunning, e, { InstanceIds: ids });
const volume = (await call("CreateVolume", { AvailabilityZone: "eu-central-1a", Size: 10, VolumeType: "gp3" })).VolumeId;
await wait(ec2.waitUntilVolumeAvailable, e, { VolumeIds: [volume] });
await call("AttachVolume", { VolumeId: volume, InstanceId: ids[0], Device: "/dev/sdf" });
await wait(ec2.waitUntilVolumeInUse, e, { VolumeIds: [volume] });
const address = await call("AllocateAddress", { Domain: "vpc" });
await call("AssociateAddress", { AllocationId: address.AllocationId, InstanceId: ids[0] });
const seen = (await call("DescribeInstances", { InstanceIds: [ids[0]] })).Reservations[0].Instances[0];
assert.equal(seen.PublicIpAddress, address.PublicIp);
assert.equal(seen.BlockDeviceMappings.length, 2);
assert.deepEqual(seen.SecurityGroups, [{ GroupId: group, GroupName: "web" }]);
const target = (await balance("CreateTargetGroup", { Name: "tg", Protocol: "TCP", Port: 80, VpcId: vpc }))
  .TargetGroups[0].TargetGroupArn;
await balance("RegisterTargets", { TargetGroupArn: target, Targets: ids.map((Id) => ({ Id })) });
const lb = (await balance("CreateLoadBalancer", { Name: "lb", Type: "network", Subnets: [one, two] }))
  .LoadBalancers[0].LoadBalancerArn;
await balance("CreateListener", { LoadBalancerArn: lb, Protocol: "TCP", Port: 80,
  DefaultActions: [{ Type: "forward", TargetGroupArn: target }] });
await wait(elb.waitUntilLoadBalancerAvailable, l, { LoadBalancerArns: [lb] });
const health = await balance("DescribeTargetHealth", { TargetGroupArn: target });
assert.deepEqual(health.TargetHealthDescriptions.map((it) => it.TargetHealth.State), ["healthy", "healthy"]);
await call("StopInstances", { InstanceIds: [ids[1]] });
await wait(ec2.waitUntilInstanceStopped, e, { InstanceIds: [ids[1]] });
await call("ModifyInstanceAttribute", { InstanceId: ids[1], InstanceType: { Value: "t4g.medium" } });
await call("StartInstances", { InstanceIds: [ids[1]] });
await wait(ec2.waitUntilInstanceRunning, e, { InstanceIds: [ids[1]] });
const found = [];
for await (const page of ec2.paginateDescribeInstances({ client: e, pageSize: 5 },
  { Filters: [{ Name: "tag:Name", Values: ["web"] }, { Name: "instance-state-name", Values: ["running"] }] })) {
  found.push(...page.Reservations.flatMap((it) => it.Instances.map((one) => one.InstanceType)));
}
assert.deepEqual(found, ["t4g.small", "t4g.medium"]);
await refuses("DependencyViolation", call("DeleteSubnet", { SubnetId: one }));
await balance("DeleteLoadBalancer", { LoadBalancerArn: lb });
await balance("DeleteTargetGroup", { TargetGroupArn: target });
await call("TerminateInstances", { InstanceIds: ids });
await wait(ec2.waitUntilInstanceTerminated, e, { InstanceIds: ids });
await call("ReleaseAddress", { AllocationId: address.AllocationId });
await call("DeleteVolume", { VolumeId: volume });
await wait(ec2.waitUntilVolumeDeleted, e, { VolumeIds: [volume] });
await call("DeleteSecurityGroup", { GroupId: group });
await call("DeleteSubnet", { SubnetId: one });
await call("DeleteSubnet", { SubnetId: two });
await call("DetachInternetGateway", { InternetGatewayId: gateway, VpcId: vpc });
await call("DeleteInternetGateway", { InternetGatewayId: gateway });
await call("DeleteVpc", { VpcId: vpc });
await call("DeleteKeyPair", { KeyName: "k" });
await refuses("InvalidVpcID.NotFound", call("DescribeVpcs", { VpcIds: [vpc] }));

const d = new route53.Route53Client(options), b = new s3.S3Client(options);
const names = (name, input = {}) => d.send(new route53[name + "Command"](input));
const bucket = (name, input = {}) => b.send(new s3[name + "Command"](input));
const made = await names("CreateHostedZone", { Name: "example.org", CallerReference: "node" });
const zone = made.HostedZone.Id;
const record = (Action, Value = "192.0.2.1") => names("ChangeResourceRecordSets", { HostedZoneId: zone, ChangeBatch: { Changes: [
  { Action, ResourceRecordSet: { Name: "www.example.org", Type: "A", TTL: 60, ResourceRecords: [{ Value }] } }] } });
await wait(route53.waitUntilResourceRecordSetsChanged, d, { Id: (await record("CREATE")).ChangeInfo.Id });
await refuses("InvalidChangeBatch", record("CREATE", "192.0.2.9"));
const sets = (await names("ListResourceRecordSets", { HostedZoneId: zone })).ResourceRecordSets;
assert.deepEqual(sets.map((it) => it.Type), ["NS", "SOA", "A"]);
await refuses("HostedZoneNotEmpty", names("DeleteHostedZone", { Id: zone }));
await record("DELETE");
await names("DeleteHostedZone", { Id: zone });
await refuses("NoSuchHostedZone", names("GetHostedZone", { Id: zone }));
const Bucket = "sim-node", LocationConstraint = "eu-central-1";
await bucket("CreateBucket", { Bucket, CreateBucketConfiguration: { LocationConstraint, Tags: [{ Key: "a", Value: "b" }] } });
await refuses("BucketAlreadyOwnedByYou", bucket("CreateBucket", { Bucket, CreateBucketConfiguration: { LocationConstraint } }));
await wait(s3.waitUntilBucketExists, b, { Bucket });
assert.deepEqual((await bucket("GetBucketTagging", { Bucket })).TagSet, [{ Key: "a", Value: "b" }]);
await bucket("PutBucketTagging", { Bucket, Tagging: { TagSet: [{ Key: "a", Value: "c" }] } });
assert.equal((await bucket("ListBuckets", { MaxBuckets: 5 })).Buckets[0].BucketRegion, LocationConstraint);
await refuses("NotImplemented", bucket("PutObject", { Bucket, Key: "x", Body: "x" }));
await bucket("DeleteBucket", { Bucket });
await wait(s3.waitUntilBucketNotExists, b, { Bucket });
console.log("node: lived");
