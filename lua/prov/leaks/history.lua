--- The lines that the history of a git repository added, commit by commit.

local err = require("prov.err")
local proc = require("prov.proc")

local M = {}

--- Runs git in a folder.
---@async
---@param dir string
---@param ... string
---@return string? stdout
---@return prov.Err? err "failed": what git said
function M.git(dir, ...)
  local result, e = proc.run({ "git", "-C", dir, "-c", "core.quotePath=false", ... })
  if not result then
    return nil, e
  elseif result.code ~= 0 then
    return err.fail("failed", "git %s: %s", (...), result.stderr:match("^[^\n]*"))
  end
  return result.stdout
end

local MARK = "\1prov\1" -- in front of a commit; no line of a diff begins with it

-- The name in a line "+++ b/name", which git quotes as C does when it has odd characters.
local function name_of(text)
  if text:sub(1, 1) == '"' then
    text = text:sub(2, -2):gsub("\\(%d%d%d)", function(code)
      return string.char(tonumber(code, 8))
    end):gsub("\\(.)", { n = "\n", t = "\t", ['"'] = '"', ["\\"] = "\\" })
  end
  return (text:gsub("\t$", ""):gsub("^b/", ""))
end

-- Reads a diff as it comes: on_file(commit, file, text, lines) for what each file got, with the numbers of its lines.
local function reader(on_file, max)
  local rest, commit, file, added, lines, size = "", nil, nil, {}, {}, 0
  local number, left, gone = 0, 0, 0
  local function flush()
    if added[1] and file and size <= max then
      on_file(commit, file, table.concat(added, "\n"), lines)
    end
    added, lines, size = {}, {}, 0
  end
  local function line(text)
    local first = text:byte(1)
    if left > 0 and first == 43 then -- +
      size = size + #text
      if size <= max then
        added[#added + 1], lines[#lines + 1] = text:sub(2), number
      end
      number, left = number + 1, left - 1
    elseif gone > 0 and first == 45 then -- -
      gone = gone - 1
    elseif first == 64 then -- @@ -a,b +c,d @@
      local minus, from, plus = text:match("^@@ %-%d+,?(%d*) %+(%d+),?(%d*) @@")
      if minus then
        number, left = math.tointeger(tonumber(from)), math.tointeger(tonumber(plus)) or 1
        gone = math.tointeger(tonumber(minus)) or 1
      end
    elseif first == 43 then
      flush()
      local name = text:match("^%+%+%+ (.*)$")
      file = name and name ~= "/dev/null" and name_of(name) or nil
    elseif first == 1 and text:sub(1, #MARK) == MARK then
      flush()
      local id, date, author = text:sub(#MARK + 1):match("^(%x+) (%S+) (.*)$")
      commit = id and { id = id, date = date, author = author }
    end
  end
  return function(bytes)
    if bytes then
      local text, at = rest .. bytes, 1
      while true do
        local stop = text:find("\n", at, true)
        if not stop then
          break
        end
        line(text:sub(at, stop - 1))
        at = stop + 1
      end
      rest = text:sub(at)
    else
      flush()
    end
  end
end

local function diff(dir, argv, on_file, max)
  local read = reader(on_file, max)
  local result, e = proc.run({ "git", "-C", dir, "-c", "core.quotePath=false", stream = true, on_stdout = read,
    table.unpack(argv) })
  if not result then
    return nil, e
  elseif result.code ~= 0 then
    return err.fail("failed", "git %s: %s", argv[1], result.stderr:match("^[^\n]*"))
  end
  read(nil)
  return true
end

local FORM = { "--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/",
  "--diff-filter=ACMR", "--no-renames" }

local function with(first, paths)
  local out = table.move(FORM, 1, #FORM, #first + 1, first)
  out[#out + 1] = "--"
  return table.move(paths, 1, #paths, #out + 1, out)
end

--- What each commit of all branches and tags added, the newest first.
---@async
---@param dir string
---@param paths string[] only these, when there are some
---@param max integer bytes that are read of a file in a commit
---@param on_file fun(commit: { id: string, date: string, author: string }, file: string, text: string, lines)
---@return true?, prov.Err?
function M.each(dir, paths, max, on_file)
  return diff(dir, with({ "log", "-p", "--all", "--format=tformat:" .. MARK:gsub("\1", "%%x01") .. "%H %aI %an <%ae>" },
    paths), on_file, max)
end

--- What the next commit would add.
---@async
function M.staged(dir, paths, max, on_file)
  return diff(dir, with({ "diff", "--cached" }, paths), on_file, max)
end

return M
