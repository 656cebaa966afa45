--- What a new server does with its user data: of all that cloud-init can, who may log in and with which host key.
-- Format: cloud-init's cloud-config, by itself or as parts of MIME with a Merge-Type.

local base = require("core.base")
local users = require("prov.machine.users")
local yaml = require("prov.yaml")

local M = {}

--- Before each key of root, where people are to log in as another one: the words of cloud-init.
local REFUSE = 'no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo \'Please login as the user '
  .. '\\"%s\\" rather than the user \\"root\\".\';echo;sleep 10;exit 142" '

--- What the user of an image belongs to.
local GROUPS = {
  "adm", "audio", "cdrom", "dialout", "dip", "floppy", "netdev", "plugdev", "sudo", "video",
}

-- ---- User data ----

--- The headers of a MIME message, their names in lower case, and its body.
local function split(text)
  local head, body = text:match("^(.-)\r?\n\r?\n(.*)$")
  local headers = {}
  for name, value in ((head or ""):gsub("\r?\n[ \t]+", " ") .. "\n"):gmatch("([%w-]+):[ \t]*([^\r\n]*)") do
    headers[name:lower()] = value
  end
  return headers, body or ""
end

--- The parts between boundaries.
local function parts_of(body, boundary)
  local out, mark = {}, "\n--" .. boundary
  body = "\n" .. body
  local from, to = body:find(mark, 1, true)
  while from and body:sub(to + 1, to + 2) ~= "--" do
    local first = to + 1
    from, to = body:find(mark, first, true)
    out[#out + 1] = body:sub(first, (from or 0) - 1):gsub("^[^\n]*\n", "")
  end
  return out
end

--- Takes a config into another one: what is there already goes, stays or grows, as the part's Merge-Type says.
local function merge(into, config, how)
  local stays = how:find("no_replace", 1, true)
  local grows = how:find("list(append)", 1, true) and how:find("recurse_list", 1, true)
  for name, value in pairs(config) do
    local old = into[name]
    if old ~= nil and grows and type(old) == "table" and type(value) == "table" then
      table.move(value, 1, #value, #old + 1, old)
    elseif old == nil or not stays then
      into[name] = value
    end
  end
end

--- Takes the cloud-config in a message, or those in its parts.
local function collect(into, headers, body)
  local boundary = (headers["content-type"] or ""):match('^[Mm]ultipart/.*[Bb]oundary="?([^";]+)')
  if boundary then
    for _, part in ipairs(parts_of(body, boundary)) do
      collect(into, split(part))
    end
    return
  end
  if (headers["content-transfer-encoding"] or ""):lower() == "base64" then
    body = base.unbase64((body:gsub("%s", ""))) or ""
  end
  local config = body:find("^#cloud%-config") and yaml.decode(body)
  if type(config) == "table" then
    merge(into, config, headers["merge-type"] or headers["x-merge-type"] or "")
  end
end

--- The cloud-config in user data: all of its parts, taken together; what is none says nothing.
---@param user_data? string
---@return table
function M.config(user_data)
  local out, text = {}, user_data or ""
  if text:find("^#") then
    collect(out, {}, text)
  else
    collect(out, split(text))
  end
  return out
end

-- ---- Who logs in ----

local function list_of(value)
  if type(value) == "string" then
    local out = {}
    for item in value:gmatch("[^,%s]+") do
      out[#out + 1] = item
    end
    return out
  end
  return type(value) == "table" and value or {}
end

--- What are public keys of lists of them, each once.
local function keys_of(...)
  local out, seen = {}, {}
  for _, list in ipairs({ ... }) do
    for _, text in ipairs(list) do
      local key = type(text) == "string" and text:match("^%s*([%w@.-]+ [%w+/=]+[^%c]*)")
      if key and not seen[key] then
        seen[key], out[#out + 1] = true, key
      end
    end
  end
  return out
end

local function text_of(keys, options)
  local out = {}
  for i, key in ipairs(keys) do
    out[i] = (options or "") .. key .. "\n"
  end
  return table.concat(out)
end

local function names_of(value)
  local out = {}
  for _, name in ipairs(list_of(value)) do
    out[#out + 1] = users.is_name(name) and name or nil
  end
  return out
end

local function line_of(value)
  return type(value) == "string" and not value:find("%c") and value or nil
end

local function path_of(value)
  return line_of(value) and value:find("^/[^:]+$") and not value:find("..", 1, true) and value or nil
end

local function one_or_more(value)
  return type(value) == "string" and { value } or list_of(value)
end

local function rules_of(value)
  local out = {}
  for _, rule in ipairs(one_or_more(value)) do
    out[#out + 1] = line_of(rule)
  end
  return out
end

--- A user of a cloud-config; nil for what is none.
local function user_of(entry)
  entry = type(entry) == "string" and { name = entry } or entry
  if type(entry) ~= "table" or not users.is_name(entry.name) then
    return nil
  end
  return {
    name = entry.name, gecos = line_of(entry.gecos), home = path_of(entry.homedir), shell = path_of(entry.shell),
    group = names_of(entry.primary_group)[1], groups = names_of(entry.groups), sudo = rules_of(entry.sudo),
    own_keys = one_or_more(entry.ssh_authorized_keys or entry["ssh-authorized-keys"]),
  }
end

---@class prov.simulate.Login how people log in to new servers of an image
---@field user string "root", or the one that cloud-init makes
---@field gecos? string
---@field keys string[] public keys that the API was given

---@class prov.simulate.Accounts
---@field root string the text of root's authorized_keys
---@field users prov.machine.User[]
---@field host_key? { private: string, public: string } ed25519

--- The users that there are to be, and which of them is the image's own.
local function accounts_of(config, login)
  local out, own = {}, nil
  for _, entry in ipairs(config.users == nil and { "default" } or list_of(config.users)) do
    local user = user_of(entry)
    if not user or user.name ~= "default" then
      out[#out + 1] = user
    elseif not own then
      own = {
        name = login.user, gecos = login.gecos, shell = "/bin/bash", groups = { table.unpack(GROUPS) },
        sudo = { "ALL=(ALL) NOPASSWD:ALL" }, own_keys = {},
      }
      out[#out + 1] = own
    end
  end
  return out, own
end

local function host_key_of(config)
  local keys = type(config.ssh_keys) == "table" and config.ssh_keys or {}
  local private, public = keys.ed25519_private, line_of(keys.ed25519_public)
  if type(private) ~= "string" or not public then
    return nil
  end
  return { private = private:gsub("%s*$", "\n"), public = public }
end

--- Who may log in to a new server, and its host key when the user data has one.
---@param login prov.simulate.Login
---@param user_data? string
---@return prov.simulate.Accounts
function M.accounts(login, user_data)
  local config = M.config(user_data)
  local list, own = accounts_of(config, login)
  local shared = keys_of(login.keys, list_of(config.ssh_authorized_keys))
  local out = { root = "", users = {}, host_key = host_key_of(config) }
  for _, user in ipairs(list) do
    user.keys = text_of(keys_of(user.own_keys, user == own and shared or {}))
    user.own_keys = nil
    if user.name ~= "root" then
      table.insert(out.users, user)
    elseif user ~= own then
      out.root = user.keys
    end
  end
  local closed = login.user ~= "root"
  if config.disable_root ~= nil then
    closed = config.disable_root == true
  end
  out.root = out.root .. text_of(shared, closed and REFUSE:format(own and own.name or "NONE"))
  return out
end

return M
