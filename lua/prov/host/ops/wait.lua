--- op.wait: until something is so.

local listening = require("prov.host.listening")
local settings = require("prov.settings")

return {
  name = "wait",
  summary = "Waits until a port, a URL, a path or a command answers",
  doc = "Give exactly one of port, http, path, command. Changes nothing; in check mode it looks once.",
  example = 'op.wait { port = 5432, timeout = 60 }',
  schema = {
    port = { type = "int", min = 1, max = 65535, doc = "a TCP port that something listens on" },
    host = { type = "string", default = "", doc = "with port: where; this host when not given" },
    service = { type = "unit", doc = "with port of this host: the service that must be the one that listens (where "
      .. "systemd is)" },
    http = { type = "string", doc = "an http:// or https:// URL" },
    status = { type = "int", default = 200, doc = "with http: the status it must answer" },
    contains = { type = "bytes", doc = "with http: text that must be in the body; with command: in its output" },
    path = { type = "path", doc = "something is at this path" },
    command = { type = "bytes", doc = "a shell command succeeds" },
    user = { type = "account", doc = "with command: run as this user" },
    timeout = { type = "number", min = 0, doc = "seconds until it counts as failed; else host.wait_timeout" },
    title = { type = "string", doc = "shown instead of what is waited for" },
    secret = { type = "bool", default = false, doc = "true: output is not shown" },
  },
  check = function(a)
    local count = 0
    for _, field in ipairs({ "port", "http", "path", "command" }) do
      count = count + (a[field] and 1 or 0)
    end
    if count ~= 1 then
      return "needs exactly one of port, http, path, command"
    elseif a.http and not a.http:find("^https?://[%w.%-%[%]:_]+[%w%p]*$") then
      return "http: this is no http:// or https:// URL"
    elseif a.service and (not a.port or a.host ~= "") then
      return "service goes with a port of this host"
    elseif a.host:find("[^%w.:-]") then
      return "host: this is no host name or address"
    elseif a.command and a.command:find("%z") then
      return "command holds a NUL byte"
    elseif a.contains and a.contains:find("%z") then
      return "contains holds a NUL byte"
    end
  end,
  title = function(a)
    if a.title then
      return a.title
    elseif a.service then
      return ("%s answers on port %d"):format(a.service, a.port)
    elseif a.port then
      return ("port %s%d answers"):format(a.host ~= "" and a.host .. ":" or "", a.port)
    elseif a.http then
      return ("%s answers %d"):format(a.http, a.status)
    elseif a.path then
      return a.path .. " exists"
    end
    local text = a.command:match("^%s*([^\n]*)") or ""
    return "succeeds: " .. (#text > 60 and text:sub(1, 57) .. "..." or text)
  end,
  emit = function(a)
    local seconds = tostring(math.ceil(a.timeout or settings.host.wait_timeout))
    if a.port then
      return { "port", seconds, a.host, tostring(a.port), ("%04X"):format(a.port), a.service or "" }
    elseif a.http then
      return { "http", seconds, a.http, tostring(a.status), a.contains or "" }
    elseif a.path then
      return { "path", seconds, a.path }
    end
    return { "command", seconds, a.command, a.user or "", a.contains or "", a.opaque and "1" or "" }
  end,
  sh = listening .. [==[
wait_port() {
  if [ -z "$1" ]; then
    listening
    case $Ln in *" $3:"*) ;; *) Why="nothing listens on port $2"; return 1 ;; esac
    [ "$4" ] && unit_pids "$4" || return 0
    for Wq in $Lp; do pid_listens "$Wq" "$3" && return 0; done
    Why="another program listens on port $2, not $4"
    return 1
  fi
  Why="$1 does not answer on port $2"
  if command -v bash > /dev/null; then
    timeout 5 bash -c 'exec 3<> "/dev/tcp/$0/$1"' "$1" "$2"
  else
    nc -z -w 5 "$1" "$2"
  fi
}
# Body into Wb, status into Ws; curl, wget or bash, whichever the host has.
wait_fetch() {
  if command -v curl > /dev/null; then
    Wb=$(curl -sS -k -m 10 --max-filesize 1048576 -w '\n%{http_code}' "$1") || return 1
    Ws=${Wb##*"$NL"}
  elif command -v wget > /dev/null; then
    Wb=$(wget -q -T 10 -S -O - "$1" 2>&1)
    Ws=${Wb#*HTTP/1.? } Ws=${Ws%%[!0-9]*}
  elif command -v bash > /dev/null; then
    case $1 in https:*) Why="this host has no curl or wget for https"; return 1 ;; esac
    Wh=${1#http://} Wp=/
    case $Wh in */*) Wp=/${Wh#*/} Wh=${Wh%%/*} ;; esac
    Wo=80
    case $Wh in *:*) Wo=${Wh##*:} Wh=${Wh%:*} ;; esac
    Wb=$(timeout 10 bash -c 'exec 3<> "/dev/tcp/$0/$1" || exit 1
      printf "GET %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n" "$2" "$0" >&3
      head -c 1048576 <&3' "$Wh" "$Wo" "$Wp") || return 1
    Ws=${Wb#HTTP/1.? } Ws=${Ws%%[!0-9]*}
  else
    Why="this host has no curl, wget or bash to ask with"
    return 1
  fi
}
wait_http() {
  Why="no answer from $1" Ws=
  wait_fetch "$1" || return 1
  if [ "$Ws" != "$2" ]; then Why="answers ${Ws:-nothing}, not $2"; return 1; fi
  case $Wb in *"$3"*) return 0 ;; esac
  Why="the answer does not contain the expected text"
  return 1
}
wait_path() { Why="$1 does not exist"; [ -e "$1" ]; }
wait_command() {
  if [ "$2" ]; then
    Wb=$(printf '%s' "$1" | su -s /bin/sh "$2" -c 'Text=$(cat); exec < /dev/null; cd /; eval "$Text"' 2>&1)
  else
    Wb=$(eval "$1" 2>&1)
  fi
  Wc=$?
  if [ "$Wc" != 0 ]; then
    Why="exit code $Wc"
    [ -z "$4" ] && temp && printf '%s\n' "$Wb" > "$T/out"
    return 1
  fi
  case $Wb in *"$3"*) return 0 ;; esac
  Why="the output does not contain the expected text"
  return 1
}
wait_check() {
  Wk=$1 Wl=$2
  shift 2
  "wait_$Wk" "$@" && { Why=; return 0; }
  [ "$Mode" = check ] && return 1
  Wt=$(($(date +%s) + Wl))
  while [ "$(date +%s)" -lt "$Wt" ]; do
    sleep 0.2 || sleep 1
    "wait_$Wk" "$@" && { Why=; return 0; }
  done
  Why="$Why (waited $Wl s)"
  return 2
}
]==],
}
