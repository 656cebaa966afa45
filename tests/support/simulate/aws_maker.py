#!/usr/bin/env python3
"""Runs instances, three at a time, until nobody answers, and prints their ids: aws_maker.py URL IMAGE TOKEN"""
import sys

import boto3
from botocore.config import Config

url, image, token = sys.argv[1:]
ec2 = boto3.client("ec2", endpoint_url=url, config=Config(retries={"max_attempts": 1}))
for i in range(1000):
    made = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=3, MaxCount=3, ClientToken=f"{token}-{i}")
    print("\n".join(one["InstanceId"] for one in made["Instances"]), flush=True)
