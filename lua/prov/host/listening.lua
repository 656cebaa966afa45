--- Shell text for ops that ask who listens: on which TCP ports, and which processes of a unit.

return [==[
# Into Ln: " PORT:SOCKET " (the port in hex) for every TCP socket that listens.
listening() {
  Ln=
  for Lv in /proc/net/tcp /proc/net/tcp6; do
    [ -r "$Lv" ] || continue
    while read -r W1 W2 W3 W4 W5 W6 W7 W8 W9 W10 W11; do
      [ "$W4" = 0A ] && Ln="$Ln ${W2##*:}:$W10 "
    done < "$Lv"
  done
}
# unit_pids UNIT: its processes into Lp; fails where that cannot be known.
unit_pids() {
  Lp=
  [ "$Systemd" ] || return 1
  Lg=$(systemctl show -p ControlGroup --value -- "$1")
  [ "$Lg" ] || return 0
  for Lv in "/sys/fs/cgroup$Lg" "/sys/fs/cgroup/systemd$Lg"; do
    [ -r "$Lv/cgroup.procs" ] && { Lp=$(cat "$Lv/cgroup.procs"); return 0; }
  done
  return 1
}
# pid_listens PID [PORT]: it has a socket of Ln (for this port) open.
pid_listens() {
  Lf=$(ls -l "/proc/$1/fd" 2> /dev/null) || [ "$Lf" ] || return 1
  for Lv in $Ln; do
    case $Lv in "${2:-${Lv%:*}}":*) ;; *) continue ;; esac
    case $Lf in *"socket:[${Lv#*:}]"*) return 0 ;; esac
  done
  return 1
}
]==]
