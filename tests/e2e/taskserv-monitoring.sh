#!/bin/bash
# prometheus with node exporters, and containerd.
set -u
. "$(dirname "$0")/../support/taskserv.sh"

ts_apply <<'YAML'
networks:
  lan: { cidr: 10.77.64.0/24 }
servers:
  node:
    count: 2
    network: ${network.lan}
    taskservs:
      node-exporter: { collectors: ["!wifi", systemd] }
      containerd: { keep_data: false }
  mon:
    network: ${network.lan}
    taskservs:
      prometheus: { targets: "${server.node.ip}", interval: 1s, keep_data: false }
YAML

exporters_up() {
    up=$(page server.mon 127.0.0.1 9090 '/api/v1/query?query=up==1' | grep -o '"job":"node"' | wc -l)
    [ "$up" = 2 ]
}
within 120 exporters_up || fail "prometheus sees $up exporters up, not 2"
on 'server.node[1]' "ctr version" | grep -q Server || fail "containerd does not answer"

ts_break server.mon prometheus "systemctl stop prometheus" "service prometheus"
ts_break server.mon prometheus "sed -i s/1s/9s/ /etc/prometheus/prometheus.yml" "prometheus.yml"
ts_break 'server.node[1]' node-exporter "apt-get -q -y remove prometheus-node-exporter" "prometheus-node-exporter"
ts_break 'server.node[1]' containerd "systemctl stop containerd; rm /etc/containerd/config.toml" "config.toml" "service containerd"
ts_break 'server.node[2]' containerd "apt-get -q -y purge runc" "packages containerd runc"

ts_remove server.mon prometheus 'prometheus' /etc/prometheus /var/lib/prometheus/metrics2 /etc/default/prometheus
ts_remove 'server.node[1]' node-exporter 'prometheus-node-exporter' /etc/default/prometheus-node-exporter
ts_remove 'server.node[2]' containerd 'containerd|runc' /etc/containerd
ts_end
