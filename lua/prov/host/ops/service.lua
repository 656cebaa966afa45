--- op.service: a service of systemd, OpenRC or plain init.

local listening = require("prov.host.listening")

return {
  name = "service",
  summary = "A service: running or stopped, started at boot or not",
  doc = "With on = { event = action } it does the action (restart, reload, start, stop) when an op before it changed "
    .. "something and had notify = event. What is due is noted on the host first, so that a restart that a crash "
    .. "prevented is done by the next run. A service that has to be started anyway is not restarted as well.",
  example = 'op.service { "nginx", state = "running", enabled = true, on = { restart = "restart" } }',
  positional = { "unit" },
  schema = {
    unit = { type = "unit", required = true, doc = "name; .service may be left out" },
    state = { type = "enum", one_of = { "running", "stopped" }, doc = "left alone when not given" },
    enabled = { type = "bool", doc = "started at boot; left alone when not given" },
    on = { type = "map", of = { type = "enum", one_of = { "restart", "reload", "start", "stop" } }, default = {},
      doc = "event -> action" },
    block = { type = "bool", default = true, doc = "false: do not wait until it is up (members of a cluster wait for "
      .. "each other)" },
    workers = { type = "bool", default = false, doc = "true: it reloads by starting new processes that listen in place "
      .. "of the old ones (nginx, haproxy); a reload is done when the old ones listen no more, and fails when they go "
      .. "on (where systemd is)" },
    log = { type = "path", doc = "with workers: where it says why a reload failed" },
  },
  lib = { "UNITS" },
  title = function(a)
    local wants = {}
    if a.state then
      wants[1] = a.state
    end
    if a.enabled ~= nil then
      wants[#wants + 1] = a.enabled and "enabled" or "disabled"
    end
    return ("service %s%s"):format(a.unit, #wants > 0 and " " .. table.concat(wants, ", ") or "")
  end,
  listens = function(a, event)
    return a.on[event] and ("%s:%s"):format(a.on[event], a.unit) or nil
  end,
  emit = function(a, c)
    return {
      tostring(c.unit(a.unit)), a.unit, a.state or "",
      a.enabled == nil and "" or a.enabled and "enabled" or "disabled",
      a.block and "" or "1",
      a.workers and "1" or "", a.log or "",
    }
  end,
  sh = listening .. [==[
service_look() {
  if is_dirty s; then units_probe "$2"; eval "set -- \$U_1"; else eval "set -- \$U_$1"; fi
  Sl=$1 Sa=$2 Sf=$3 Sr=$4
}
# A unit that was written a moment ago: systemd may remember that there was none.
service_reload() {
  [ "$Systemd" ] && [ "$Sl" = not-found ] && [ "$Mode" = apply ] && is_dirty s || return 0
  systemctl daemon-reload && service_look "$1" "$2"
}
service_look_plain() {
  Sl=not-found Sa=inactive Sf=disabled Sr=no
  [ -e "/etc/init.d/$1" ] || return 0
  Sl=loaded
  if command -v rc-service > /dev/null; then
    rc-service "$1" status > /dev/null 2>&1 && Sa=active
    rc-update show default 2> /dev/null | grep -q "^ *$1 |" && Sf=enabled
  else
    "/etc/init.d/$1" status > /dev/null 2>&1 && Sa=active
    set +f
    for P in /etc/rc[2345].d/S[0-9][0-9]"$1"; do [ -e "$P" ] && Sf=enabled; done
    set -f
  fi
  return 0
}
service_check() {
  St=
  if [ "$Systemd" ]; then service_look "$1" "$2"; else service_look_plain "$2"; fi
  service_reload "$1" "$2"
  if [ "$Sl" != loaded ]; then
    [ "$Sl" = masked ] && [ "$3" != running ] && [ "$4" != enabled ] && return 0
    [ "$3" = running ] || [ "$4" = enabled ] || return 0
    Why="there is no such service"
    [ "$Mode" = check ] && return 1
    [ "$Sl" = masked ] && Why="is masked"
    return 2
  fi
  case $3:$Sa in
    running:active | running:reloading) ;;
    running:activating) [ "$5" ] || { St="$St start"; Why="is $Sa"; } ;;
    running:*) St="$St start"; Why="is $Sa" ;;
    stopped:inactive | stopped:failed) ;;
    stopped:*) St="$St stop"; Why="is $Sa" ;;
  esac
  case $4:$Sf in
    enabled:enabled | enabled:enabled-runtime | enabled:static | enabled:indirect | enabled:alias) ;;
    enabled:generated) ;;
    enabled:*) St="$St enable"; Why="$Why${Why:+, }is $Sf" ;;
    disabled:enabled | disabled:enabled-runtime) St="$St disable"; Why="$Why${Why:+, }is $Sf" ;;
  esac
  for E in restart reload start stop; do
    is_pending "$E:$2" || continue
    case "$St " in *" start "*) continue ;; esac
    case $E in reload) case "$St " in *" restart "*) continue ;; esac ;; esac
    [ "$E" = start ] && [ "$Sa" = active ] && continue
    [ "$E" = stop ] && [ "$Sa" != active ] && continue
    St="$St $E" Why="$Why${Why:+, }$E is due"
  done
  [ -n "$St" ] && return 1
  for E in restart reload start stop; do settle "$E:$2"; done
  return 0
}
# service_renew UNIT LOG: a reload that is done when the processes that listened before do so no more. The
# first process stays what it is, so it does not count.
service_renew() {
  So=
  if unit_pids "$1"; then
    listening
    Sm=$(systemctl show -p MainPID --value -- "$1")
    for Sp in $Lp; do [ "$Sp" != "$Sm" ] && pid_listens "$Sp" && So="$So $Sp"; done
  fi
  Sk=0
  [ -r "$2" ] && Sk=$(wc -c < "$2")
  systemctl reload-or-restart -- "$1" || { systemctl status --no-pager -l -n 30 -- "$1"; return 1; }
  Su=$(($(date +%s) + 20))
  while :; do
    Sx=
    listening
    for Sp in $So; do pid_listens "$Sp" && { Sx=1; break; }; done
    [ "$Sx" ] || return 0
    [ "$(date +%s)" -lt "$Su" ] || break
    sleep 0.1 || sleep 1
  done
  echo "its old processes go on as before: it cannot use the new configuration"
  if [ -r "$2" ]; then tail -c +$((Sk + 1)) "$2" | tail -n 10
  else systemctl status --no-pager -l -n 10 -- "$1"; fi
  return 1
}
service_do() {
  if [ "$Systemd" ] && [ "$1$4" = reload1 ]; then service_renew "$2" "$5"; return; fi
  if [ "$Systemd" ]; then
    case $1 in reload) set -- reload-or-restart "$2" "$3" ;;
      enable | disable) set -- "$1" "$2" ;; esac
    systemctl ${3:+--no-block} "$1" -- "$2" && return 0
    case $1 in
      *start | reload*) systemctl status --no-pager -l -n 30 -- "$2" ;;
    esac
    return 1
  fi
  case $1 in
    enable)
      if command -v rc-update > /dev/null; then rc-update add "$2" default; return; fi
      update-rc.d "$2" defaults && update-rc.d "$2" enable ;;
    disable)
      if command -v rc-update > /dev/null; then rc-update del "$2" default; else update-rc.d "$2" disable; fi ;;
    *)
      if command -v rc-service > /dev/null; then rc-service "$2" "$1"; else "/etc/init.d/$2" "$1"; fi ;;
  esac
}
service_apply() {
  dirty s
  if [ "$Sr" = yes ]; then systemctl daemon-reload || return 1; fi
  for P in $St; do
    service_do "$P" "$2" "$5" "$6" "$7" || { Why="$P failed"; return 1; }
  done
  for E in restart reload start stop; do settle "$E:$2"; done
}
]==],
}
