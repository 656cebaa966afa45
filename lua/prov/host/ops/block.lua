--- op.block: a marked block of lines in a text file.

-- Up to this many bytes a block is also sent as it is found in what texts_probe read.
local QUICK = 4096

return {
  name = "block",
  summary = "A block of lines between two marker lines in a text file",
  doc = "The block is found again by its markers, so its text may change. New ones go to the end of the file.",
  example = 'op.block { "/etc/hosts", name = "cluster", text = "10.0.0.2 db\\n10.0.0.3 web\\n" }',
  positional = { "path" },
  schema = {
    path = { type = "path", required = true, doc = "the file" },
    name = { type = "name", required = true, doc = "name in the marker lines" },
    text = { type = "bytes", doc = "the lines" },
    comment = { type = "string", default = "#", doc = "how a comment starts in this file" },
    create = { type = "bool", default = false, doc = "true: make the file when there is none" },
    absent = { type = "bool", default = false, doc = "true: remove the block" },
    mode = { type = "mode", doc = "permission bits of the file" },
    secret = { type = "bool", default = false, doc = "true: never shown in a diff" },
  },
  lib = { "FILES", "TEXTS" },
  check = function(a)
    if not a.absent and not a.text then
      return "needs text (or absent = true)"
    elseif a.text and a.text:find("%z") then
      return "text holds a NUL byte"
    elseif a.comment:find("[\n%z]") then
      return "comment holds a newline or NUL byte"
    end
  end,
  title = function(a)
    return ("%s '%s' in %s"):format(a.absent and "no block" or "block", a.name, a.path)
  end,
  emit = function(a, c)
    local text = a.text or ""
    if text ~= "" and text:sub(-1) ~= "\n" then
      text = text .. "\n"
    end
    local first = a.comment .. " BEGIN prov " .. a.name
    local last = a.comment .. " END prov " .. a.name
    for line in text:gmatch("[^\n]*") do
      if line == first or line == last then
        error({ bad = "text holds its own marker line" }, 0)
      end
    end
    local looked, lines = "", ""
    if not a.absent and #text <= QUICK then
      looked = tostring(c.text(a.path)) .. ":"
      lines = looked .. (first .. "\n" .. text .. last):gsub("\n", "\n" .. looked)
    end
    return {
      a.absent and "gone" or "put", a.path, first, last, text, a.create and "1" or "", a.mode or "",
      a.opaque and "1" or "", looked, lines,
    }
  end,
  sh = [==[
block_check() {
  if [ ! -e "$2" ]; then
    [ "$1" = gone ] && return 0
    Why=absent
    [ "$6" ] || { Why="the file does not exist (create = true makes it)"; [ "$Mode" = check ] && return 1; return 2; }
    return 1
  fi
  [ -f "$2" ] || { Why="is no file"; return 2; }
  if [ "$9" ] && ! is_dirty f; then
    # A second block of this name is for block_new to remove.
    case $Tx in
      *"$NL$9$3$NL"*"$9$3$NL"*) ;;
      *"$NL${10}$NL"*) return 0 ;;
    esac
  fi
  temp || return 2
  block_new "$@" < "$2" > "$T/new" || { Why="the block has no end marker"; return 2; }
  cmp -s "$2" "$T/new" && return 0
  Why=content
  if [ "$Want_diff" ] && [ -z "$8" ]; then file_diff "$2"; fi
  return 1
}
block_new() {
  Bw=$1 Bf=$3 Bl=$4 Bt=$5 awk '
    BEGIN { w = ENVIRON["Bw"]; f = ENVIRON["Bf"]; l = ENVIRON["Bl"]; t = ENVIRON["Bt"] }
    function block() { if (w == "put" && !done) { print f; printf "%s", t; print l; done = 1 } }
    ($0 "") == (f "") && !open { open = 1; block(); next }
    open { if (($0 "") == (l "")) open = 0; next }
    { print }
    END { if (open) exit 3; block() }'
}
block_apply() {
  if [ -e "$2" ]; then
    file_put "$2" "$7" "" "" "" "" cat "$T/new"
  else
    file_put "$2" "$7" "" "" "" "" printf '%s\n%s%s\n' "$3" "$5" "$4"
  fi
}
]==],
}
