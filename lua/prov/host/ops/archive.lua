--- op.archive: a tar or zip archive unpacked into a folder.

return {
  name = "archive",
  summary = "An archive unpacked into a folder",
  doc = "From a URL with a known SHA-256, or from a file on the host. Which archive a folder holds is noted under "
    .. "/var/lib/prov, so another digest unpacks again; creates names a path that must exist as well.",
  example = 'op.archive { "/opt/app", url = "https://example.org/app-1.2.tar.gz", sha256 = "9f86d0...", strip = 1 }',
  positional = { "path" },
  schema = {
    path = { type = "path", required = true, doc = "folder to unpack into (made when absent)" },
    source = { type = "path", doc = "archive on the host" },
    url = { type = "string", doc = "http:// or https:// URL of the archive" },
    sha256 = { type = "string", required = true, doc = "digest of the archive, 64 hex digits" },
    strip = { type = "int", default = 0, min = 0, doc = "leading folders of names to drop (tar)" },
    format = { type = "enum", one_of = { "tar", "zip" },
      doc = "tar (compressed in any way it knows) or zip; by the name" },
    creates = { type = "path", doc = "a path that is there after unpacking" },
  },
  lib = { "FETCH" },
  check = function(a)
    if (a.source == nil) == (a.url == nil) then
      return "needs source or url"
    elseif a.url and not a.url:find("^https?://[^%s%c'\"]+$") then
      return "url: this is no http:// or https:// URL"
    elseif not a.sha256:lower():find("^" .. ("%x"):rep(64) .. "$") then
      return "sha256 must be 64 hex digits"
    end
  end,
  title = function(a)
    return ("archive %s in %s"):format((a.source or a.url):match("([^/]+)/*$"), a.path)
  end,
  emit = function(a)
    local from = a.source or a.url
    local key = a.path:gsub("[^%w.-]", function(ch)
      return ("_%02x"):format(ch:byte())
    end)
    return {
      a.path, key, a.sha256:lower(), a.source or "", a.url or "", tostring(a.strip),
      a.format or from:find("%.zip$") and "zip" or "tar", a.creates or "",
    }
  end,
  sh = [==[
archive_check() {
  [ -d "$1" ] || { Why=absent; return 1; }
  if [ "$8" ] && [ ! -e "$8" ]; then Why="$8 is absent"; return 1; fi
  P=
  [ -r "$State/archive/$2" ] && read -r P < "$State/archive/$2"
  [ "$P" = "$3" ] && return 0
  Why="another archive"
  [ "$P" ] || Why="not unpacked"
  return 1
}
archive_apply() {
  dirty fs
  Af=$4
  if [ "$5" ]; then
    Af=$T/archive
    fetch "$5" > "$Af" || { Why="cannot download $5"; return 1; }
  fi
  Fsum=$(sha256sum < "$Af")
  if [ "${Fsum%% *}" != "$3" ]; then Why="the digest of the archive is ${Fsum%% *}"; return 1; fi
  mkdir -p "$1" "$State/archive" || return 1
  rm -f "$State/archive/$2"
  case $7 in
    zip) unzip -o -q "$Af" -d "$1" ;;
    *) if [ "$6" = 0 ]; then tar -xf "$Af" -C "$1"; else tar -xf "$Af" -C "$1" --strip-components="$6"; fi ;;
  esac || { Why="cannot unpack"; return 1; }
  if [ "$8" ] && [ ! -e "$8" ]; then Why="$8 is not in the archive"; return 1; fi
  printf '%s\n' "$3" > "$State/archive/$2"
}
]==],
}
