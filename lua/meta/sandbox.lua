---@meta core.sandbox

--- Calls under limits that the called function cannot catch, and functions of Lua that count the work
--- they do. Outside of a call they only bound the steps of one pattern.
local sandbox = {}

---@class prov.SandboxLimits
---@field file string whose lines to say: what follows the "@" of its chunk
---@field instructions integer
---@field memory integer bytes beside what there is
---@field string integer bytes of the longest string
---@field seconds number of processor time

--- Calls fn(...) under limits. A call inside another has the time of the outer one.
---@param limits prov.SandboxLimits
---@param fn function
---@return boolean ok
---@return any result when it is not ok: text, an error of prov, or nil when a limit was passed
---@return string? limit the one that was passed
---@return integer? line where it stopped, 0 when not known
function sandbox.call(limits, fn, ...) end

--- What pcall gave; raises when it caught that there is no memory left.
---@param ok boolean
---@return boolean, any ...
function sandbox.after(ok, ...) end

--- Counts work of a function that is about to do it, in instructions.
---@param steps integer
function sandbox.use(steps) end

--- tostring without addresses.
---@param v any
---@return string
function sandbox.tostring(v) end

--- Why v is no plain data of at most `most` bytes when it is written out; nil when it is.
---@param v any
---@param metatables table<table, true> those that are not plain
---@param most integer
---@return "large"|"deep"|"metatable"|"key"|"utf8"|"finite"|nil
---@return string[] keys the first ones on the way there
---@return any culprit the table or key that is wrong
function sandbox.flaw(v, metatables, most) end

--- string.find with a bound.
function sandbox.find(text, pattern, init, plain) end

--- string.match with a bound.
function sandbox.match(text, pattern, init) end

--- string.gmatch with a bound.
function sandbox.gmatch(text, pattern, init) end

--- string.gsub with a bound.
function sandbox.gsub(text, pattern, repl, n) end

--- string.format that counts, without addresses.
function sandbox.format(format, ...) end

--- table.sort that counts.
function sandbox.sort(list, less) end

--- table.insert that counts.
function sandbox.insert(list, ...) end

--- table.remove that counts.
function sandbox.remove(list, at) end

--- table.move that counts.
function sandbox.move(from, first, last, at, to) end

--- table.concat that counts.
function sandbox.concat(list, separator, first, last) end

return sandbox
