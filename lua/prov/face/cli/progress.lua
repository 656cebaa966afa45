--- prov.Progress (lua/meta/ui.lua) for people: a live view on a terminal, plain lines elsewhere.
--
-- Live: finished steps scroll away above; below stand the running ones, each with what it does or
-- waits for, and one line of counts. The view is redrawn ten times a second, and plain lines are
-- written once a turn of the loop, so that thousands of steps cost nothing.

local settings = require("prov.settings")
local units = require("prov.render.units")
local uv = require("luv")
local width = require("prov.render.width")

local M = {}

local SHORTEST = 12 -- columns that are left to what a step is doing

---@class prov.TermProgress: prov.Progress
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
  approve = "waiting for approval",
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
  approve = "approved",
  run = "done",
}

local SPIN = { "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏" }

--- Makes a progress.
---@param term prov.Term where it is drawn (stderr)
---@param opts { total: integer?, live: boolean?, quiet: boolean?, on_close: fun()? }
---@return prov.TermProgress
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
    skipped = 0,
    drawn = {}, -- the widths of the lines of the view on the screen
    frame = 0,
    pending = {}, -- lines to print, above the view when there is one
  }, Progress)
  if self.live then
    io.stderr:write("\27[?25l") -- the cursor would jump about
    self.handle = uv.new_timer()
    local every = math.max(1, settings.ms(settings.ui.refresh))
    self.handle:start(every, every, function()
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

--- About how long it will take, for people: no more exact than it can be.
local function about(ms)
  local seconds = math.ceil(ms / 1000)
  if seconds < 60 then
    return ("about %d s left"):format(seconds)
  end
  local minutes = (seconds + 30) // 60
  return minutes < 60 and ("about %d min left"):format(minutes)
    or ("about %d h %02d min left"):format(minutes // 60, minutes % 60)
end

--- The line of counts. On a narrow terminal what matters least goes first.
---@param term prov.Term
---@param n { total: integer?, done: integer, running: integer, failed: integer, skipped: integer, ms: number,
---  left: number? }
---@param columns integer
---@return string
function M.count_line(term, n, columns)
  local waiting = n.total and n.total - n.done - n.failed - n.running - n.skipped or 0
  local shown = { -- as they stand in the line: weight, colour, text
    { 1, nil, n.total and ("%d/%d done"):format(n.done, n.total) or n.done .. " done" },
    n.running > 0 and { 4, "cyan", n.running .. " running" } or false,
    waiting > 0 and { 6, nil, waiting .. " waiting" } or false,
    n.failed > 0 and { 2, "red", n.failed .. " failed" } or false,
    n.skipped > 0 and { 7, "yellow", n.skipped .. " skipped" } or false,
    { 3, "dim", units.duration(n.ms) },
    n.left and n.left > 0 and { 5, "dim", about(n.left) } or false,
  }
  local room = columns
  for weight = 1, #shown do
    for at, part in ipairs(shown) do
      if part and part[1] == weight then
        local takes = width.of(part[3]) + (weight > 1 and 2 or 0)
        room = room - takes
        if room < 0 then -- this one and all that matter less
          room = -1
          shown[at] = false
        end
      end
    end
  end
  local parts = {}
  for _, part in ipairs(shown) do
    if part then
      parts[#parts + 1] = part[2] and term:paint(part[2], part[3]) or part[3]
    end
  end
  return table.concat(parts, ", ")
end

local function counts(self, columns)
  local now = uv.now()
  return M.count_line(self.term, {
    total = self.total,
    done = self.finished,
    running = self.count,
    failed = self.failed,
    skipped = self.skipped,
    ms = now - self.began,
    left = self.ends_at and self.ends_at - now,
  }, columns)
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

--- What a step is doing now.
local function doing_of(step, now)
  if step.wait and step.wait.stop > now then
    return ("waiting %d s: %s"):format(math.ceil((step.wait.stop - now) / 1000), step.wait.reason)
  end
  local doing = ING[step.action] or step.action or ""
  return step.note and doing .. ": " .. step.note or doing
end

--- The line of a running step: the address comes first, without it two lines may look the same.
---@param term prov.Term
---@param step { address: string, action: string?, note: string?, wait: { stop: number, reason: string }? }
---@param took string
---@param longest integer columns of the longest address
---@param columns integer
---@return string
function M.step_line(term, step, took, longest, columns)
  local room = columns - #took - 4
  local space = math.max(8, math.min(longest, room - SHORTEST - 1))
  local address = width.fit(width.cut_left(step.address, space), space)
  local doing = width.cut(doing_of(step, uv.now()), math.max(0, room - space - 1))
  return ("%s %s %s"):format(address, doing, term:paint("dim", took))
end

--- The lines of the view, each at most `columns` wide.
local function view(self, columns, rows)
  compact(self)
  local lines, shown = {}, math.min(#self.order, settings.ui.rows, math.max(1, rows - 3))
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
  lines[#lines + 1] = counts(self, columns)
  return lines
end

--- What takes the view off the screen. A window that became narrower has wrapped its lines.
local function erase(self, columns)
  local rows = 0
  for _, takes in ipairs(self.drawn) do
    rows = rows + math.max(1, (takes + columns - 1) // columns)
  end
  self.drawn = {}
  return rows > 0 and ("\27[%dA\r\27[J"):format(rows) or ""
end

--- Draws the view again; pending lines go above it.
function Progress:draw()
  if not self.live then
    return
  end
  local columns, rows = self.term:size()
  local out = { erase(self, columns) }
  for _, line in ipairs(self.pending) do
    out[#out + 1] = line .. "\n"
  end
  self.pending = {}
  self.frame = self.frame + 1
  for i, line in ipairs(view(self, columns, rows)) do
    out[#out + 1] = line .. "\n"
    self.drawn[i] = width.of(line)
  end
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

function Progress:start(address, action)
  take(self, address) -- when it was started before
  local step = { address = address, action = action, at = uv.now() }
  self.running[address] = step
  self.count = self.count + 1
  if self.live then
    self.order[#self.order + 1] = step
  else
    self:write(address .. ": " .. (ING[action] or action))
  end
end

function Progress:event(address, _, event)
  local step = self.running[address]
  if step then
    step.note, step.wait = width.clean(event.title), nil
  end
end

function Progress:wait(address, _, wait)
  local step, now = self.running[address], uv.now()
  if not step then
    return
  end
  step.wait = { stop = now + wait.ms, reason = width.clean(wait.reason) }
  local told = self.told_reason == wait.reason and now < self.told_until
  if self.live or told or wait.ms < settings.ui.told_after * 1000 then
    return -- what holds many steps back is said once
  end
  self.told_reason, self.told_until = wait.reason, now + wait.ms
  self:write(("%s: waiting %d s: %s"):format(address, math.ceil(wait.ms / 1000), step.wait.reason))
end

function Progress:done(address, action, took)
  local step = take(self, address)
  local ms = took.ms or step and uv.now() - step.at
  self.finished = self.finished + 1
  local term = self.term
  self:write(("%s %s %s%s"):format(term:paint("green", self.live and "✔" or "ok:"), address,
    ED[action] or action, ms and term:paint("dim", " (" .. units.duration(ms) .. ")") or ""))
end

function Progress:fail(address, _, problem)
  take(self, address)
  self.failed = self.failed + 1
  local text = width.clean(("%s: %s"):format(address, problem.msg))
  if self.live then -- one line; the closing summary has all of it
    text = width.cut(text, self.term:size() - 3)
  end
  self:write(("%s %s"):format(self.term:paint("red", self.live and "✘" or "failed:"), text))
end

function Progress:skip(address, _, why)
  self.skipped = self.skipped + 1
  self:write(("%s %s%s"):format(self.term:paint("yellow", self.live and "-" or "skipped:"), address,
    why and why.reason and ": " .. width.clean(why.reason) or ""))
end

function Progress:estimate(ms)
  self.ends_at = uv.now() + ms
end

--- Ends the view; pending lines stay, the view goes.
function Progress:close()
  if self.closed then
    return
  end
  self.closed = true
  self.handle:close()
  if self.live then
    local out = { erase(self, (self.term:size())) }
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
