--- Rules of firewalls, here and at AWS. A rule of prov's is many of AWS's: one for each port range and each source.
--- They are compared one by one; what order and grouping they come in says nothing.

local M = {}

local EVERYWHERE = { "0.0.0.0/0", "::/0" }

local function ports_of(rule)
  if rule.protocol == "any" then
    return { { nil, nil } }
  elseif rule.protocol == "icmp" then
    return { { -1, -1 } }
  elseif #(rule.ports or {}) == 0 then
    return { { 0, 65535 } }
  end
  local out = {}
  for i, port in ipairs(rule.ports) do
    local first, last = tostring(port):match("^(%d+)%-?(%d*)$")
    out[i] = { math.tointeger(tonumber(first)), math.tointeger(tonumber(last ~= "" and last or first)) }
  end
  return out
end

--- What kind of end a rule has: a range, another firewall or a list of ranges.
local function end_of(text)
  if text:find("^sg%-") then
    return "group"
  elseif text:find("^pl%-") then
    return "list"
  end
  return text:find(":", 1, true) and "v6" or "v4"
end

--- Writes a range as AWS does: a single address with its prefix.
local function range_of(text)
  text = text:lower()
  if text:find("/", 1, true) or text:find("^%l%l%-") then
    return text
  end
  return text .. (text:find(":", 1, true) and "/128" or "/32")
end

local function name_of_protocol(rule, kind)
  if rule.protocol == "any" then
    return "-1"
  elseif rule.protocol == "icmp" and kind == "v6" then
    return "icmpv6"
  end
  return rule.protocol
end

local function key_of(atom)
  return table.concat({ atom.direction, atom.protocol, tostring(atom.from), tostring(atom.to), atom.other }, " ")
end

--- The single rules of a list of rules, by what they are.
---@param rules table[]
---@return table<string, table>
function M.atoms(rules)
  local out = {}
  for _, rule in ipairs(rules or {}) do
    local direction = rule.direction or "in"
    local ends = direction == "in" and rule.sources or rule.destinations
    for _, other in ipairs(ends and #ends > 0 and ends or EVERYWHERE) do
      local kind = end_of(other)
      for _, ports in ipairs(ports_of(rule)) do
        local atom = { direction = direction, protocol = name_of_protocol(rule, kind), from = ports[1], to = ports[2],
          other = range_of(other), kind = kind, comment = rule.comment }
        out[key_of(atom)] = atom
      end
    end
  end
  return out
end

--- The same of the permissions of a security group.
---@param permissions table[] IpPermissions or IpPermissionsEgress
---@param direction "in"|"out"
---@param into table<string, table>
function M.of_permissions(permissions, direction, into)
  for _, permission in ipairs(permissions or {}) do
    for _, list in ipairs({
      { permission.IpRanges, "CidrIp", "v4" }, { permission.Ipv6Ranges, "CidrIpv6", "v6" },
      { permission.UserIdGroupPairs, "GroupId", "group" }, { permission.PrefixListIds, "PrefixListId", "list" },
    }) do
      for _, one in ipairs(list[1] or {}) do
        local any = permission.IpProtocol == "-1"
        local atom = { direction = direction, protocol = permission.IpProtocol, other = one[list[2]], kind = list[3],
          from = not any and permission.FromPort or nil, to = not any and permission.ToPort or nil,
          comment = one.Description ~= "" and one.Description or nil }
        into[key_of(atom)] = atom
      end
    end
  end
  return into
end

--- A single rule as a permission of a request.
---@param atom table
---@return table
function M.permission(atom)
  local out = { IpProtocol = atom.protocol, FromPort = atom.from, ToPort = atom.to }
  if atom.kind == "v4" then
    out.IpRanges = { { CidrIp = atom.other, Description = atom.comment } }
  elseif atom.kind == "v6" then
    out.Ipv6Ranges = { { CidrIpv6 = atom.other, Description = atom.comment } }
  elseif atom.kind == "group" then
    out.UserIdGroupPairs = { { GroupId = atom.other, Description = atom.comment } }
  else
    out.PrefixListIds = { { PrefixListId = atom.other, Description = atom.comment } }
  end
  return out
end

--- Takes the single rules of a rule out of `left`, when all of them are there with its comment.
local function claim(rule, left)
  local atoms = M.atoms({ rule })
  for key, atom in pairs(atoms) do
    if not left[key] or left[key].comment ~= atom.comment then
      return false
    end
  end
  for key in pairs(atoms) do
    left[key] = nil
  end
  return true
end

--- What is there as rules for people: the known ones that hold, as they are written, and then the rest; of that, what
--- differs only in its ends is one rule.
---@param ctx table
---@param known? table[] rules
---@param atoms table<string, table> emptied
---@return table[]
function M.tell(ctx, known, atoms)
  local keys, groups, out = {}, {}, ctx.json.list({})
  for _, rule in ipairs(known or {}) do
    if claim(rule, atoms) then
      out[#out + 1] = rule
    end
  end
  for key in pairs(atoms) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local atom = atoms[key]
    local protocol = ({ ["-1"] = "any", icmpv6 = "icmp" })[atom.protocol] or atom.protocol
    local ports = atom.from and atom.from >= 0 and not (atom.from == 0 and atom.to == 65535)
      and (atom.from == atom.to and atom.from or ("%d-%d"):format(atom.from, atom.to)) or nil
    local slot = table.concat({ atom.direction, protocol, tostring(ports), tostring(atom.comment) }, " ")
    local rule = groups[slot]
    if not rule then
      rule = { direction = atom.direction, protocol = protocol, ports = ports and ctx.json.list({ ports }) or nil,
        comment = atom.comment }
      groups[slot] = rule
      out[#out + 1] = rule
    end
    local side = atom.direction == "in" and "sources" or "destinations"
    rule[side] = rule[side] or ctx.json.list({})
    table.insert(rule[side], atom.other)
  end
  return out
end

return M
