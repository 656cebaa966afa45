--- The shell library every compiled script starts with. Needs a POSIX sh, coreutils or busybox.
--
-- Rules for this text and the `sh` of the ops: builtins where they do (a process costs 0.5 to
-- 1 ms on the host), nothing secret on a command line, names starting with a capital or the
-- op's name, `return` codes of <op>_check: 0 as wanted, 1 to change, 2 cannot be checked.
--
-- File descriptor 3 is the way back to prov. Programs never inherit it, and every line on it
-- starts with the token of this run, so output of programs cannot be taken for a report.

local M = {}

M.PRELUDE = [==[
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
DEBIAN_FRONTEND=noninteractive
unset CDPATH ENV BASH_ENV LANGUAGE
export PATH DEBIAN_FRONTEND
unset IFS
NL='
'
set -f
umask 022
T= Ft= Failed= Ev= Why= Diff= What= Dirty= Root=
[ -O / ] && Root=1

# Nobody is there any more: what was not begun is not done.
gone() { exit 129; }
say() { printf '%s\n' "$Tok $*" >&3 || gone; }
payload() {
  Py="$Tok $1 $2 "
  IFS=$NL
  set -- $(printf '%s' "$3" | base64)
  IFS=
  printf '%s%s\n' "$Py" "$*" >&3 || gone
  unset IFS
}

# A private folder, made at first need. It may hold secrets, and so may a file that is half put:
# both go when the connection breaks, too (dash and busybox do nothing at EXIT after a signal). Its name is
# there before the folder is, so that no signal comes between; mkdir refuses what exists.
temp() {
  [ -n "$T" ] && return
  trap 'rm -rf ${T:+"$T"} ${Ft:+"$Ft"}' EXIT
  trap gone HUP INT TERM PIPE
  T=${TMPDIR:-/tmp}/prov.$Nonce
  mkdir -m 700 "$T" || { T=; Why="cannot make a temporary folder"; return 1; }
}
# What a run that was killed left there, a day later.
sweep() {
  set +f
  for P in "${TMPDIR:-/tmp}"/prov.????????????????????????????????; do
    [ -d "$P" ] && [ ! -L "$P" ] && [ -O "$P" ] && find "$P" -prune -mtime +0 -exec rm -rf {} \;
  done
  set -f
}

dirty() { Dirty="$Dirty$1"; }
# changed PATH: what was seen of files is old, and for a folder of units what was seen of them too.
changed() {
  case $1/ in */systemd/* | /etc/init.d/*) dirty fs ;; *) dirty f ;; esac
}
is_dirty() { case $Dirty in *"$1"*) return 0;; esac; return 1; }

# Things to do later that must not be forgotten: one empty file each, so that they outlive us.
pending_load() {
  [ -d "$State/pending/$Rid" ] || return 0
  set +f
  for P in "$State/pending/$Rid"/*; do
    [ -e "$P" ] && Ev="$Ev ${P##*/}"
  done
  set -f
}
is_pending() { case "$Ev " in *" $1 "*) return 0;; esac; return 1; }
raise() {
  for E in $1; do
    is_pending "$E" && continue
    if [ "$Mode" = apply ]; then
      { [ -d "$State/pending/$Rid" ] || mkdir -p "$State/pending/$Rid"; } &&
        printf '' > "$State/pending/$Rid/$E" || return 1
    fi
    Ev="$Ev $E"
    say "$Notify" "$E"
  done
}
settle() {
  is_pending "$1" || return 0
  rm -f "$State/pending/$Rid/$1"
  Ev0=$Ev Ev=
  for E in $Ev0; do [ "$E" = "$1" ] || Ev="$Ev $E"; done
  Settled="$Settled $1"
}

fail() {
  Failed=1
  Out=
  [ -n "$T" ] && [ -s "$T/out" ] && Out=$(tail -c 16384 "$T/out" | tr -d '\000')
  say r "$I" failed "$Why"
  [ -n "$Out" ] && payload o "$I" "$Out"
}

# op INDEX NAME NOTIFY ARG...: checks, applies, reports.
op() {
  [ -z "$Failed" ] || return 0
  I=$1 O=$2 N=$3
  shift 3
  Why= Diff= What= Settled=
  "${O}_check" "$@" 3>&-
  case $? in
    0) for E in $Settled; do say c "$E"; done; say r "$I" ok "$Why"; return 0 ;;
    1) ;;
    *) fail; return 0 ;;
  esac
  [ -n "$Diff" ] && payload d "$I" "$Diff"
  if [ "$Mode" = check ]; then
    raise "$N"
    say r "$I" would_change "$Why"
    return 0
  fi
  say s "$I" "$Why"
  Why0=$Why
  temp && raise "$N" || { fail; return 0; }
  # Not inside of `if`: there, set -e in a command of the recipe would mean nothing.
  "${O}_apply" "$@" > "$T/out" 2>&1 3>&-
  if [ "$?" = 0 ]; then
    for E in $Settled; do say c "$E"; done
    say r "$I" changed "$Why0"
  else
    [ "$Why" = "$Why0" ] && Why="could not be changed ($Why0)"
    fail
  fi
}
]==]

-- Looks at many files with two processes: Mode owner group uid gid, and the digest.
-- Missing files are asked as /dev/null, so that answer n is always about path n.
M.FILES = [==[
files_probe() {
  Fn=$#
  for P do
    if [ -e "$P" ] && [ ! -L "$P" ]; then set -- "$@" "$P"; else set -- "$@" /dev/null; fi
  done
  shift "$Fn"
  Fa=$(stat -L -c '%a %U %G %u %g' "$@")
  for P do
    if [ -f "$P" ] && [ -r "$P" ]; then set -- "$@" "$P"; else set -- "$@" /dev/null; fi
  done
  shift "$Fn"
  Fh=$(sha256sum "$@")
  IFS=$NL K=0
  for P in $Fa; do K=$((K + 1)); eval "Fa_$K=\$P"; done
  [ "$K" = "$Fn" ] || dirty f
  K=0
  for P in $Fh; do K=$((K + 1)); P=${P#\\}; eval "Fh_$K=\${P%% *}"; done
  [ "$K" = "$Fn" ] || dirty f
  unset IFS
}
# file_look K PATH: sets Fattr and Fsum of an existing file.
file_look() {
  Fof=$2
  if is_dirty f; then
    Fattr=$(stat -L -c '%a %U %G %u %g' "$2")
    Fsum=
    if [ -f "$2" ]; then Fsum=$(sha256sum < "$2"); Fsum=${Fsum%% *}; fi
  else
    eval "Fattr=\$Fa_$1 Fsum=\$Fh_$1"
  fi
}
# file_attr MODE OWNER GROUP: compares with Fattr, adds to Why.
file_attr() {
  Fm=$1 Fo=$2 Fg=$3
  set -- $Fattr
  if [ -n "$Fm" ] && [ "$Fm" != "$1" ]; then Why="$Why${Why:+, }mode $1 -> $Fm"; What=${What}a; fi
  if [ -n "$Fo" ] && [ "$Fo" != "$2" ] && [ "$Fo" != "$4" ]; then
    Why="$Why${Why:+, }owner $2 -> $Fo"; What=${What}a
  fi
  if [ -n "$Fg" ] && [ "$Fg" != "$3" ] && [ "$Fg" != "$5" ]; then
    Why="$Why${Why:+, }group $3 -> $Fg"; What=${What}a
  fi
}
# file_diff PATH: unified diff of it and "$T/new" into Diff, at most 64 KiB.
file_diff() {
  Diff=$(diff -u -L "$1" -L "$1" "$1" "$T/new" | head -c 65536)
}
# file_own PATH MODE OWNER GROUP
file_own() {
  if [ -n "$3$4" ]; then chown "$3${4:+:$4}" "$1" || return 1; fi
  if [ -n "$2" ]; then chmod "$2" "$1" || return 1; fi
}
# file_ours FOLDER: what we make there is root's already: no process to say so again.
file_ours() {
  [ "$Root" ] && [ ! -g "${1:-/}" ] || return 0
  case $Fo in root | 0) Fo= ;; esac
  case $Fg in root | 0) Fg= ;; esac
}
# file_keep: an old file gives its mode and owner where none is wanted.
file_keep() {
  [ "$Fof" = "$Fp" ] || Fattr=$(stat -L -c '%a %U %G %u %g' "$Fp")
  set -- $Fattr
  Fm=${Fm:-$1} Fo=${Fo:-$4} Fg=${Fg:-$5}
}
# file_put PATH MODE OWNER GROUP DIGEST VALIDATE COMMAND...: what the command prints becomes the
# file, in one step. With a DIGEST it is looked at again before; a builtin needs none, as its
# status says whether the disk took everything.
file_put() {
  Fp=$1 Fm=$2 Fo=$3 Fg=$4 Fs=$5 Fv=$6
  shift 6
  Fd=${Fp%/*}
  [ -d "${Fd:-/}" ] || { Why="the folder ${Fd:-/} does not exist (add an op.dir before)"; return 1; }
  Ft=$Fd/.prov-$Nonce-$I
  [ -f "$Fp" ] && [ ! -L "$Fp" ] && file_keep
  file_ours "$Fd"
  # What everybody may read is made with its mode, the rest closed and opened last.
  case ${Fm:=644} in 644) Fm= ;; *) umask 077 ;; esac
  set -C
  "$@" > "$Ft"
  Fr=$?
  set +C
  umask 022
  if [ "$Fr" = 0 ]; then file_finish; Fr=$?; else Why="cannot write to ${Fd:-/}"; fi
  [ "$Fr" = 0 ] || rm -f "$Ft"
  return "$Fr"
}
file_finish() {
  if [ "$Fs" ]; then
    Fsum=$(sha256sum < "$Ft")
    [ "${Fsum%% *}" = "$Fs" ] || { Why="the bytes did not arrive intact (disk full?)"; return 1; }
  fi
  if [ "$Fv" ]; then
    file_validate "$Ft" "$Fv" || { Why="validation failed"; return 1; }
  fi
  file_own "$Ft" "$Fm" "$Fo" "$Fg" && mv -f "$Ft" "$Fp" && changed "$Fp"
}
file_validate() { Fv=$2; set -- "$1"; (eval "$Fv"); }
]==]

M.TEXTS = [==[
# Reads many text files with one process: Tx holds lines "K:line" of file K, with a newline before
# and after. Files above 64 KiB end early: a line that is not there is looked for by the op.
texts_probe() {
  Tx=$NL$(awk 'BEGIN {
    for (i = 1; i < ARGC; i++) {
      size = 0
      while (size < 65536 && (getline line < ARGV[i]) > 0) { print i ":" line; size += length(line) + 1 }
      close(ARGV[i])
    }
  }' "$@" < /dev/null)$NL
}
]==]

M.FETCH = [==[
# fetch URL: the bytes to standard output; curl, wget or bash, whichever the host has.
fetch() {
  if command -v curl > /dev/null; then
    curl -fsSL --retry 2 --connect-timeout 20 -- "$1"
  elif command -v wget > /dev/null; then
    wget -q -T 20 -O - "$1"
  elif command -v bash > /dev/null; then
    case $1 in https:*) echo "this host has no curl or wget for https" >&2; return 1 ;; esac
    Gh=${1#http://} Gp=/
    case $Gh in */*) Gp=/${Gh#*/} Gh=${Gh%%/*} ;; esac
    Go=80
    case $Gh in *:*) Go=${Gh##*:} Gh=${Gh%:*} ;; esac
    bash -c 'exec 3<> "/dev/tcp/$0/$1" || exit 1
      printf "GET %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n" "$2" "$0" >&3
      IFS= read -r status <&3
      case $status in "HTTP/1."?" 200"*) ;; *) echo "$status" >&2; exit 1 ;; esac
      while IFS= read -r line <&3; do [ "$line" = "$(printf "\r")" ] && break; done
      cat <&3' "$Gh" "$Go" "$Gp"
  else
    echo "this host has no curl, wget or bash to download with" >&2
    return 1
  fi
}
]==]

M.UNITS = [==[
# Asks about all units at once: U_<k> is "load active file-state reload".
units_probe() {
  K=0 Ul= Ua= Uf= Ur=
  if [ -z "$Systemd" ]; then return; fi
  Uo=$(systemctl show -p Id -p LoadState -p ActiveState -p UnitFileState -p NeedDaemonReload -- "$@" 2>/dev/null)
  for P in $Uo; do
    case $P in
      Id=*) K=$((K + 1)) Ul= Ua= Uf= Ur= ;;
      LoadState=*) Ul=${P#*=} ;;
      ActiveState=*) Ua=${P#*=} ;;
      UnitFileState=*) Uf=${P#*=} ;;
      NeedDaemonReload=*) Ur=${P#*=} ;;
    esac
    eval "U_$K=\"\$Ul \$Ua \${Uf:--} \$Ur\""
  done
}
]==]

M.PACKAGES = [==[
# Asks about all packages at once: Pk is a list of lines "name version" of installed ones.
packages_probe() {
  case $Pm in
    apt) Pk=$NL$(packages_apt "$@")$NL ;;
    apk) Pk=$NL$(for P do apk info -e "$P" > /dev/null && printf '%s -\n' "$P"; done)$NL ;;
    dnf) Pk=$NL$(rpm -q --qf '%{NAME} %{VERSION}-%{RELEASE}\n' -- "$@" 2>/dev/null | grep -v ' is not installed')$NL ;;
  esac
}
# Reads dpkg's status file, in a fraction of the time of dpkg-query; not while dpkg's journal holds
# changes of it (dpkg is at work or was interrupted).
packages_apt() {
  set +f
  for P in /var/lib/dpkg/updates/[0-9]*; do [ -e "$P" ] && break; done
  set -f
  if [ -e "$P" ] || [ ! -r /var/lib/dpkg/status ]; then
    Pf='${db:Status-Status} ${Package} ${Version}\n${db:Status-Status} ${Package}:${Architecture} ${Version}\n'
    dpkg-query -W -f "$Pf" -- "$@" 2>/dev/null | sed -n 's/^installed //p'
    return
  fi
  Pq="$*" exec awk '
    BEGIN { n = split(ENVIRON["Pq"], q, " "); for (i = 1; i <= n; i++) { p = q[i]; sub(/:.*/, "", p); want[p] = 1 } }
    /^Package: / { name = $2; hit = name in want; next }
    !hit { next }
    /^Status: / { on = $4 == "installed"; next }
    /^Architecture: / { arch = $2; next }
    /^Version: / { version = $2; next }
    /^$/ { done() }
    END { done() }
    function done() {
      if (hit && on) printf "%s %s\n%s:%s %s\n", name, version, name, arch, version
      hit = on = 0
    }' /var/lib/dpkg/status
}
]==]

M.ACCOUNTS = [==[
# The account files as text, each line with a newline before and after.
accounts_probe() {
  Pw= Gr=
  while IFS= read -r P; do Pw=$Pw$NL$P; done < /etc/passwd
  while IFS= read -r P; do Gr=$Gr$NL$P; done < /etc/group
  Pw=$Pw$NL Gr=$Gr$NL
}
# account_line LIST NAME: sets Line.
account_line() {
  Line=
  case $1 in *"$NL$2:"*) Line=${1#*"$NL$2:"}; Line=$2:${Line%%"$NL"*}; return 0 ;; esac
  return 1
}
]==]

return M
