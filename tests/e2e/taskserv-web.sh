#!/bin/bash
# nginx and haproxy on real servers.
set -u
. "$(dirname "$0")/../support/taskserv.sh"

ts_apply <<'YAML'
networks:
  lan: { cidr: 10.77.61.0/24 }
secrets:
  ca: { type: certificate, names: [ca.example], authority: true }
  tls: { type: certificate, names: [shop.example], issuer: ca }
servers:
  web:
    count: 2
    network: ${network.lan}
    taskservs:
      nginx:
        index: "page of web-${index}\n"
        sites:
          api: { port: 8081, upstreams: ["127.0.0.1:80"] }
          shop:
            port: 443
            upstreams: ["127.0.0.1:80"]
            tls:
              certificate: '${secret("tls", "certificate")}${secret("tls", "chain")}'
              key: '${secret("tls")}'
  lb:
    network: ${network.lan}
    taskservs:
      haproxy: { listen: 80, backends: "${server.web.ip}", check: "/", stats_port: 8404 }
YAML

# A load balancer takes a server in when its own checks have seen it, a moment after it came up.
serves() { page server.lb 127.0.0.1 80 | grep -q '^page of'; }
serves_both() {
    seen=$(for _ in 1 2 3 4; do page server.lb 127.0.0.1 80 | grep '^page of'; done | sort -u | wc -l)
    [ "$seen" -eq 2 ]
}
within 60 serves_both || fail "the load balancer answers from $seen servers, not 2"
page 'server.web[1]' 127.0.0.1 8081 | grep -q 'page of web-1' || fail "nginx does not pass requests on"

# TLS, by an authority that is a secret too; a rotation of it reaches the server.
tls_served() {
    on 'server.web[1]' "echo '$("$prov" -w "$ws" secret get ca certificate)' >/tmp/ca.pem
        openssl s_client -connect 127.0.0.1:443 -CAfile /tmp/ca.pem -verify_hostname shop.example \
            -verify_return_error </dev/null 2>&1" >"$work/tls"
    grep -q 'Verify return code: 0' "$work/tls" || fail "TLS: $(tail -5 "$work/tls")"
}
tls_served
prov_is rotated 0 secret rotate ca --yes
tls_served

ts_break 'server.web[1]' nginx "systemctl stop nginx" "service nginx"
ts_break 'server.web[1]' nginx "echo '# by hand' >> /etc/nginx/conf.d/prov.conf; rm /srv/www/default/index.html" \
    "prov.conf" "index.html"
ts_break 'server.web[2]' nginx "apt-get -q -y remove nginx" "package nginx"
ts_break server.lb haproxy "systemctl disable --now haproxy; sed -i s/roundrobin/source/ /etc/haproxy/haproxy.cfg" \
    "haproxy.cfg" "service haproxy"
ts_break server.lb haproxy "apt-get -q -y purge haproxy" "package haproxy"
within 60 serves || fail "no page after the repairs"

# Done means that the new configuration serves: what is asked right after it gets no old answer.
for port in 8090 8091 8092 8093 8094; do
    sed -i -E "s|api: \{ port: [0-9]+|api: { port: $port|" "$ws/infra.yaml"
    prov_is moved 0 apply --yes
    page 'server.web[1]' 127.0.0.1 $port | grep -q 'page of web-1' || fail "nginx does not serve port $port when apply ends"
    page 'server.web[1]' 127.0.0.1 $((port - 1)) >"$work/old" 2>&1 && fail "nginx still serves port $((port - 1))"
    sed -i -E "s|listen: [0-9]+|listen: $((port + 10))|" "$ws/infra.yaml"
    prov_is moved 0 apply --yes
    page server.lb 127.0.0.1 $((port + 10)) >"$work/new" 2>&1 || fail "haproxy does not serve port $((port + 10))"
    page server.lb 127.0.0.1 $((port + 9)) >"$work/old" 2>&1 && fail "haproxy still serves port $((port + 9))"
done
sed -i -E "s|listen: [0-9]+|listen: 80|" "$ws/infra.yaml"
prov_is moved 0 apply --yes

on 'server.web[1]' "mkdir -p /etc/systemd/system/nginx.service.d && printf '%s\n' '[Service]' ExecReload= \
    'ExecReload=/bin/sh -c \"(sleep 1; /usr/sbin/nginx -s reload) &\"' >/etc/systemd/system/nginx.service.d/slow.conf &&
    systemctl daemon-reload" || fail "cannot make reloads slow"
for upstream in '' '"127.0.0.1:80"'; do
    sed -i -E "s|upstreams: \[[^]]*\]|upstreams: [$upstream]|" "$ws/infra.yaml"
    prov_is moved 0 apply --yes
    page 'server.web[1]' 127.0.0.1 8094 >"$work/page" 2>&1
    got=$(grep -c 'page of web-1' "$work/page")
    [ "$got" = "$([ "$upstream" ] && echo 1 || echo 0)" ] || fail "an old page right after apply: $(cat "$work/page")"
done
on 'server.web[1]' "rm -r /etc/systemd/system/nginx.service.d && systemctl daemon-reload"

# A port that somebody else has: the reload fails, and is due until it succeeds.
sed -i -E "s|api: \{ port: [0-9]+|api: { port: 22|" "$ws/infra.yaml"
prov_is taken 1 apply --yes
grep -q "reload failed" "$work/taken" || fail "no word on the reload that failed: $(cat "$work/taken")"
grep -q "bind() to 0.0.0.0:22 failed" "$work/taken" || fail "no reason of the reload that failed: $(cat "$work/taken")"
prov_is plan 3 plan --detailed-exitcode
prov_is check 1 taskserv check nginx 'server.web[1]'
on 'server.web[1]' "rm -rf /var/lib/prov/pending" # as if an older prov had been content with it
prov_is check 1 taskserv check nginx 'server.web[1]'
grep -q "nginx answers on port 22" "$work/check" || fail "sshd is taken for nginx: $(cat "$work/check")"
sed -i -E "s|api: \{ port: [0-9]+|api: { port: 8081|" "$ws/infra.yaml"
prov_is free 0 apply --yes
sed -i -E "s|listen: 80|listen: 22|" "$ws/infra.yaml"
prov_is taken 1 apply --yes
# The master of haproxy lives on and takes a moment to give up: then it is the health check that finds it.
grep -qE "reload failed|another program listens on port 22, not haproxy" "$work/taken" ||
    fail "no word on haproxy's reload that failed: $(cat "$work/taken")"
sed -i -E "s|listen: 22|listen: 80|" "$ws/infra.yaml"
prov_is free 0 apply --yes
ts_settled

# A configuration haproxy refuses never replaces the good one.
sed -i 's|check: "/"|check: "/", address: "no.such.host.invalid"|' "$ws/infra.yaml"
prov_is refused 1 apply --yes
grep -q "validation failed" "$work/refused" || fail "no word on the refused configuration: $(cat "$work/refused")"
within 60 serves || fail "no page after a refused configuration"
sed -i 's|, address: "no.such.host.invalid"||' "$ws/infra.yaml"
prov_is good 0 apply --yes
ts_settled

ts_remove server.lb haproxy haproxy /etc/haproxy /var/lib/haproxy
ts_remove 'server.web[1]' nginx 'nginx.*' /etc/nginx /srv/www/default
ts_end
