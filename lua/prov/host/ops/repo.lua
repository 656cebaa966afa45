--- op.repo: a package repository.

return {
  name = "repo",
  summary = "A package repository and its signing key (apt)",
  doc = "Writes /etc/apt/sources.list.d/<name>.sources and /etc/apt/keyrings/<name>.asc, and reads the lists when "
    .. "something changed.",
  example = 'op.repo { "example", uris = "https://apt.example.org/debian", suites = "bookworm", '
    .. 'components = "main", key = "-----BEGIN PGP PUBLIC KEY BLOCK-----..." }',
  positional = { "name" },
  schema = {
    name = { type = "event", required = true, doc = "name of the files" },
    uris = { type = "string", doc = "where it is" },
    suites = { type = "string", doc = "suites, separated by spaces" },
    components = { type = "string", default = "main", doc = "components, separated by spaces; empty for a flat one" },
    architectures = { type = "string", doc = "architectures, separated by spaces" },
    key = { type = "bytes", doc = "signing key: armored text, or a path on the host that is there already" },
    absent = { type = "bool", default = false, doc = "true: no such repository" },
  },
  lib = { "FILES" },
  check = function(a)
    if not a.absent then
      for _, field in ipairs({ "uris", "suites", "key" }) do
        if not a[field] then
          return "needs " .. field
        end
      end
    end
    for _, field in ipairs({ "uris", "suites", "components", "architectures" }) do
      if a[field] and a[field]:find("%c") then
        return field .. " holds a control character"
      end
    end
  end,
  title = function(a)
    return (a.absent and "no repository " or "repository ") .. a.name
  end,
  emit = function(a, c)
    local source = ("/etc/apt/sources.list.d/%s.sources"):format(a.name)
    local keyring = ("/etc/apt/keyrings/%s.asc"):format(a.name)
    if a.absent then
      return { "gone", source, keyring }
    end
    local path = a.key:sub(1, 1) == "/" and a.key or keyring
    local lines = { "Types: deb", "URIs: " .. a.uris, "Suites: " .. a.suites }
    if a.components ~= "" then
      lines[#lines + 1] = "Components: " .. a.components
    end
    if a.architectures then
      lines[#lines + 1] = "Architectures: " .. a.architectures
    end
    lines[#lines + 1] = "Signed-By: " .. path
    local text = table.concat(lines, "\n") .. "\n"
    local words = { "put", source, keyring, tostring(c.file(source)), c.digest(text), c.content(text) }
    if path == keyring then
      table.move({ tostring(c.file(keyring)), c.digest(a.key), c.content(a.key) }, 1, 3, #words + 1, words)
    end
    return words
  end,
  sh = [==[
repo_check() {
  case $1 in
    gone) [ -e "$2" ] || [ -e "$3" ] || return 0; Why=present; return 1 ;;
  esac
  [ "$Pm" = apt ] || { Why="repositories are known for apt only"; return 2; }
  if [ -f "$2" ]; then
    file_look "$4" "$2"
    [ "$Fsum" = "$5" ] || { Why=content What=s; }
  else
    Why=absent What=s
  fi
  if [ "$7" ]; then
    if [ -f "$3" ]; then
      file_look "$7" "$3"
      [ "$Fsum" = "$8" ] || { Why="$Why${Why:+, }another key" What=${What}k; }
    else
      Why="$Why${Why:+, }no key" What=${What}k
    fi
  fi
  [ -z "$What" ]
}
repo_apply() {
  dirty p
  case $1 in gone) rm -f "$2" "$3"; apt-get -q update; return ;; esac
  case $What in *k*)
    [ -d /etc/apt/keyrings ] || mkdir -p /etc/apt/keyrings || return 1
    file_put "$3" 644 "" "" "$8" "" "$9" || return 1 ;;
  esac
  case $What in *s*) file_put "$2" 644 "" "" "$5" "" "$6" || return 1 ;; esac
  # A source that cannot be read must not stay: the next run would take it for done.
  apt-get -q update -o APT::Update::Error-Mode=any || { rm -f "$2"; Why="the lists cannot be read"; return 1; }
}
]==],
}
