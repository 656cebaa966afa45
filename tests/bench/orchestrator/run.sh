#!/bin/bash
# The orchestrator: jobs a second from submission to end, how long they wait, reads, 10,000 jobs at once, and a
# million jobs with the memory they take.  Everything is durable; the floor is one client of /health, which shows
# what HTTP alone costs here.
#
#   prov bench orchestrator [JOBS [IN_FLIGHT]]     (1000000 and 10000)
#
# Needs wrk (Debian package of that name), curl and python3.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:-$here/../../../build/test-release/bin/prov}
total=${1:-1000000} flight=${2:-10000}
command -v wrk >/dev/null || { echo "wrk is not here: apt-get install wrk"; exit 1; }
work=$(mktemp -d)
export HOME=$work XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config
server=''
clean() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || :
    rm -rf "$work"
}
trap clean EXIT

start() { # start ARGUMENT...
    "$prov" serve --listen 127.0.0.1:0 --workers 2 --data "$work/data" "$@" >"$work/log" 2>&1 </dev/null &
    server=$!
    for _ in $(seq 100); do
        url=$(cat "$work/data/address" 2>/dev/null) && curl -sf "$url/ready" >/dev/null && break
        sleep 0.1
    done
    token=$(cat "$work/data/token")
}
stop() {
    kill "$server"
    wait "$server" || :
    server=
    rm -rf "$work/data"
}
metric() { curl -s "$url/metrics" | awk -v name="$1" '$1 == name { print $2 }'; }
anon() { awk '/RssAnon/ { print $2 * 1024 }' "/proc/$server/status"; }
mib() { awk -v bytes="$1" 'BEGIN { printf "%.1f MiB", bytes / 1048576 }'; }
cpu() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }
load() { # load SECONDS CONNECTIONS PATH [BODY]: requests a second
    {
        echo "wrk.headers['Authorization'] = 'Bearer $token'"
        [ -z "${4:-}" ] || echo "wrk.method = 'POST' wrk.headers['Content-Type'] = 'application/json' wrk.body = [[$4]]"
    } >"$work/load.lua"
    wrk -t1 -c"$2" -d"$1" -s "$work/load.lua" "$url$3" | awk '/Requests\/sec/ { print int($2) }'
}
wait_for() { # wait_for COUNT: until so many jobs have ended
    while [ "$(metric 'prov_jobs_ended_total{state="done"}')" != "$1" ]; do sleep 0.2; done
}
quantile() { # of the time jobs waited, from the histogram: the bucket's bound
    curl -s "$url/metrics" | python3 -c '
import re, sys
rows = re.findall(r"prov_job_wait_seconds_bucket\{le=\"([^\"]+)\"\} (\d+)", sys.stdin.read())
total = int(rows[-1][1])
print(next(bound for bound, count in rows if int(count) >= total * float(sys.argv[1])), "s")' "$1"
}

start
echo "idle: $(mib "$(awk '/VmRSS/ { print $2 * 1024 }' "/proc/$server/status")") resident"
for round in 1 2 3; do
    echo "round $round: /health $(load 3 64 /health)/s"
    before=$(metric prov_jobs_submitted_total) ticks=$(cpu)
    load 5 64 /v1/jobs '{"operation":"version"}' >/dev/null
    after=$(metric prov_jobs_submitted_total)
    wait_for "$after"
    echo "round $round: jobs $(((after - before) / 5))/s from submission to end," \
        "$((($(cpu) - ticks) * 10000 / (after - before))) us of processor time each in the orchestrator"
done
job=$(curl -s -H "Authorization: Bearer $token" "$url/v1/jobs?limit=1" | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["id"])')
echo "read of a job: $(load 3 64 "/v1/jobs/$job")/s"
stop

start
load 5 4 /v1/jobs '{"operation":"version"}' >/dev/null
wait_for "$(metric prov_jobs_submitted_total)"
echo "with 4 clients in turns: half of the jobs began within $(quantile 0.5), 99 % within $(quantile 0.99)"
stop

start --concurrency "$flight"
count=0
python3 - "$url" "$token" "$flight" <<'PY'
import http.client, json, sys, threading
host, token, total = sys.argv[1].split("//")[1], sys.argv[2], int(sys.argv[3])
def submit(count):
    connection = http.client.HTTPConnection(host)
    for _ in range(count):
        connection.request("POST", "/v1/jobs", json.dumps({"operation": "wait", "params": {"duration": 20}}),
                           {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 202, answer.status
threads = [threading.Thread(target=submit, args=(total // 8,)) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
PY
flight=$((flight / 8 * 8))
for _ in $(seq 60); do
    now=$(metric prov_jobs_running)
    [ "$now" -le "$count" ] || count=$now
    [ "$count" -lt "$flight" ] || break
    sleep 0.2
done
echo "in flight: $count jobs at once; orchestrator $(mib "$(anon)"), workers $(mib "$(metric prov_worker_resident_bytes)")"
wait_for "$flight"
echo "in flight: all $flight done"
stop

start --keep 60s
began=$(date +%s)
(
    while [ "$(metric prov_jobs_submitted_total)" -lt "$total" ]; do
        load 10 64 /v1/jobs '{"operation":"version"}' >/dev/null
    done
) &
feeder=$!
least='' most=0
while kill -0 "$feeder" 2>/dev/null; do
    sleep 5
    now=$(anon)
    [ $(($(date +%s) - began)) -lt 75 ] && continue # until old jobs go as new ones come
    [ -z "$least" ] && echo "soak: $(mib "$now") after $(metric prov_jobs_submitted_total) jobs"
    [ -n "$least" ] && [ "$least" -le "$now" ] || least=$now
    [ "$most" -ge "$now" ] || most=$now
done
wait "$feeder"
submitted=$(metric prov_jobs_submitted_total)
wait_for "$submitted"
echo "soak: $submitted jobs in $(($(date +%s) - began)) s, all done; memory of the orchestrator between $(mib "${least:-0}")" \
    "and $(mib "$most"), $(mib "$(anon)") at the end; file $(mib "$(stat -c %s "$work/data/queue.mdb")")"
