"""Reads the simulated price list as users of boto3 do, and prints prices by short names.

    aws_prices.py URL
"""
import json
import sys

import boto3
from botocore.exceptions import ClientError

client = boto3.client("pricing", region_name="us-east-1", endpoint_url=sys.argv[1])


def products(service, **filters):
    """All pages of what fits, three to a page."""
    pages = client.get_paginator("get_products").paginate(
        ServiceCode=service, FormatVersion="aws_v1", PaginationConfig={"PageSize": 3},
        Filters=[{"Type": "TERM_MATCH", "Field": field, "Value": v} for field, v in filters.items()])
    return [json.loads(text) if isinstance(text, str) else text for page in pages for text in page["PriceList"]]


def price(service, usage, **filters):
    """The price of the product whose usage type is that of the region."""
    found = [p for p in products(service, regionCode="eu-central-1", **filters)
             if p["product"]["attributes"]["usagetype"] == "EUC1-" + usage]
    assert len(found) == 1, (usage, found)
    assert found[0]["product"]["attributes"]["location"] == "EU (Frankfurt)"
    (term,) = found[0]["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    assert "invented" in dimension["description"]
    return float(dimension["pricePerUnit"]["USD"])


def refused(code, call, **params):
    """The call fails with the code."""
    try:
        call(**params)
    except ClientError as e:
        assert e.response["Error"]["Code"] == code, e
        return
    raise AssertionError(code)


LINUX = {"operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used"}
out = {name: price("AmazonEC2", "BoxUsage:" + name, instanceType=name, **LINUX)
       for name in ("t3.small", "t3.medium", "m5.large")}
out.update(
    gp3=price("AmazonEC2", "EBS:VolumeUsage.gp3", productFamily="Storage", volumeApiName="gp3"),
    st1=price("AmazonEC2", "EBS:VolumeUsage.st1", productFamily="Storage", volumeApiName="st1"),
    gp3_iops=price("AmazonEC2", "EBS:VolumeP-IOPS.gp3", productFamily="System Operation"),
    snapshot=price("AmazonEC2", "EBS:SnapshotUsage", productFamily="Storage Snapshot"),
    nat=price("AmazonEC2", "NatGateway-Hours", productFamily="NAT Gateway"),
    alb=price("AWSELB", "LoadBalancerUsage", productFamily="Load Balancer-Application"),
    address=price("AmazonVPC", "PublicIPv4:InUseAddress", group="VPCPublicIPv4Address"))

codes = [s["ServiceCode"] for s in client.get_paginator("describe_services").paginate().build_full_result()["Services"]]
assert {"AmazonEC2", "AWSELB", "AmazonVPC", "AmazonRoute53"} <= set(codes), codes
(service,) = client.describe_services(ServiceCode="AmazonEC2")["Services"]
assert {"instanceType", "regionCode", "volumeApiName", "productFamily"} <= set(service["AttributeNames"])
types = client.get_paginator("get_attribute_values").paginate(
    ServiceCode="AmazonEC2", AttributeName="instanceType", PaginationConfig={"PageSize": 5}).build_full_result()
assert {"t3.small", "m5.large"} <= {v["Value"] for v in types["AttributeValues"]}

refused("NotFoundException", client.get_products, ServiceCode="AmazonNothing")
refused("InvalidNextTokenException", client.get_products, ServiceCode="AmazonEC2", NextToken="x")
refused("InvalidParameterException", client.get_products, ServiceCode="AmazonEC2", MaxResults=100,
        Filters=[{"Type": "REGEX", "Field": "x", "Value": "y"}])
refused("InvalidSignatureException", boto3.client(
    "pricing", region_name="eu-north-1", endpoint_url=sys.argv[1]).get_products, ServiceCode="AmazonEC2")
refused("InvalidSignatureException", boto3.client(
    "pricing", region_name="us-east-1", endpoint_url=sys.argv[1], aws_secret_access_key="no",
    aws_access_key_id="AKIANO").get_products, ServiceCode="AmazonEC2")
json.dump(out, sys.stdout)
