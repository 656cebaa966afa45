#!/usr/bin/env python3
"""What botocore makes of requests to AWS's services of REST with XML: aws_rest_oracle.py < CASES > ANSWERS

CASES is a list of { service, operation, params, url, headers, body }: an operation, and the same request as prov made it.
ANSWERS has for each { method, target, body } as botocore writes them, and `authorization`, botocore's signature of prov's
request on 2015-08-30.
"""
import datetime
import json
import sys
import types
from urllib.parse import quote

import botocore.auth
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.serialize import create_serializer


class Then(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return cls(2015, 8, 30, 12, 36)


botocore.auth.datetime = types.SimpleNamespace(datetime=Then)
who = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
session = botocore.session.get_session()


def written(case):
    model = session.get_service_model(case["service"])
    made = create_serializer(model.metadata["protocol"], False).serialize_to_request(
        case["params"], model.operation_model(case["operation"]))
    query = made["query_string"]
    pairs = query.items() if isinstance(query, dict) else query
    text = "&".join(f"{quote(str(k), safe='')}={quote(str(v), safe='')}" for k, v in pairs)
    path, _, fixed = made["url_path"].partition("?")
    body = made["body"]
    return {"method": made["method"], "target": path + "?" + "&".join(p for p in (fixed, text) if p),
            "body": body.decode() if isinstance(body, bytes) else body or ""}


def signed(case):
    headers = {k: v for k, v in case["headers"].items() if k.lower() not in ("authorization", "x-amz-date")}
    request = AWSRequest(case["method"], case["url"], data=case["body"], headers=headers)
    of_s3 = case["service"] == "s3"
    make = botocore.auth.S3SigV4Auth if of_s3 else botocore.auth.SigV4Auth
    make(who, case["service"], "eu-north-1" if of_s3 else "us-east-1").add_auth(request)
    return request.headers["Authorization"]


json.dump([{**written(case), "authorization": signed(case)} for case in json.load(sys.stdin)], sys.stdout)
