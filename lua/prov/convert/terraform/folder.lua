--- A folder of Terraform files, read: its blocks by kind, in the order of the files.

local err = require("prov.err")
local fs = require("prov.fs")
local hcl = require("prov.convert.hcl")
local settings = require("prov.settings")

local M = {}


---@class prov.convert.Folder
---@field dir string
---@field blocks { block: table, file: prov.hcl.File, comment: string? }[]
---@field overrides { block: table, file: prov.hcl.File, comment: string? }[] of override.tf and *_override.tf
---@field values table<string, { value: table, file: prov.hcl.File }> of terraform.tfvars and *.auto.tfvars

local function is_source(name)
  return name:match("%.tf$") or name:match("%.tf%.json$")
end

local function is_values(name)
  return name == "terraform.tfvars" or name == "terraform.tfvars.json" or name:match("%.auto%.tfvars$")
    or name:match("%.auto%.tfvars%.json$")
end

-- Terraform merges the blocks of these into those of the other files.
local function is_override(name)
  return name:match("^override%.tf") or name:match("_override%.tf")
end

local ONCE = { resource = true, data = true, variable = true, output = true, module = true }

-- Comments by the line they end on, those that have lines of their own.
local function own_lines(file)
  local by_line = {}
  for _, comment in ipairs(file.comments) do
    local line, column = file.place(comment.at)
    local before = file.text:sub(1, comment.at - 1):match("[^\n]*$")
    if column == 1 or not before:find("%S") then
      local _, breaks = comment.text:gsub("\n", "")
      by_line[line + breaks] = { text = comment.text, first = line }
    end
  end
  return by_line
end

local function words(text)
  if text:sub(1, 2) == "/*" then
    return (text:sub(3, -3):gsub("\n[ \t]*%*?[ \t]?", "\n"):gsub("^%s*%*?%s*", ""):gsub("%s+$", ""))
  end
  return (text:gsub("^#+ ?", ""):gsub("^//+ ?", ""):gsub("%s+$", ""))
end

--- What stands right above a line.
local function comment_above(by_line, line)
  local parts = {}
  local at = by_line[line - 1]
  while at do
    table.insert(parts, 1, words(at.text))
    at = by_line[at.first - 1]
  end
  return parts[1] and table.concat(parts, "\n") or nil
end

local function read_file(path, shown)
  local text, e = fs.read(path, { max = settings.convert.file_size })
  if not text then
    return nil, e
  end
  if path:match("%.tfvars%.json$") then
    return hcl.parse_values(text, shown)
  end
  return (path:match("%.json$") and hcl.parse_json or hcl.parse)(text, shown)
end

local function names_of(path)
  local stat, e = fs.stat(path)
  if not stat then
    return nil, e or err.new("notfound", ("there is no %s"):format(path))
  end
  if stat.type ~= "directory" then
    local dir, name = path:match("^(.*)/([^/]*)$")
    return dir == "" and "/" or dir or ".", { name or path }
  end
  local names = {}
  local entries
  entries, e = fs.list(path)
  for _, entry in ipairs(entries or {}) do
    if entry.type ~= "directory" and (is_source(entry.name) or is_values(entry.name)) then
      names[#names + 1] = entry.name
    end
  end
  if not entries then
    return nil, e
  end
  return path, names
end

-- A path as people would write it: live/examples/a/../../main.tf is live/main.tf.
local function tidy(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." and parts[1] and parts[#parts] ~= ".." then
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return (path:sub(1, 1) == "/" and "/" or "") .. table.concat(parts, "/")
end

--- Reads a folder, or a single file.
---@param path string
---@return prov.convert.Folder?, prov.Err|prov.Err[]?
function M.read(path)
  local dir, names = names_of(path)
  if not dir then
    return nil, names
  elseif #names == 0 then
    return err.fail("notfound", "%s has no .tf and no .tf.json file", path)
  elseif #names > settings.convert.files then
    return err.fail("limit", "%s has more than %d files", path, settings.convert.files)
  end
  local folder, errs, declared = { dir = dir, blocks = {}, overrides = {}, values = {} }, {}, {}
  for _, name in ipairs(names) do
    local shown = tidy(dir .. "/" .. name)
    local file, e = read_file(dir .. "/" .. name, shown)
    if not file then
      errs[#errs + 1] = e
    elseif is_values(name) then
      for _, item in ipairs(file.body) do
        if item.node == "attribute" then
          folder.values[item.name] = { value = item.value, file = file }
        end
      end
    else
      local by_line = own_lines(file)
      for _, item in ipairs(file.body) do
        local line, column = file.place(item.at)
        local once = item.node == "block" and ONCE[item.type] and item.type .. "." .. table.concat(item.labels, ".")
        if item.node == "block" and once and not is_override(name) and declared[once] then
          errs[#errs + 1] = err.new("invalid", ("%s is declared twice: also at %s"):format(once, declared[once]),
            { file = shown, line = line, column = column })
        elseif item.node == "block" then
          local blocks = is_override(name) and folder.overrides or folder.blocks
          blocks[#blocks + 1] = { block = item, file = file, comment = comment_above(by_line, line) }
          if once and not is_override(name) then
            declared[once] = ("%s:%d"):format(shown, line)
          end
        else
          errs[#errs + 1] = err.new("invalid", ("'%s' stands outside of any block"):format(item.name),
            { file = shown, line = line, column = column })
        end
      end
    end
  end
  if #errs > 0 then
    return nil, errs
  end
  return folder
end

return M
