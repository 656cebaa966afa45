--- Progress of many steps: a live view on a terminal, plain lines elsewhere.
--
-- Live: finished steps scroll away above; below stand the running ones and one line of counts.
-- The view is redrawn at most ten times a second, and plain lines are written once a turn of the
-- loop, so that thousands of steps cost nothing.

local units = require("prov.render.units")
local uv = require("luv")
local width = require("prov.render.width")

local M = {}

local EVERY_MS = 100
local MAX_SHOWN = 12
local SHORTEST = 12 -- columns that are left to what a step is doing

---@class prov.Progress
local Progress = {}
Progress.__index = Progress

local ING = {
  create = "creating",
  update = "updating",
  replace = "replacing",
  delete = "deleting",
  destroy = "destroying",
  read = "reading",
  start = "starting",
  stop = "stopping",
  restart = "restarting",
  install = "installing",
  configure = "configuring",
  remove = "removing",
  check = "checking",
  apply = "applying",
  forget = "forgetting",
  undo = "undoing",
  wait = "waiting for approval",
}

local ED = {
  create = "created",
  update = "updated",
  replace = "replaced",
  delete = "deleted",
  destroy = "destroyed",
  read = "read",
  start = "started",
  stop = "stopped",
  restart = "restarted",
  install = "installed",
  configure = "configured",
  remove = "removed",
  check = "checked",
  apply = "applied",
  forget = "forgotten",
  undo = "undone",
  run = "done",
}

local SPIN = { "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏" }

--- Makes a progress.
---@param term prov.Term where it is drawn (stderr)
---@param opts { total: integer?, live: boolean?, quiet: boolean?, on_close: fun()? }
---@return prov.Progress
function M.new(term, opts)
  local self = setmetatable({
    term = term,
    total = opts.total,
    live = opts.live and not opts.quiet,
    quiet = opts.quiet,
    on_close = opts.on_close,
    began = uv.now(),
    running = {}, -- address -> { address, action, at }
    order = {}, -- steps in order of their start; those that ended go at the next drawing
    count = 0, -- how many run
    finished = 0,
    failed = 0,
    drawn = 0, -- lines of the view on the screen
    frame = 0,
    pending = {}, -- lines to print, above the view when there is one
  }, Progress)
  if self.live then
    io.stderr:write("\27[?25l") -- the cursor would jump about
    self.handle = uv.new_timer()
    self.handle:start(EVERY_MS, EVERY_MS, function()
      self:draw()
    end)
  else
    self.handle = uv.new_prepare()
    self.handle:start(function()
      self:flush()
    end)
  end
  self.handle:unref()
  return self
end

function Progress:write(line)
  if self.live or not self.quiet then
    self.pending[#self.pending + 1] = line
  end
end

--- Writes the pending lines.
function Progress:flush()
  if #self.pending > 0 then
    self.pending[#self.pending + 1] = ""
    io.stderr:write(table.concat(self.pending, "\n"))
    self.pending = {}
  end
end

--- Prints a line that is not progress, above the view.
---@param line string
function Progress:print(line)
  self.pending[#self.pending + 1] = line
  if self.live then
    self:draw()
  else
    self:flush()
  end
end

local function counts(self)
  local term, count = self.term, self.count
  local parts = { self.total and ("%d/%d done"):format(self.finished, self.total) or self.finished .. " done" }
  parts[#parts + 1] = count > 0 and term:paint("cyan", count .. " running") or nil
  local waiting = self.total and self.total - self.finished - self.failed - count - (self.skipped or 0)
  if waiting and waiting > 0 then
    parts[#parts + 1] = waiting .. " waiting"
  end
  if self.failed > 0 then
    parts[#parts + 1] = term:paint("red", self.failed .. " failed")
  end
  if self.skipped then
    parts[#parts + 1] = term:paint("yellow", self.skipped .. " skipped")
  end
  return table.concat(parts, ", ") .. "  " .. units.duration(uv.now() - self.began)
end

--- Takes the steps that ended out of the order.
local function compact(self)
  local order = {}
  for _, step in ipairs(self.order) do
    if not step.ended then
      order[#order + 1] = step
    end
  end
  self.order = order
end

--- The line of a running step: the address comes first, without it two lines may look the same.
---@param term prov.Term
---@param step { address: string, action: string?, note: string? }
---@param took string
---@param longest integer columns of the longest address
---@param columns integer
---@return string
function M.step_line(term, step, took, longest, columns)
  local room = columns - #took - 4
  local space = math.max(8, math.min(longest, room - SHORTEST - 1))
  local address = width.fit(width.cut_left(step.address, space), space)
  local doing = ING[step.action] or step.action or ""
  doing = step.note and doing .. ": " .. step.note or doing
  doing = width.cut(doing, math.max(0, room - space - 1))
  return ("%s %s %s"):format(address, doing, term:paint("dim", took))
end

--- The lines of the view, each at most `columns` wide.
local function view(self, columns, rows)
  compact(self)
  local lines, shown = {}, math.min(#self.order, MAX_SHOWN, math.max(1, rows - 3))
  local spin = self.term:paint("cyan", SPIN[self.frame % #SPIN + 1])
  local longest = 0
  for i = 1, shown do
    longest = math.max(longest, width.of(self.order[i].address))
  end
  for i = 1, shown do
    local step = self.order[i]
    local took = units.duration(uv.now() - step.at)
    lines[#lines + 1] = spin .. " " .. M.step_line(self.term, step, took, longest, columns)
  end
  if #self.order > shown then
    lines[#lines + 1] = self.term:paint("dim", ("  and %d more"):format(#self.order - shown))
  end
  lines[#lines + 1] = counts(self)
  return lines
end

--- Draws the view again; pending lines go above it.
function Progress:draw()
  if not self.live then
    return
  end
  local out = {}
  if self.drawn > 0 then
    out[1] = ("\27[%dA\r\27[J"):format(self.drawn)
  end
  for _, line in ipairs(self.pending) do
    out[#out + 1] = line .. "\n"
  end
  self.pending = {}
  self.frame = self.frame + 1
  local lines = view(self, self.term:size())
  for _, line in ipairs(lines) do
    out[#out + 1] = line .. "\n"
  end
  self.drawn = #lines
  io.stderr:write(table.concat(out))
  io.stderr:flush()
end

local function take(self, address)
  local step = self.running[address]
  if step then
    step.ended = true
    self.running[address] = nil
    self.count = self.count - 1
  end
  return step
end

--- A step begins.
---@param address string
---@param action string "create", "install", ...
function Progress:start(address, action)
  take(self, address) -- when it was started before
  local step = { address = address, action = action, at = uv.now() }
  self.running[address] = step
  self.count = self.count + 1
  if self.live then
    self.order[#self.order + 1] = step
  else
    self:write(address .. ": " .. (ING[action] or action or "running"))
  end
end

--- Something happened inside of a running step: its title is shown beside it.
---@param address string
---@param event { title: string?, name: string? }
function Progress:event(address, event)
  local step = self.running[address]
  if step then
    step.note = width.clean(event.title or event.name or "")
  end
end

--- A step has ended well.
---@param address string
---@param action? string
---@param ms? number
function Progress:done(address, action, ms)
  local step = take(self, address)
  action = action or step and step.action
  ms = ms or step and uv.now() - step.at
  self.finished = self.finished + 1
  local term = self.term
  self:write(("%s %s %s%s"):format(term:paint("green", self.live and "✔" or "ok:"), address,
    ED[action] or action or "done", ms and term:paint("dim", " (" .. units.duration(ms) .. ")") or ""))
end

--- A step has failed.
---@param address string
---@param e any
function Progress:fail(address, e)
  take(self, address)
  self.failed = self.failed + 1
  local text = width.clean(("%s: %s"):format(address, tostring(e)))
  if self.live then -- one line; the closing summary has all of it
    text = width.cut(text, self.term:size() - 3)
  end
  self:write(("%s %s"):format(self.term:paint("red", self.live and "✘" or "failed:"), text))
end

--- A step will not run, because what it needs has failed.
---@param address string
---@param why? string
function Progress:skip(address, why)
  self.skipped = (self.skipped or 0) + 1
  self:write(("%s %s%s"):format(self.term:paint("yellow", self.live and "-" or "skipped:"), address,
    why and (": " .. why) or ""))
end

--- Ends the view; pending lines stay, the view goes.
function Progress:close()
  if self.closed then
    return
  end
  self.closed = true
  self.handle:close()
  if self.live then
    local out = { self.drawn > 0 and ("\27[%dA\r\27[J"):format(self.drawn) or "" }
    for _, line in ipairs(self.pending) do
      out[#out + 1] = line .. "\n"
    end
    out[#out + 1] = "\27[?25h"
    io.stderr:write(table.concat(out))
    io.stderr:flush()
    self.live = false
  else
    self:flush()
  end
  if self.on_close then
    self.on_close()
  end
end

return M
