--- op.download: a file from a URL, known by its digest.

return {
  name = "download",
  summary = "A file from a URL with a known SHA-256",
  doc = "Fetched with curl or wget when the file is absent or has another digest, checked, then put in place in "
    .. "one step. For http:// URLs a host with neither can use bash.",
  example = 'op.download { "/opt/app.tar.gz", url = "https://example.org/app-1.2.tar.gz", sha256 = "9f86d0..." }',
  positional = { "path" },
  schema = {
    path = { type = "path", required = true, doc = "where the file goes" },
    url = { type = "string", required = true, doc = "http:// or https:// URL" },
    sha256 = { type = "string", required = true, doc = "digest, 64 hex digits" },
    mode = { type = "mode", default = "0644", doc = "permission bits, octal" },
    owner = { type = "string", doc = "user name or id" },
    group = { type = "string", doc = "group name or id" },
  },
  lib = { "FILES", "FETCH" },
  check = function(a)
    if not a.url:find("^https?://[^%s%c'\"]+$") then
      return "url: this is no http:// or https:// URL"
    elseif not a.sha256:lower():find("^" .. ("%x"):rep(64) .. "$") then
      return "sha256 must be 64 hex digits"
    end
  end,
  title = function(a)
    return ("download %s"):format(a.path)
  end,
  emit = function(a, c)
    return { a.path, tostring(c.file(a.path)), a.sha256:lower(), a.mode, a.owner or "", a.group or "", a.url }
  end,
  sh = [==[
download_check() {
  if [ -L "$1" ]; then Why="is a symbolic link" What=c
  elif [ -d "$1" ]; then Why="is a folder"; return 2
  elif [ ! -e "$1" ]; then Why=absent What=c
  else
    file_look "$2" "$1"
    if [ "$Fsum" != "$3" ]; then Why=content What=c; fi
    file_attr "$4" "$5" "$6"
  fi
  [ -z "$What" ]
}
download_apply() {
  case $What in
    c*)
      fetch "$7" > "$T/get" || { Why="cannot download $7"; return 1; }
      Fsum=$(sha256sum < "$T/get")
      if [ "${Fsum%% *}" != "$3" ]; then Why="the digest of $7 is ${Fsum%% *}"; return 1; fi
      file_put "$1" "$4" "$5" "$6" "$3" "" cat "$T/get" || return 1
      rm -f "$T/get" ;;
    *) file_own "$1" "$4" "$5" "$6" && dirty f ;;
  esac
}
]==],
}
