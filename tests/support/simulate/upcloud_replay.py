#!/usr/bin/env python3
"""Sends recorded requests of the real UpCloud to a simulator and compares its answers with the recorded ones.

    upcloud_replay.py URL FOLDER [--verbose]

FOLDER holds recordings as JSON: lists of { method, url, request_body, status, response_headers, response_body }.
Status, content type, and the tree of keys and types of each answer are compared. Ids and addresses of the recording
are replaced by those the simulator gave for the same thing. Exit code 1 when something differs that is not in KNOWN.
"""
import collections
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request

API = "https://api.upcloud.com"

# Recorded paths the simulator does not have, with the reason: (pattern, reason).
LEFT_OUT = [
    (r"^https?://(?!api\.)", "uploads go to another host"),
    (r"/account/(sub|details|list)", "sub-accounts"),
    (r"/permission", "permissions of sub-accounts"),
    (r"/file-storage", "file storage: prov has no such kind"),
    (r"/gateway", "gateways: prov has no such kind"),
    (r"/host", "private clouds"),
]

# Differences of trees: (path of the request, path in the answer, reason). Lists are [] in paths.
KNOWN = [
    (r"", r"^\.server\.host$", "only while it runs: the recordings have it in some states and not in others"),
    (r"", r"\.storage_device\[\]\.(storage_encrypted|labels)$", "newer than most recordings"),
    (r"", r"\.(encrypted|labels|template_type|origin|part_of_plan)$", "newer than most recordings, or of some types only"),
    (r"/network", r"\.(effective_routes|dhcp_effective_routes|dhcp_routes_configuration|labels|router|servers|dhcp_dns"
     r"|dhcp_routes)(\.|$|\[)", "by the age of the recording, or of some networks only"),
    (r"/server", r"\.(server_group|user_data)$", "when it has one"),
    (r"/server", r"\.dhcp_provided$", "newer than some recordings"),
    (r"/server", r"\.(username|password|progress)$", "of the answer to a creation, when a password was made"),
    (r"/ip_address", r"\.(ptr_record|server|mac|floating)$", "of some addresses only"),
    (r"/price", r"\.zone\[\]\.", "other plans and services have a price"),
    (r"/load-balancer", r"^(\[\])?\.(nodes|frontends|backends|resolvers|labels|ip_addresses|network_uuid|networks)",
     "the recording's account has other balancers; nodes when it runs"),
    (r"/server", r"^\.server\.devices$", "graphics cards"),
    (r"/server", r"\.release_policy$", "newer than most recordings"),
    (r"", r"\.(created|attached_network_gateways|last_used_at)$", "newer than some recordings, or of some things only"),
    (r"/router", r"\.(attached_networks|static_routes|labels)", "of the recording's other routers"),
    (r"/storage", r"\.(backup_rule|backups|servers)\.", "of storages that have some"),
    (r"/import", r"\.(direct_upload_url|source_location)$", "by the source"),
]

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TEMPLATE = re.compile(r"01000000-0000-4000-8000-\d{12}")
DEBIAN = "01000000-0000-4000-8000-000020060100"
REPLACED = re.compile(r"^([0-9a-f-]{36}|\d+\.\d+\.\d+\.\d+|[0-9a-f:]{15,39}|([0-9a-f]{2}:){5}[0-9a-f]{2})$")


def kind(value):
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return {str: "text", type(None): "null", list: "list", dict: "map"}[type(value)]


def differences(theirs, ours, path, out):
    """Paths at which the trees of keys and types differ."""
    if kind(theirs) != kind(ours):
        out.add((path, "%s, recorded %s" % (kind(ours), kind(theirs))))
    elif isinstance(theirs, dict):
        for key in theirs.keys() - ours.keys():
            out.add((path + "." + key, "missing"))
        for key in ours.keys() - theirs.keys():
            out.add((path + "." + key, "not recorded"))
        for key in theirs.keys() & ours.keys():
            differences(theirs[key], ours[key], path + "." + key, out)
    elif isinstance(theirs, list) and theirs and ours:
        differences(theirs[0], ours[0], path + "[]", out)


def learn(theirs, ours, names):
    """Notes what the simulator calls the things of the recording."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in theirs.keys() & ours.keys():
            learn(theirs[key], ours[key], names)
    elif isinstance(theirs, list) and isinstance(ours, list):
        for one, other in zip(theirs, ours):
            learn(one, other, names)
    if isinstance(theirs, dict) and isinstance(ours, dict) and isinstance(ours.get("name"), str):
        names.setdefault(ours["name"], ours["name"])
    if isinstance(theirs, str) and isinstance(ours, str) and REPLACED.match(theirs) and REPLACED.match(ours):
        names.setdefault(theirs, ours)


def renamed(text, names):
    for theirs in sorted(names, key=len, reverse=True):
        text = text.replace(theirs, names[theirs])
    return TEMPLATE.sub(DEBIAN, text)


def send(url, method, body):
    request = urllib.request.Request(url, data=body.encode() if body else None, method=method)
    request.add_header("Authorization", "Bearer ucat_replay")
    request.add_header("Accept", "application/json")
    if body:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers.get("Content-Type", ""), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Content-Type", ""), error.read().decode()


def state_of(body):
    for one in (body.values() if isinstance(body, dict) else []):
        if isinstance(one, dict) and "state" in one:
            return one["state"]
    return body.get("operational_state") if isinstance(body, dict) else None


def parsed(text):
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def left_out(url):
    for pattern, reason in LEFT_OUT:
        if re.search(pattern, url):
            return reason
    return None


def before(one, names):
    """The reason to leave out what is about things that were there before the recording began."""
    path = one["url"].replace(API, "")
    for found in UUID.findall(path):
        if found not in names and not TEMPLATE.match(found):
            return "things made before the recording"
    if re.search(r"/tag/", path) and one["method"] == "DELETE" and path.rsplit("/", 1)[1] not in names:
        return "things made before the recording"
    if re.search(r"/ip_address/.", path) and path.rsplit("/", 1)[1] not in names:
        return "things made before the recording"
    return None


def known(path, at):
    for request, answer, reason in KNOWN:
        if re.search(request, path) and re.search(answer, at):
            return reason
    return None


def replay(base, recording, tell):
    """Counts of one recording: equal, known, wrong, left out."""
    counts, names, reasons = collections.Counter(), {}, collections.Counter()
    deleted = set()
    for i, one in enumerate(recording):
        reason = left_out(one["url"]) or before(one, names)
        if reason:
            counts["left out"] += 1
            reasons[reason] += 1
            continue
        following = recording[i + 1] if i + 1 < len(recording) else None
        polls = following and one["method"] == "GET" == following["method"] and one["url"] == following["url"]
        path = one["url"].replace(API, "")
        theirs = parsed(one["response_body"] or "")
        wanted, deadline = state_of(theirs), time.time() + 10
        while True:
            status, content, text = send(base + renamed(path, names), one["method"],
                                         renamed(one["request_body"] or "", names))
            ours = parsed(text)
            busy = status == 409 != one["status"] and "STATE_ILLEGAL" in text
            settled = polls or one["method"] != "GET" or status == one["status"] and state_of(ours) == wanted
            if settled and not busy or time.time() > deadline:
                break
            time.sleep(0.02)
        if one["method"] == "DELETE":
            deleted.add(path)
        elif path in deleted and status == 404 != one["status"]:
            counts["left out"] += 1
            reasons["looks at what is being deleted: time passes faster here"] += 1
            continue
        found = set()
        if status != one["status"]:
            found.add(("status", "%d, recorded %d: %s" % (status, one["status"], text[:200])))
        else:
            recorded = (one["response_headers"] or {}).get("Content-Type", "")
            if recorded.split(";")[0] != (content or "").split(";")[0]:
                found.add(("content type", "%s, recorded %s" % (content, recorded)))
            differences(theirs, ours, "", found)
            learn(theirs, ours, names)
        wrong = []
        for at, what in sorted(found):
            reason = known(path, at)
            reasons[reason] += 1 if reason else 0
            if not reason:
                wrong.append("%s %s: %s: %s" % (one["method"], path, at, what))
        counts["wrong" if wrong else "known" if found else "equal"] += 1
        for line in wrong:
            tell(line)
    return counts, reasons


def main():
    base, folder = sys.argv[1], sys.argv[2]
    total, reasons = collections.Counter(), collections.Counter()
    for name in sorted(os.listdir(folder)):
        if name.endswith(".json"):
            with open(os.path.join(folder, name)) as file:
                counts, why = replay(base, json.load(file), lambda line, name=name: print("%s: %s" % (name, line)))
            total += counts
            reasons += why
    if "--verbose" in sys.argv:
        for reason, count in sorted(reasons.items(), key=lambda row: -row[1]):
            print("%5d %s" % (count, reason))
    print("%d interactions: %d equal, %d with known differences, %d left out, %d wrong" % (
        sum(total.values()), total["equal"], total["known"], total["left out"], total["wrong"]))
    return 1 if total["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
