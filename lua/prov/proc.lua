--- Programs run as child processes.

local async = require("prov.async")
local err = require("prov.err")
local settings = require("prov.settings")
local uv = require("luv")

local M = {}


local function environment(opts)
  if not opts.env and not opts.clear_env then
    return nil
  end
  local all, list = opts.clear_env and {} or uv.os_environ(), {}
  for name, value in pairs(opts.env or {}) do
    all[name] = value or nil
  end
  for name, value in pairs(all) do
    list[#list + 1] = name .. "=" .. value
  end
  return list
end

local function close(handle)
  if handle and not handle:is_closing() then
    handle:close()
  end
end

---@class prov.proc.Opts
---@field [integer] string program and arguments
---@field stdin? string
---@field timeout? integer milliseconds
---@field env? table<string, string> merged over the own environment; false removes one
---@field clear_env? boolean
---@field cwd? string
---@field max_output? integer bytes of each stream, 16 MiB by default
---@field on_stdout? fun(bytes: string)
---@field stream? boolean the output goes to on_stdout only: it is not kept, and may have any size
---@field on_stderr? fun(bytes: string)

--- Reads a pipe into run[field] up to the cap, then on_data(bytes), then done() at its end.
local function collect(run, pipe, field, on_data, done, stream)
  local parts, size = {}, 0
  run[field] = parts
  pipe:read_start(function(_, data)
    if not data then
      close(pipe)
      return done()
    end
    if stream then
      return on_data(data)
    end
    size = size + #data
    if size > run.max then
      run.too_much = true
      return run.kill()
    end
    parts[#parts + 1] = data
    if on_data then
      on_data(data)
    end
  end)
end

local function feed(pipe, bytes)
  pipe:write(bytes, function() -- a program that does not read all of it is no error
    close(pipe)
  end)
end

--- Kills the process group with everything the program started.
local function killer(run)
  return function()
    if run.pid and not run.exited then
      if not uv.kill(-run.pid, "sigkill") then
        uv.kill(run.pid, "sigkill")
      end
    end
    for _, pipe in ipairs(run.pipes) do
      close(pipe)
    end
  end
end

local function result(run, opts, started)
  if run.too_much then
    return err.fail("limit", "%s printed more than %d bytes", opts[1], run.max)
  end
  if run.expired then
    return err.fail("timeout", "%s did not end within %.1f s", opts[1], opts.timeout / 1000)
  end
  return {
    code = run.code,
    signal = run.signal,
    stdout = table.concat(run.stdout),
    stderr = table.concat(run.stderr),
    ms = (uv.hrtime() - started) / 1e6,
  }
end

local function start(run, opts, finished)
  local args = { table.unpack(opts, 2) }
  local stdin, stdout, stderr = uv.new_pipe(), uv.new_pipe(), uv.new_pipe()
  run.pipes = { stdin, stdout, stderr }
  run.kill = killer(run)
  local waiting = 3
  local function part()
    waiting = waiting - 1
    if waiting == 0 then
      finished()
    end
  end
  local handle, pid = uv.spawn(opts[1], {
    args = args,
    stdio = { stdin, stdout, stderr },
    env = environment(opts),
    cwd = opts.cwd,
    detached = true, -- its own group, so that killing takes what it started too
  }, function(code, signal)
    run.exited, run.code, run.signal = true, code, signal ~= 0 and signal or nil
    close(run.handle)
    if run.timer then
      close(run.timer)
    end
    if run.killed then
      return finished()
    end
    part()
  end)
  if not handle then
    for _, pipe in ipairs(run.pipes) do
      close(pipe)
    end
    return nil, err.uv(pid, "cannot run %s", opts[1])
  end
  run.handle, run.pid = handle, pid
  collect(run, stdout, "stdout", opts.on_stdout, part, opts.stream)
  collect(run, stderr, "stderr", opts.on_stderr, part)
  if opts.stdin then
    feed(stdin, opts.stdin)
  else
    close(stdin)
  end
  return true
end

--- Runs a program (found by PATH) and waits for its end and the end of its output.
-- A non-zero exit code is a result, not an error. Cancelling the task or passing the timeout
-- kills the program and everything in its process group.
---@async
---@param opts prov.proc.Opts
---@return { code: integer, signal: integer?, stdout: string, stderr: string, ms: number }?
---@return prov.Err? "notfound" no such program, "timeout", "limit"
function M.run(opts)
  local run = { max = opts.max_output or settings.host.longest_output, stdout = {}, stderr = {} }
  local started = uv.hrtime()
  return async.await(function(resume, on_cancel)
    local settled = false
    local function finished()
      if not settled then
        settled = true
        resume(result(run, opts, started))
      end
    end
    local ok, e = start(run, opts, finished)
    if not ok then
      return nil, e
    end
    local kill = run.kill
    run.kill = function()
      run.killed = true
      kill()
    end
    if opts.timeout then
      run.timer = uv.new_timer()
      run.timer:start(opts.timeout, 0, function()
        run.expired = true
        run.kill()
      end)
    end
    on_cancel(function()
      settled = true
      run.kill()
    end)
    return true
  end)
end

--- Runs a program on this terminal, with our stdin, stdout and stderr; returns its exit code, 128
-- + the number of the signal that ended it.
---@async
---@param argv string[]
---@param opts? { env: table<string, string>? } env is merged over the own environment
---@return integer? code, prov.Err?
function M.foreground(argv, opts)
  local handle
  return async.await(function(resume, on_cancel)
    local pid
    handle, pid = uv.spawn(argv[1], { args = { table.unpack(argv, 2) }, stdio = { 0, 1, 2 },
      env = environment(opts or {}) }, function(code, signal)
      close(handle)
      resume(signal ~= 0 and 128 + signal or code)
    end)
    if not handle then
      return nil, err.uv(pid, "cannot run %s", argv[1])
    end
    on_cancel(function()
      handle:kill("sigterm")
      close(handle)
    end)
    return true
  end)
end

return M
