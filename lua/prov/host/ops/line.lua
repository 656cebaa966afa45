--- op.line: one line in a text file.

return {
  name = "line",
  summary = "One line in a text file that something else owns",
  doc = "With match, the last line that the regular expression (awk's, extended) finds is replaced, and other lines "
    .. "it finds are left; without a find the line is added at the end, or after/before the first line found there.",
  example = 'op.line { "/etc/ssh/sshd_config", line = "PermitRootLogin no", match = "^#?PermitRootLogin" }',
  positional = { "path" },
  schema = {
    path = { type = "path", required = true, doc = "the file" },
    line = { type = "bytes", doc = "the line, without newline" },
    match = { type = "string", doc = "extended regular expression of the line to replace (or to remove)" },
    after = { type = "string", doc = "add after the first line this finds" },
    before = { type = "string", doc = "add before the first line this finds" },
    create = { type = "bool", default = false, doc = "true: make the file when there is none" },
    absent = { type = "bool", default = false, doc = "true: remove equal (or matching) lines" },
    mode = { type = "mode", doc = "permission bits of the file" },
    secret = { type = "bool", default = false, doc = "true: never shown in a diff" },
  },
  lib = { "FILES", "TEXTS" },
  check = function(a)
    if not a.line and not (a.absent and a.match) then
      return "needs line"
    elseif a.line and a.line:find("[\n%z]") then
      return "line holds a newline or NUL byte (use op.block)"
    elseif a.after and a.before then
      return "takes after or before, not both"
    end
  end,
  title = function(a)
    return ("%s in %s"):format(a.absent and "no line" or "line", a.path)
  end,
  emit = function(a, c)
    local looked = not a.absent and not a.match and tostring(c.text(a.path)) or ""
    return {
      a.absent and "gone" or "put", a.path, a.line or "", a.match or "", a.after or "", a.before or "",
      a.create and "1" or "", a.mode or "", a.opaque and "1" or "",
      looked,
    }
  end,
  sh = [==[
line_check() {
  if [ ! -e "$2" ]; then
    [ "$1" = gone ] && return 0
    Why=absent
    [ "$7" ] || { Why="the file does not exist (create = true makes it)"; [ "$Mode" = check ] && return 1; return 2; }
    return 1
  fi
  [ -f "$2" ] || { Why="is no file"; return 2; }
  if [ "${10}" ] && ! is_dirty f; then
    case $Tx in *"$NL${10}:$3$NL"*) return 0 ;; esac
  fi
  line_new "$@" < "$2" > /dev/null
  case $? in 0) return 0 ;; 10) ;; *) Why="awk failed"; return 2 ;; esac
  temp || return 2
  line_new "$@" < "$2" > "$T/new"
  Why=content
  if [ "$Want_diff" ] && [ -z "$9" ]; then file_diff "$2"; fi
  return 1
}
# Prints the new text; status 10 says that it is another one.
line_new() {
  Lw=$1 Ll=$3 Lm=$4 La=$5 Lb=$6 awk '
    BEGIN { w = ENVIRON["Lw"]; l = ENVIRON["Ll"]; m = ENVIRON["Lm"]; a = ENVIRON["La"]; b = ENVIRON["Lb"] }
    { t[++n] = $0 }
    END {
      if (w == "gone") {
        for (i = 1; i <= n; i++) if (m != "" ? t[i] !~ m : (t[i] "") != (l "")) print t[i]; else c = 10
        exit c
      }
      at = 0; place = 0; same = 0
      for (i = 1; i <= n; i++) {
        if (m != "" && t[i] ~ m) at = i
        if ((t[i] "") == (l "")) same = i
        if (!place && (a != "" && t[i] ~ a || b != "" && t[i] ~ b)) place = i
      }
      if (!at && same) place = -1
      for (i = 1; i <= n; i++) {
        if (i == place && b != "" && !at) print l
        print (i == at ? l : t[i])
        if (i == place && a != "" && !at) print l
      }
      if (!at && !place) print l
      exit (at ? (t[at] "") != (l "") : place >= 0) ? 10 : 0
    }'
}
line_apply() {
  if [ -e "$2" ]; then
    file_put "$2" "$8" "" "" "" "" cat "$T/new"
  else
    file_put "$2" "$8" "" "" "" "" printf '%s\n' "$3"
  fi
}
]==],
}
