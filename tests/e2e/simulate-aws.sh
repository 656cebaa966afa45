#!/bin/bash
# The simulated AWS is believed by three of AWS's own clients (aws, boto3, JavaScript), which each drive a life cycle;
# answers recorded requests of EC2 as EC2 did; survives kill -9; and has the faults of clouds.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
shared=$here/../../../shared
. "$here/../support/e2e.sh"
. "$here/../support/simulator.sh"
support=$here/../support/simulate
aws=/usr/bin/aws python=/usr/bin/python3
for tool in jq ssh-keygen "$python"; do
    command -v "$tool" >/dev/null || { echo "SKIP: no $tool"; exit 77; }
done
skipped=0
skip() {
    echo "SKIP: $*"
    skipped=$((skipped + 1))
}
at_exit() { simulator_stop KILL; }

export AWS_ACCESS_KEY_ID=AKIAJUDGE AWS_SECRET_ACCESS_KEY=simulated
export AWS_DEFAULT_REGION=eu-north-1 AWS_EC2_METADATA_DISABLED=true AWS_PAGER="" AWS_MAX_ATTEMPTS=1
ssh-keygen -q -t ed25519 -N '' -C me@x -f "$work/key"

a() { # a ARGS: the answer, as text, is in $work/said and printed
    "$aws" --endpoint-url "$url" --output text "$@" >"$work/said" 2>&1 || fail "aws $*: $(cat "$work/said")"
    cat "$work/said"
}
says() { # says PATTERN
    grep -qE -- "$1" "$work/said" || fail "no '$1' in: $(cat "$work/said")"
}
refuses() { # refuses CODE ARGS
    local code=$1
    shift
    "$aws" --endpoint-url "$url" --output text "$@" >"$work/said" 2>&1 && fail "aws $* is not refused"
    says "\($code\)"
}
empty() { # nothing is left, but what is terminated is seen for a while
    local left
    left=$("$prov" simulate state --dir "$world" -o json |
        jq -r '.[] | select(.kind != "token" and .kind != "dns_change" and .state != "terminated") | "\(.kind) \(.id)"')
    [ -z "$left" ] || fail "$1 left behind: $left"
    run 0 simulate reset --yes --dir "$world"
}

simulator_start aws --speed 200

# --- aws, of Debian ---
if [ -x "$aws" ]; then
    a ec2 import-key-pair --key-name k --public-key-material "fileb://$work/key.pub" >/dev/null
    says '^key-[0-9a-f]+|^[A-Za-z0-9+/=]+'
    vpc=$(a ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId \
        --tag-specifications 'ResourceType=vpc,Tags=[{Key=Name,Value=lan}]')
    s1=$(a ec2 create-subnet --vpc-id "$vpc" --cidr-block 10.0.1.0/24 --availability-zone eu-north-1a --query Subnet.SubnetId)
    s2=$(a ec2 create-subnet --vpc-id "$vpc" --cidr-block 10.0.2.0/24 --availability-zone eu-north-1b --query Subnet.SubnetId)
    igw=$(a ec2 create-internet-gateway --query InternetGateway.InternetGatewayId)
    a ec2 attach-internet-gateway --internet-gateway-id "$igw" --vpc-id "$vpc"
    rtb=$(a ec2 describe-route-tables --filters "Name=vpc-id,Values=$vpc" Name=association.main,Values=true \
        --query 'RouteTables[0].RouteTableId')
    a ec2 create-route --route-table-id "$rtb" --destination-cidr-block 0.0.0.0/0 --gateway-id "$igw" >/dev/null
    says True
    sg=$(a ec2 create-security-group --group-name web --description web --vpc-id "$vpc" --query GroupId)
    a ec2 authorize-security-group-ingress --group-id "$sg" --protocol tcp --port 22 --cidr 0.0.0.0/0 >/dev/null
    says 'SECURITYGROUPRULES.*22.*sgr-'
    ami=$(a ec2 describe-images --owners 136693071363 --filters 'Name=name,Values=debian-12-amd64-*' \
        --query 'sort_by(Images,&CreationDate)[-1].ImageId')
    ids=$(a ec2 run-instances --image-id "$ami" --instance-type t3.micro --key-name k --subnet-id "$s1" \
        --security-group-ids "$sg" --count 2 --query 'Instances[].InstanceId' --client-token once)
    read -r web1 web2 <<<"$ids"
    [ "$(a ec2 run-instances --image-id "$ami" --instance-type t3.micro --key-name k --subnet-id "$s1" \
        --security-group-ids "$sg" --count 2 --query 'Instances[].InstanceId' --client-token once)" = "$ids" ] ||
        fail "the same token gives other instances"
    a ec2 wait instance-running --instance-ids "$web1" "$web2"
    vol=$(a ec2 create-volume --size 10 --availability-zone eu-north-1a --volume-type gp3 --query VolumeId)
    a ec2 wait volume-available --volume-ids "$vol"
    a ec2 attach-volume --volume-id "$vol" --instance-id "$web1" --device /dev/sdf >/dev/null
    says attaching
    a ec2 wait volume-in-use --volume-ids "$vol"
    refuses DependencyViolation ec2 delete-security-group --group-id "$sg"
    eip=$(a ec2 allocate-address --query AllocationId)
    a ec2 associate-address --allocation-id "$eip" --instance-id "$web1" >/dev/null
    says '^eipassoc-'
    tg=$(a elbv2 create-target-group --name tg --protocol HTTP --port 80 --vpc-id "$vpc" \
        --query 'TargetGroups[0].TargetGroupArn')
    a elbv2 register-targets --target-group-arn "$tg" --targets "Id=$web1" "Id=$web2"
    lb=$(a elbv2 create-load-balancer --name lb --subnets "$s1" "$s2" --security-groups "$sg" \
        --query 'LoadBalancers[0].LoadBalancerArn')
    a elbv2 create-listener --load-balancer-arn "$lb" --protocol HTTP --port 80 \
        --default-actions "Type=forward,TargetGroupArn=$tg" >/dev/null
    a elbv2 wait load-balancer-available --load-balancer-arns "$lb"
    a elbv2 describe-target-health --target-group-arn "$tg" \
        --query 'TargetHealthDescriptions[].TargetHealth.State' >/dev/null
    says 'healthy.healthy'
    refuses IncorrectInstanceState ec2 modify-instance-attribute --instance-id "$web2" --instance-type t3.small
    a ec2 stop-instances --instance-ids "$web2" >/dev/null
    says 'CURRENTSTATE.*stopping'
    a ec2 wait instance-stopped --instance-ids "$web2"
    a ec2 modify-instance-attribute --instance-id "$web2" --instance-type t3.small
    a ec2 start-instances --instance-ids "$web2" >/dev/null
    a ec2 wait instance-running --instance-ids "$web2"
    a ec2 create-tags --resources "$web1" --tags Key=role,Value=web
    a ec2 describe-instances --filters 'Name=tag:role,Values=w*' --query 'Reservations[].Instances[].[InstanceId]' >/dev/null
    says "^$web1\$"
    a ec2 describe-instances --query 'Reservations[].Instances[].[InstanceId,InstanceType,State.Name]' >/dev/null
    says "$web1.t3.micro.running"
    says "$web2.t3.small.running"
    a elbv2 delete-load-balancer --load-balancer-arn "$lb"
    a elbv2 delete-target-group --target-group-arn "$tg"
    refuses VolumeInUse ec2 delete-volume --volume-id "$vol"
    a ec2 terminate-instances --instance-ids "$web1" "$web2" >/dev/null
    says 'CURRENTSTATE.*shutting-down'
    a ec2 wait instance-terminated --instance-ids "$web1" "$web2"
    a ec2 release-address --allocation-id "$eip"
    a ec2 delete-volume --volume-id "$vol"
    a ec2 delete-security-group --group-id "$sg" >/dev/null
    a ec2 delete-subnet --subnet-id "$s1"
    a ec2 delete-subnet --subnet-id "$s2"
    a ec2 detach-internet-gateway --internet-gateway-id "$igw" --vpc-id "$vpc"
    a ec2 delete-internet-gateway --internet-gateway-id "$igw"
    a ec2 delete-vpc --vpc-id "$vpc"
    a ec2 delete-key-pair --key-name k >/dev/null
    zone=$(a route53 create-hosted-zone --name example.org --caller-reference once --query HostedZone.Id)
    says '^/hostedzone/Z[0-9A-F]+$'
    record() { # record ACTION: the change's id
        a route53 change-resource-record-sets --hosted-zone-id "$zone" --query ChangeInfo.Id --change-batch '{"Changes": [{
            "Action": "'"$1"'", "ResourceRecordSet": {"Name": "www.example.org", "Type": "A", "TTL": 60,
            "ResourceRecords": [{"Value": "192.0.2.1"}]}}]}'
    }
    change=$(record CREATE)
    a route53 wait resource-record-sets-changed --id "$change"
    a route53 list-resource-record-sets --hosted-zone-id "$zone" --query 'ResourceRecordSets[].[Name,Type,TTL]' >/dev/null
    says '^www.example.org..A.60$'
    refuses HostedZoneNotEmpty route53 delete-hosted-zone --id "$zone"
    record DELETE >/dev/null
    a route53 delete-hosted-zone --id "$zone" >/dev/null
    a s3 mb s3://sim-files >/dev/null
    a s3 ls >/dev/null
    says ' sim-files$'
    a s3 ls s3://sim-files
    a s3api put-bucket-tagging --bucket sim-files --tagging 'TagSet=[{Key=a,Value=b}]'
    a s3api get-bucket-tagging --bucket sim-files >/dev/null
    says '^TAGSET.a.b$'
    refuses NotImplemented s3 cp "$work/key.pub" s3://sim-files/key
    a s3 rb --force s3://sim-files >/dev/null
    a sts get-caller-identity >/dev/null
    says '^123456789012'
    sleep 0.2
    empty aws
else
    skip "no aws (apt install awscli)"
fi

# --- boto3 ---
if "$python" -c 'import boto3' 2>/dev/null; then
    "$python" "$support/aws_python.py" "$url" "$work/key.pub" >"$work/out" 2>&1 || fail "boto3: $(tail -5 "$work/out")"
    has "boto3: lived"
    "$python" "$support/aws_zones.py" "$url" >"$work/out" 2>&1 || fail "boto3: $(tail -5 "$work/out")"
    has "boto3: zones and buckets"
    sleep 0.2
    empty boto3
    recordings=$shared/fixtures/aws
    if [ -d "$recordings" ]; then
        "$python" "$support/aws_replay.py" "$url" "$recordings"/ec2-vcr-{manageiq,puppetlabs}-json >"$work/out" 2>&1 ||
            fail "replay: $(grep -v ALLOWED "$work/out")"
        grep ^REPLAYED "$work/out"
        has "same=75 scrubbed=2 sent=93 with_reasons=18 different=0"
        run 0 simulate reset --yes --dir "$world"
    else
        skip "the recorded traffic is not there"
    fi
else
    skip "no python3-boto3: no life, no recorded traffic"
fi

# --- JavaScript ---
mkdir "$work/node" && cp "$support/aws_node.mjs" "$work/node"
if command -v npm >/dev/null && (cd "$work/node" && timeout 120 npm install --silent --no-fund --no-audit \
    @aws-sdk/client-ec2@3 @aws-sdk/client-elastic-load-balancing-v2@3 @aws-sdk/client-route-53@3 \
    @aws-sdk/client-s3@3 >"$work/npm.log" 2>&1); then
    (cd "$work/node" && node aws_node.mjs "$url" "$work/key.pub") >"$work/out" 2>&1 || fail "node: $(tail -9 "$work/out")"
    has "node: lived"
    sleep 0.2
    empty node
else
    skip "AWS's client for JavaScript cannot be installed: $(tail -1 "$work/npm.log" 2>/dev/null)"
fi
[ -x "$aws" ] || { echo "SKIPPED: $skipped judges"; e2e_end; }

# --- kill -9: what was answered is there, whole ---
image=$(a ec2 describe-images --filters 'Name=name,Values=debian-12-amd64-*' --query 'Images[0].ImageId')
for n in 1 2 3; do
    "$python" -u "$support/aws_maker.py" "$url" "$image" "kill-$n" >"$work/acknowledged" 2>/dev/null &
    maker=$!
    for _ in $(seq 100); do
        [ -s "$work/acknowledged" ] && break
        sleep 0.1
    done
    sleep "0.$n"
    simulator_stop 9
    wait "$maker" 2>/dev/null
    simulator_start aws --speed 200
    run 0 simulate state --dir "$world" -o json
    jq -r '.[] | select(.kind == "instance") | .id' "$work/out" | sort >"$work/there"
    missing=$(sort "$work/acknowledged" | comm -23 - "$work/there")
    [ -z "$missing" ] || fail "kill -9: acknowledged instances are gone: $missing"
    [ -s "$work/acknowledged" ] || fail "kill -9 came before the first instance"
    [ $(($(wc -l <"$work/there") % 3)) = 0 ] || fail "kill -9: half a reservation"
    for kind in interface volume; do
        run 0 simulate state $kind --dir "$world" -o json
        [ "$(jq length "$work/out")" = "$(wc -l <"$work/there")" ] || fail "kill -9: an instance without its $kind"
    done
    run 0 simulate reset --yes --dir "$world"
    image=$(a ec2 describe-images --filters 'Name=name,Values=debian-12-amd64-*' --query 'Images[0].ImageId')
done

# --- Faults: a token makes one instance of two tries, whatever was lost ---
cat >"$work/faults.yaml" <<'END'
faults:
  - { fault: lost_answer, operation: RunInstances, nth: [1] }
  - { fault: rate_limit, operation: DescribeVpcs, times: 1 }
  - { fault: unavailable, operation: DescribeSubnets, times: 1 }
  - { fault: locked, operation: CreateVpc, times: 1 }
  - { fault: failed_action, operation: RunInstances, nth: [3] }
  - { fault: stale, operation: DescribeInstances, age: 1h, times: 1 }
END
run 0 simulate faults "$work/faults.yaml" --dir "$world"
boot() { # boot TOKEN
    "$aws" --endpoint-url "$url" --output text ec2 run-instances --image-id "$image" --instance-type t3.micro \
        --client-token "$1" --query 'Instances[0].InstanceId' >"$work/said" 2>&1
}
boot one && fail "the answer is not lost: $(cat "$work/said")"
boot one || fail "no second try: $(cat "$work/said")"
a ec2 describe-instances --query 'length(Reservations)' >/dev/null
says '^0$' # a stale read
a ec2 describe-instances --query 'length(Reservations)' >/dev/null
says '^1$'
boot two || fail "no third try: $(cat "$work/said")"
id=$(cat "$work/said")
run 0 simulate clock --advance 1m --dir "$world"
a ec2 describe-instances --instance-ids "$id" --query 'Reservations[].Instances[].[State.Name,StateReason.Code]' >/dev/null
says 'terminated.Server.InternalError'
refuses RequestLimitExceeded ec2 describe-vpcs
a ec2 describe-vpcs >/dev/null
refuses Unavailable ec2 describe-subnets
refuses IncorrectState ec2 create-vpc --cidr-block 10.0.0.0/16
run 0 simulate calls --dir "$world" -o json
jq -e 'map(select(.fault)) | length == 6' "$work/out" >/dev/null || fail "calls: $(cat "$work/out")"
run 0 simulate faults --clear --dir "$world"
simulator_stop TERM

# --- Eventual consistency, limits of rate and number, the only secret ---
run 0 simulate reset --yes --dir "$world"
simulator_start aws --speed 1 --consistency 1h --quota aws.vpc=8 --rate 8 --token other
refuses AuthFailure ec2 describe-vpcs
refuses SignatureDoesNotMatch sts get-caller-identity
export AWS_SECRET_ACCESS_KEY=other
vpc=$(a ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId)
refuses InvalidVpcID.NotFound ec2 describe-vpcs --vpc-ids "$vpc"
refuses InvalidVpcID.NotFound ec2 create-tags --resources "$vpc" --tags Key=k,Value=v
refuses InvalidVpcID.NotFound ec2 create-subnet --vpc-id "$vpc" --cidr-block 10.0.1.0/24
run 0 simulate clock --advance 61m --dir "$world"
a ec2 describe-vpcs --vpc-ids "$vpc" >/dev/null
says "$vpc"
refuses VpcLimitExceeded ec2 create-vpc --cidr-block 10.0.0.0/16
for _ in 1 2 3 4 5 6 7; do "$aws" --endpoint-url "$url" ec2 describe-regions >/dev/null 2>&1; done
refuses RequestLimitExceeded ec2 describe-regions

[ "$skipped" = 0 ] || echo "SKIPPED: $skipped judges"
e2e_end
