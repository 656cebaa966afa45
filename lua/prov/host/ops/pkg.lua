--- op.pkg: packages of the distribution.

return {
  name = "pkg",
  summary = "Packages of the distribution, installed or absent",
  doc = "apt, apk or dnf, whichever the host has. All packages of one op go into one transaction. Configuration files "
    .. "that were changed are kept. Names must be real packages: a virtual one never counts as installed.",
  example = 'op.pkg { "nginx-light", "curl" }',
  rest = "names",
  schema = {
    names = { type = "list", of = { type = "package" }, required = true, doc = "package names" },
    version = { type = "string", doc = "exactly this version (with one name)" },
    absent = { type = "bool", default = false, doc = "true: not installed" },
    purge = { type = "bool", default = true, doc = "with absent: configuration files go too" },
    recommends = { type = "bool", default = false, doc = "true: recommended packages too (apt)" },
  },
  lib = { "PACKAGES" },
  check = function(a)
    if #a.names == 0 then
      return "needs at least one package name"
    elseif a.version and #a.names > 1 then
      return "version goes with one name"
    elseif a.version and not a.version:find("^[%w.+:~-]+$") then
      return "version has characters no version has"
    end
  end,
  title = function(a)
    return (a.absent and "no " or "") .. (#a.names == 1 and "package " or "packages ") .. table.concat(a.names, " ")
  end,
  emit = function(a, c)
    c.packages(a.names)
    return {
      a.absent and (a.purge and "purge" or "remove") or "install", a.version or "", a.recommends and "1" or "",
      table.unpack(a.names),
    }
  end,
  sh = [==[
pkg_look() {
  Pt=
  for P do
    case $Pk in
      *"$NL$P ${Pv:+$Pv$NL}"*) [ "$Pa" = install ] || Pt="$Pt $P" ;;
      *) [ "$Pa" = install ] && Pt="$Pt $P" ;;
    esac
  done
}
pkg_check() {
  Pa=$1 Pv=$2 Pr=$3
  shift 3
  [ "$Pm" ] || { Why="no package manager that prov knows (apt, apk, dnf)"; return 2; }
  is_dirty p && packages_probe "$@"
  pkg_look "$@"
  if [ "$Pa" = purge ] && [ "$Pm" = apt ] && [ -z "$Pt" ]; then
    for P do [ -e "/var/lib/dpkg/info/$P.list" ] && Pt="$Pt $P"; done
  fi
  [ -z "$Pt" ] && return 0
  if [ "$Pa" = install ]; then Why="not installed:$Pt"; else Why="installed:$Pt"; fi
  return 1
}
pkg_apply() {
  shift 3
  dirty fpsu
  if [ "$Pa" = install ]; then
    set --
    for P in $Pt; do set -- "$@" "$P${Pv:+=$Pv}"; done
    "pkg_install_$Pm" "$@" || return 1
    packages_probe $Pt
    Pd=$Pt
    pkg_look $Pd
    [ -z "$Pt" ] || { Why="still not installed:$Pt (virtual package? name the real one)"; return 1; }
  else
    "pkg_remove_$Pm" $Pt
  fi
}
pkg_apt() {
  apt-get -q -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
    -o DPkg::Lock::Timeout=300 -o APT::Get::AutomaticRemove=false "$@"
}
pkg_update_apt() {
  for P in 1 2 3 4 5 6 7 8 9 10 11 12; do
    apt-get -q update && return 0
    pkg_locked || return 1
    sleep 5
  done
  return 1
}
pkg_locked() { tail -n 20 "$T/out" | grep -q 'Could not get lock'; }
pkg_install_apt() {
  Pf=
  set +f
  for P in /var/lib/apt/lists/*Packages* /var/lib/apt/lists/*_InRelease; do [ -e "$P" ] && Pf=1; done
  set -f
  if [ -z "$Pf" ]; then pkg_update_apt || return 1; fi
  Po=
  [ "$Pr" ] || Po=--no-install-recommends
  pkg_apt install $Po -- "$@" && return 0
  [ -z "$Pf" ] && return 1
  # Lists may be older than the mirror: fresh ones, once.
  pkg_update_apt && pkg_apt install $Po -- "$@"
}
pkg_remove_apt() { if [ "$Pa" = purge ]; then pkg_apt purge -- "$@"; else pkg_apt remove -- "$@"; fi; }
pkg_install_apk() { apk add --no-interactive "$@" 2> /dev/null || apk add --update-cache "$@"; }
pkg_remove_apk() { apk del "$@"; }
pkg_install_dnf() { dnf -y install "$@"; }
pkg_remove_dnf() { dnf -y remove "$@"; }
]==],
}
