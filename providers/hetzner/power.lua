--- Power of servers. Some changes need a server that is off.

local api = require("api")

local M = {}

local SHUTDOWN = 60 -- seconds that a server has to stop by itself

local function path(id)
  return ("/servers/%d"):format(id)
end

local function status(ctx, id)
  local server, e = api.get(ctx, path(id), "server")
  if not server then
    return nil, e or ctx.error("notfound", ("there is no server %d"):format(id))
  end
  return server.status
end

--- Waits until the server has a status. Many wait for their servers with one question.
local function wait_for(ctx, id, wanted, timeout)
  return ctx.watch("server", id, {
    read = function(ids)
      if #ids == 1 then
        local server, e = api.get(ctx, path(ids[1]), "server")
        return not e and { [ids[1]] = server and server.status or "gone" } or nil, e
      end
      local servers, e = api.all(ctx, "/servers", "servers")
      local states = {}
      for _, server in ipairs(servers or {}) do
        states[server.id] = server.status
      end
      return servers and states, e
    end,
    done = function(is)
      if is == "gone" then
        return nil, ctx.error("notfound", ("there is no server %d"):format(id))
      end
      return is == wanted or nil
    end,
    batch = 1000, every = 1, max = 5, timeout = timeout,
  })
end

--- Stops a server: by asking it, and by force when it does not listen.
function M.off(ctx, id)
  local is, e = status(ctx, id)
  if not is or is == "off" then
    return is and true, e
  end
  local ok
  ok, e = api.act(ctx, path(id) .. "/actions/shutdown")
  if ok then
    ok, e = wait_for(ctx, id, "off", SHUTDOWN)
  end
  if ok or e.code == "notfound" or e.code == "denied" then
    return ok, e
  end
  return api.act(ctx, path(id) .. "/actions/poweroff")
end

--- Starts a server; one that runs is left alone.
function M.on(ctx, id)
  local is, e = status(ctx, id)
  if not is or is == "running" then
    return is and true, e
  end
  return api.act(ctx, path(id) .. "/actions/poweron")
end

--- Calls fn() while the server is off, and starts it again when it ran, also when fn failed.
function M.while_off(ctx, id, fn)
  local was, e = status(ctx, id)
  if not was then
    return nil, e
  end
  local ok
  ok, e = M.off(ctx, id)
  if not ok then
    return nil, e
  end
  ok, e = fn()
  if was ~= "off" then
    local up, why = M.on(ctx, id)
    if ok and not up then
      return nil, why
    end
  end
  return ok, e
end

return M
