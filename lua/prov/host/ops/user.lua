--- op.user: a local user.

return {
  name = "user",
  summary = "A local user",
  example = 'op.user { "app", system = true, shell = "/usr/sbin/nologin", home = "/srv/app" }',
  positional = { "name" },
  schema = {
    name = { type = "account", required = true, doc = "login name" },
    uid = { type = "int", min = 0, doc = "numeric id" },
    group = { type = "account", doc = "primary group (must exist)" },
    groups = { type = "list", of = { type = "account" }, default = {}, doc = "further groups; others are left" },
    home = { type = "path", doc = "home folder" },
    shell = { type = "path", doc = "login shell" },
    comment = { type = "string", doc = "full name" },
    system = { type = "bool", default = false, doc = "true: a system user (id below 1000, no home made)" },
    create_home = { type = "bool", doc = "make the home folder; by default yes, unless system" },
    password_hash = { type = "bytes", doc = "as in /etc/shadow; a secret" },
    absent = { type = "bool", default = false, doc = "true: there is no such user; the home folder stays" },
  },
  lib = { "ACCOUNTS" },
  check = function(a)
    if a.comment and a.comment:find("[:\n%z]") then
      return "comment holds a colon, newline or NUL byte"
    elseif a.password_hash and a.password_hash:find("[:\n%z]") then
      return "password_hash holds a colon, newline or NUL byte"
    end
  end,
  title = function(a)
    return (a.absent and "no user " or "user ") .. a.name
  end,
  emit = function(a, c)
    c.accounts()
    local make_home = a.create_home
    if make_home == nil then
      make_home = not a.system
    end
    return {
      a.absent and "gone" or "put", a.name, a.uid and tostring(a.uid) or "", a.group or "",
      table.concat(a.groups, " "), a.home or "", a.shell or "", a.comment or "", a.system and "1" or "",
      make_home and "1" or "", a.password_hash or "",
    }
  end,
  sh = [==[
user_groups() {
  Ug=
  for P in $1; do
    account_line "$Gr" "$P"
    case ,${Line##*:}, in *",$2,"*) ;; *) Ug="$Ug${Ug:+,}$P" ;; esac
  done
}
user_check() {
  is_dirty u && accounts_probe
  if ! account_line "$Pw" "$2"; then
    case $1 in gone) return 0 ;; esac
    Why=absent Un=1
    return 1
  fi
  case $1 in gone) Why=present; return 1 ;; esac
  Un= Ul=$Line
  IFS=:
  set -- "$@" $Ul
  unset IFS
  # 12 name 13 x 14 uid 15 gid 16 comment 17 home 18 shell
  [ -z "$3" ] || [ "$3" = "${14}" ] || Why="uid ${14} -> $3"
  if [ "$4" ]; then
    account_line "$Gr" "$4"
    Ug=${Line#*:*:} Ug=${Ug%%:*}
    [ "$Ug" = "${15}" ] || Why="$Why${Why:+, }group"
  fi
  Uh=${Ul%:*} Uh=${Uh##*:}
  [ -z "$6" ] || [ "$6" = "$Uh" ] || Why="$Why${Why:+, }home $Uh -> $6"
  [ -z "$7" ] || [ "$7" = "${Ul##*:}" ] || Why="$Why${Why:+, }shell ${Ul##*:} -> $7"
  Uc=${Ul#*:*:*:*:} Uc=${Uc%%:*}
  [ -z "$8" ] || [ "$8" = "$Uc" ] || Why="$Why${Why:+, }comment"
  user_groups "$5" "$2"
  [ -z "$Ug" ] || Why="$Why${Why:+, }not in $Ug"
  if [ "${11}" ]; then
    Uw=
    while IFS=: read -r P Uq Ux; do [ "$P" = "$2" ] && Uw=$Uq; done < /etc/shadow
    [ "$Uw" = "${11}" ] || Why="$Why${Why:+, }password"
  fi
  [ -z "$Why" ]
}
user_apply() {
  dirty uf
  case $1 in gone)
    if command -v userdel > /dev/null; then userdel "$2"; else deluser "$2"; fi
    return ;;
  esac
  Un0=$2 Uw=${11} Ua5=$5
  if [ "$Un" ]; then
    if command -v useradd > /dev/null; then
      user_add_shadow "$@" || return 1
    else
      user_add_busybox "$@" || return 1
    fi
  elif command -v usermod > /dev/null; then
    user_mod "$@" || return 1
  else
    Why="this host cannot change users (no usermod)"; return 1
  fi
  if [ "$Uw" ]; then printf '%s:%s\n' "$Un0" "$Uw" | chpasswd -e || return 1; fi
}
user_add_shadow() {
  user_groups "$5" "$2"
  Uo=-M
  [ "${10}" ] && Uo=-m
  [ "$9" ] && Uo="$Uo -r"
  if [ -z "$4" ] && account_line "$Gr" "$2"; then set -- "$1" "$2" "$3" "$2" "$5" "$6" "$7" "$8"; fi
  useradd $Uo ${3:+-u "$3"} ${4:+-g "$4"} ${Ug:+-G "$Ug"} ${6:+-d "$6"} ${7:+-s "$7"} ${8:+-c "$8"} "$2"
}
user_add_busybox() {
  Uo=-D
  [ "${10}" ] || Uo="$Uo -H"
  [ "$9" ] && Uo="$Uo -S"
  adduser $Uo ${3:+-u "$3"} ${4:+-G "$4"} ${6:+-h "$6"} ${7:+-s "$7"} ${8:+-g "$8"} "$2" || return 1
  for P in $5; do addgroup "$2" "$P" || return 1; done
}
user_mod() {
  user_groups "$5" "$2"
  if [ "$3$4$6$7$8" ]; then
    usermod ${3:+-u "$3"} ${4:+-g "$4"} ${6:+-d "$6"} ${7:+-s "$7"} ${8:+-c "$8"} "$2" || return 1
  fi
  if [ "$Ug" ]; then usermod -a -G "$Ug" "$2" || return 1; fi
}
]==],
}
