--- The package sources of this machine, read to know where images and servers get packages.

local err = require("prov.err")
local fs = require("prov.fs")
local settings = require("prov.settings")

local M = {}

local ETC = "/etc/apt"
local STANZA = "Types: deb\nURIs: %s\nSuites: %s%s\nComponents: %s\n"

local FAMILY = {
  buster = "debian",
  bullseye = "debian",
  bookworm = "debian",
  trixie = "debian",
  forky = "debian",
  sid = "debian",
  focal = "ubuntu",
  jammy = "ubuntu",
  noble = "ubuntu",
}

--- "bookworm-security" -> "bookworm", "-security"
local function split_suite(suite)
  local base, pocket = suite:match("^(%l+)(.*)$")
  return base or suite, pocket or ""
end

local function add(rows, types, uris, suites, components, signed_by)
  if not (" " .. types .. " "):find(" deb ", 1, true) then
    return
  end
  for uri in uris:gmatch("%S+") do
    for suite in suites:gmatch("%S+") do
      local base, pocket = split_suite(suite)
      rows[#rows + 1] = {
        uri = uri:gsub("/+$", ""),
        family = FAMILY[base],
        pocket = pocket,
        components = components,
        signed_by = signed_by,
      }
    end
  end
end

--- Sources in the deb822 form (`*.sources`): stanzas of `Field: value` lines.
---@param text string
---@param rows table[]
function M.parse_deb822(text, rows)
  for stanza in (text:gsub("\n#[^\n]*", ""):gsub("^#[^\n]*\n", "") .. "\n\n"):gmatch("(.-)\n%s*\n") do
    local fields, last = {}, nil
    for line in stanza:gmatch("[^\n]+") do
      local name, value = line:match("^([%w-]+):%s*(.-)%s*$")
      if name then
        last = name:lower()
        fields[last] = value
      elseif last and line:find("^%s") then
        fields[last] = fields[last] .. " " .. line:match("^%s*(.-)%s*$")
      end
    end
    if fields.uris and fields.suites and (fields.enabled or "yes"):lower() ~= "no" then
      local key = fields["signed-by"]
      key = key and key:find("^/") and key or nil
      add(rows, fields.types or "", fields.uris, fields.suites, fields.components or "main", key)
    end
  end
end

--- Sources in the one-line form (`*.list`): `deb [options] uri suite components`.
---@param text string
---@param rows table[]
function M.parse_list(text, rows)
  for line in text:gmatch("[^\n]+") do
    local kind, rest = line:gsub("#.*", ""):match("^%s*(deb)%s+(.*)$")
    if kind then
      local options, after = rest:match("^%[(.-)%]%s*(.*)$")
      local uri, suite, components = (after or rest):match("^(%S+)%s+(%S+)%s*(.-)%s*$")
      if uri then
        add(rows, kind, uri, suite, components, options and options:match("signed%-by=(/%S+)"))
      end
    end
  end
end

--- Every source of this machine: `{ uri, family, pocket, components, signed_by }`.
---@return table[]
function M.read()
  local rows, files = {}, { ETC .. "/sources.list" }
  for _, row in ipairs(fs.list(ETC .. "/sources.list.d") or {}) do
    files[#files + 1] = ETC .. "/sources.list.d/" .. row.name
  end
  for _, path in ipairs(files) do
    local text = fs.read(path)
    if text and path:find("%.sources$") then
      M.parse_deb822(text, rows)
    elseif text and path:find("%.list$") then
      M.parse_list(text, rows)
    end
  end
  return rows
end

--- Names of the servers that packages come from, sorted; what the proxy of a lab allows.
---@return string[]
function M.hosts()
  local seen, hosts = {}, {}
  for _, row in ipairs(M.read()) do
    local host = row.uri:match("^http://([^/]+)")
    if host and row.family and not seen[host] then
      seen[host] = true
      hosts[#hosts + 1] = host
    end
  end
  table.sort(hosts)
  return hosts
end

--- Sources (deb822) for a release of a distribution, at the mirrors that this machine uses.
---@param family "debian"|"ubuntu"
---@param suite string
---@return string?
---@return prov.Err?
function M.of(family, suite)
  local stanzas, seen, mirror = {}, {}, settings.machine.mirror
  for _, row in ipairs(M.read()) do
    local wanted = row.pocket == "" or row.pocket == "-updates" or row.pocket == "-security"
    if row.family == family and wanted then
      local uri = mirror ~= "" and row.pocket ~= "-security" and mirror or row.uri
      local text = STANZA:format(uri, suite, row.pocket, row.components)
      if row.signed_by then
        text = ("%sSigned-By: %s\n"):format(text, row.signed_by)
      end
      if not seen[text] then
        seen[text] = true
        stanzas[#stanzas + 1] = text
      end
    end
  end
  if #stanzas == 0 then
    return nil, err.new("unsupported", ("this machine has no %s package source"):format(family), {
      hint = ("add a mirror of %s to /etc/apt/sources.list.d"):format(family),
    })
  end
  return table.concat(stanzas, "\n")
end

return M
