--- What cloud-init does at the first start: lets the keys in, and gives the server the host key that prov knows it
--- by. The user's own user data follow as a part of their own.

local M = {}

local MARK = "# prov host key: "

--- The host key in user data that this made, or nil.
function M.host_key(text)
  return text and text:match(MARK .. "([^\n]+)")
end

local function indented(text)
  return "    " .. text:gsub("\n$", ""):gsub("\n", "\n    ") .. "\n"
end

--- The first part: keys and host key.
local function config(keys, host)
  local out = { "#cloud-config\n", MARK, host.public:match("^%S+ %S+"), "\n",
    "disable_root: false\n", "ssh_deletekeys: true\n", "ssh_keys:\n", "  ed25519_private: |\n", indented(host.private),
    "  ed25519_public: ", host.public:match("^%S+ %S+"), "\n", "ssh_authorized_keys:\n" }
  for _, key in ipairs(keys) do
    out[#out + 1] = ("  - %s\n"):format(key:match("^%s*(.-)%s*$"))
  end
  return table.concat(out)
end

local function type_of(text)
  if text:find("^#cloud%-config") then
    return "text/cloud-config"
  elseif text:find("^#!") then
    return "text/x-shellscript"
  elseif text:find("^#include") then
    return "text/x-include-url"
  elseif text:find("^## template: jinja") then
    return "text/jinja2"
  elseif text:find("^#cloud%-boothook") then
    return "text/cloud-boothook"
  end
  return "text/plain"
end

--- User data with the keys that may log in and a host key pair.
---@param keys string[] lines of authorized_keys
---@param host { private: string, public: string }
---@param own? string the user's
---@return string
function M.make(keys, host, own)
  local first = config(keys, host)
  if not own or own == "" then
    return first
  end
  local boundary = "==prov=="
  while own:find(boundary, 1, true) do
    boundary = boundary .. "="
  end
  local out = { ('Content-Type: multipart/mixed; boundary="%s"\nMIME-Version: 1.0\n\n'):format(boundary) }
  for _, text in ipairs({ first, own }) do
    out[#out + 1] = ("--%s\nContent-Type: %s; charset=\"utf-8\"\nMIME-Version: 1.0\n"):format(boundary, type_of(text))
    out[#out + 1] = "Merge-Type: list(append)+dict(no_replace,recurse_list)+str()\n\n" .. text .. "\n"
  end
  out[#out + 1] = ("--%s--\n"):format(boundary)
  return table.concat(out)
end

return M
