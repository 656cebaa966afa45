#!/bin/bash
# nginx and haproxy on real servers.
set -u
. "$(dirname "$0")/../support/taskserv.sh"

ts_apply <<'YAML'
networks:
  lan: { cidr: 10.77.61.0/24 }
servers:
  web:
    count: 2
    network: ${network.lan}
    taskservs:
      nginx:
        index: "page of web-${index}\n"
        sites:
          api: { port: 8081, upstreams: ["127.0.0.1:80"] }
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

ts_break 'server.web[1]' nginx "systemctl stop nginx" "service nginx"
ts_break 'server.web[1]' nginx "echo '# by hand' >> /etc/nginx/conf.d/prov.conf; rm /srv/www/default/index.html" \
    "prov.conf" "index.html"
ts_break 'server.web[2]' nginx "apt-get -q -y remove nginx" "package nginx"
ts_break server.lb haproxy "systemctl disable --now haproxy; sed -i s/roundrobin/source/ /etc/haproxy/haproxy.cfg" \
    "haproxy.cfg" "service haproxy"
ts_break server.lb haproxy "apt-get -q -y purge haproxy" "package haproxy"
within 60 serves || fail "no page after the repairs"

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
