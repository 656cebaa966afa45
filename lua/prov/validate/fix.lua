--- Applies the edits of findings to the files of a workspace, in place: comments, order and style stay.

local err = require("prov.err")
local formats = require("prov.formats")
local fs = require("prov.fs")

local M = {}

--- The in-place editor of a file by its ending, or nil when there is none for it.
---@param file string
---@return { set: fun(text: string, path: (string|integer)[], value: any): string?, prov.Err? }?
function M.editor(file)
  local format = formats.of_file(file)
  return format and format.edit
end

local function key_of(path)
  local out = {}
  for i, key in ipairs(path) do
    out[i] = tostring(key)
  end
  return table.concat(out, "\0")
end

--- The edits of findings by file, each field once.
local function by_file(findings)
  local files, order = {}, {}
  for _, finding in ipairs(findings) do
    for _, edit in ipairs(not finding.ignored and finding.fix or {}) do
      local list = files[edit.file]
      if not list then
        list = { seen = {} }
        files[edit.file], order[#order + 1] = list, edit.file
      end
      local key = key_of(edit.path)
      if not list.seen[key] then
        list.seen[key] = true
        list[#list + 1] = { edit = edit, finding = finding }
      end
    end
  end
  return files, order
end

-- The text with the edits of a file, those that can be made.
local function edited(editor, text, list, done)
  for _, one in ipairs(list) do
    local changed, why = editor.set(text, one.edit.path, one.edit.value)
    if changed then
      text = changed
      done[#done + 1] = {
        rule = one.finding.rule,
        file = one.edit.file,
        address = one.finding.address,
        path = one.finding.path,
      }
    else
      done.failed[#done.failed + 1] = err.from(why):wrap("%s: cannot fix %s", one.edit.file, one.finding.rule)
    end
  end
  return text
end

local function apply_file(path, list, done)
  local ok, e = fs.update(path, function(text)
    if not text then
      return fs.read(path)
    end
    return edited(M.editor(path), text, list, done)
  end)
  return not ok and e or nil
end

--- Applies all edits.
---@param dir string of the workspace
---@param findings prov.Finding[]
---@return table? done list of { rule, file, address, path }, with `failed`, a list of errors
---@return prov.Err?
function M.apply(dir, findings)
  local files, order = by_file(findings)
  local done = { failed = {} }
  for _, file in ipairs(order) do
    local e = apply_file(file:sub(1, 1) == "/" and file or dir .. "/" .. file, files[file], done)
    if e then
      return nil, e
    end
  end
  return done
end

return M
