--- A fuzzer for readers that are written in Lua: it changes inputs, keeps those that make the reader run lines in an
--- order that no other input did, and reports what raises an error, gives none, or takes long.
---
---   prov internal lua tests/fuzz/guided.lua READER SECONDS [SEED]
---
--- READER is a name of tests/fuzz/readers.lua. It goes on from tests/fuzz/corpus/lua/READER.txt and writes that anew,
--- with the smallest inputs that cover the same. What fails is printed in base64, as a line of a corpus.

local base = require("core.base")
local err = require("prov.err")

local root = os.getenv("PROV_ROOT") or "."
package.path = root .. "/tests/?.lua;" .. package.path
local readers = require("fuzz.readers")

local M = {}

local SLOW_S = 2 -- what one input may take
local INPUT_MAX = 8192

-- What a call covered: counts of pairs of lines that ran after each other, in files of prov.
local function new_tracer(source)
  local ids, files, count = setmetatable({}, { __mode = "k" }), {}, 0
  local tracer = { counts = {} }
  local last, lines, deadline = 0, 0, 0

  local function id_of(fn)
    local from = debug.getinfo(fn, "S").source
    if files[from] == nil then
      count = count + 1
      files[from] = from:find(source) and count or false
    end
    ids[fn] = files[from] -- each closure is a function of its own
    return files[from]
  end

  local function on_line(_, line)
    local fn = debug.getinfo(2, "f").func
    local id = ids[fn]
    if id == nil then
      id = id_of(fn)
    end
    lines = lines + 1
    if lines % 4096 == 0 and os.clock() > deadline then
      error("SLOW", 0)
    end
    if not id then
      return
    end
    local key = last << 16 ~ (id << 13 ~ line)
    tracer.counts[key] = (tracer.counts[key] or 0) + 1
    last = (id << 13 ~ line) & 0xFFFFFF
  end

  function tracer:run(fn, ...)
    self.counts, last, lines, deadline = {}, 0, 0, os.clock() + SLOW_S
    debug.sethook(on_line, "l")
    local result = table.pack(xpcall(fn, debug.traceback, ...))
    debug.sethook()
    return table.unpack(result, 1, result.n)
  end
  return tracer
end

-- 1, 2, 3, 4-7, 8-15, ...: how often is interesting in steps only.
local function bucket(count)
  return count < 4 and count or 2 + math.floor(math.log(count, 2))
end

--- Why a reader's result is a fault: it raised, or failed without an error of prov.
---@param ok boolean
---@param value any
---@param e any
---@return string?
function M.fault(ok, value, e)
  if not ok then
    return tostring(value)
  elseif value == nil and not err.is(e) then
    return "neither a result nor an error: " .. tostring(e)
  elseif value == nil and e.code == "bug" then
    return "a bug: " .. tostring(e)
  end
end

local function random_bytes(count)
  local bytes = {}
  for i = 1, count do
    bytes[i] = string.char(math.random(0, 255))
  end
  return table.concat(bytes)
end

local function splice(text, from, to, new)
  return text:sub(1, from - 1) .. new .. text:sub(to + 1)
end

local EDGES = {
  "\0", "\1", "\127", "\128", "\255", "0", "9", "-", ".", "\n", '"', "\\", "\0\0\0\0", "\255\255\255\255",
}

-- How an input is changed: (text, words, another input) -> text.
local CHANGES = {
  function(text) -- a bit
    local at = math.random(1, #text)
    return splice(text, at, at, string.char(text:byte(at) ~ 1 << math.random(0, 7)))
  end,
  function(text) -- a byte
    local at = math.random(1, #text)
    return splice(text, at, at, EDGES[math.random(#EDGES)])
  end,
  function(text) -- a number
    local at, size = math.random(1, #text), ({ 1, 2, 4 })[math.random(3)]
    if at + size - 1 > #text then
      return text
    end
    local format = ">I" .. size
    local value = (format:unpack(text, at) + math.random(-16, 16)) & ((1 << 8 * size) - 1)
    return splice(text, at, at + size - 1, format:pack(value))
  end,
  function(text) -- without a part
    local from = math.random(1, #text)
    return splice(text, from, math.min(#text, from + math.random(0, 1 << math.random(0, 6))), "")
  end,
  function(text) -- with a part twice
    local from = math.random(1, #text)
    local part = text:sub(from, from + math.random(0, 1 << math.random(0, 6)))
    local at = math.random(1, #text)
    return splice(text, at, at - 1, part)
  end,
  function(text, words) -- with a word
    local at, word = math.random(1, #text + 1), words[math.random(#words)]
    return splice(text, at, math.random(2) == 1 and at - 1 or at + #word - 1, word)
  end,
  function(text) -- with anything
    local at = math.random(1, #text + 1)
    return splice(text, at, at - 1, random_bytes(math.random(1, 8)))
  end,
  function(text, _, other) -- crossed with another
    local from = math.random(1, #text)
    local part = other:sub(math.random(1, #other), math.random(1, #other))
    return splice(text, from, math.min(#text, from + #part - 1), part)
  end,
}

local function change(text, words, other)
  for _ = 1, 1 << math.random(0, 3) do
    if text == "" then
      text = random_bytes(8)
    end
    text = CHANGES[math.random(#CHANGES)](text, words, other ~= "" and other or "x")
  end
  return text:sub(1, INPUT_MAX)
end

--- The kept inputs of a reader.
---@param name string
---@return string[]
function M.corpus(name)
  local inputs = {}
  local file = io.open(("%s/tests/fuzz/corpus/lua/%s.txt"):format(root, name))
  for line in file and file:lines() or function() end do
    inputs[#inputs + 1] = assert(base.unbase64(line))
  end
  if file then
    file:close()
  end
  return inputs
end

local function save(name, inputs)
  local file = assert(io.open(("%s/tests/fuzz/corpus/lua/%s.txt"):format(root, name), "w"))
  for _, input in ipairs(inputs) do
    file:write(base.base64(input), "\n")
  end
  file:close()
end

local function by_size(a, b)
  return #a ~= #b and #a < #b or #a == #b and a < b
end

-- The inputs that add to what smaller ones cover.
local function smallest(tracer, read, inputs)
  table.sort(inputs, by_size)
  local seen, kept = {}, {}
  for _, input in ipairs(inputs) do
    tracer:run(read, input)
    local new = false
    for key, count in pairs(tracer.counts) do
      local mark = key << 5 | bucket(count)
      new = new or not seen[mark]
      seen[mark] = true
    end
    if new then
      kept[#kept + 1] = input
    end
  end
  return kept
end

--- Fuzzes a reader.
---@param name string of readers.lua
---@param seconds number
---@param seed? integer
---@return integer faults
function M.run(name, seconds, seed)
  local reader = assert(readers[name], "no such reader")
  seed = seed or os.time()
  math.randomseed(seed)
  local tracer, seen, inputs, faults, runs = new_tracer(reader.source), {}, {}, {}, 0
  local read = reader.new()

  local function try(input)
    runs = runs + 1
    local why = M.fault(tracer:run(read, input))
    local place = why and (why:match("lua/prov/[%w_/]+%.lua:%d+") or why:sub(1, 60))
    if why and not faults[place] then
      faults[place] = true
      print(("FAULT in %s: %s\n  %s"):format(name, why, base.base64(input)))
    end
    local new = false
    for key, count in pairs(tracer.counts) do
      local mark = key << 5 | bucket(count)
      if not seen[mark] then
        seen[mark], new = true, true
      end
    end
    if new then
      inputs[#inputs + 1] = input
    end
  end

  for _, list in ipairs({ M.corpus(name), reader.seeds() }) do
    for _, input in ipairs(list) do
      try(input)
    end
  end
  local stop, report = os.time() + seconds, os.time() + 60
  while os.time() < stop do
    -- New inputs are tried more than old ones.
    local at = math.max(math.random(#inputs), math.random(#inputs))
    try(change(inputs[at], reader.words, inputs[math.random(#inputs)]))
    if os.time() >= report then
      report = report + 60
      print(("%s: %d runs, %d inputs"):format(name, runs, #inputs))
    end
  end
  inputs = smallest(tracer, read, inputs)
  save(name, inputs)
  local count = 0
  for _ in pairs(faults) do
    count = count + 1
  end
  print(("%s: %d s, seed %d: %d runs, %d inputs kept, %d faults"):format(name, seconds, seed, runs, #inputs, count))
  return count
end

local name, seconds, seed = ...
if name ~= "fuzz.guided" then -- not by require
  if not seconds then
    io.stderr:write("usage: guided.lua READER SECONDS [SEED]\n")
    return 2
  end
  return M.run(name, tonumber(seconds), tonumber(seed)) == 0 and 0 or 1
end

return M
