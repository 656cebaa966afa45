--- Calls the bodies of the provider `local` with a ctx built by hand.

local machine = require("prov.machine")

local M = {}

local root = os.getenv("PROV_ROOT") or "."
local bodies = {}

local function body(name)
  bodies[name] = bodies[name] or assert(loadfile(("%s/providers/local/%s.lua"):format(root, name)))()
  return bodies[name]
end

--- Makes a key pair with the machine's own ssh-keygen, so that the test needs nothing of prov's SSH.
function M.keygen(dir)
  local fs, proc = require("prov.fs"), require("prov.proc")
  local path = ("%s/key-%s"):format(dir, require("prov.clock").random_hex(8))
  local r = assert(proc.run({ "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "prov", "-f", path }))
  assert(r.code == 0, r.stderr)
  local public = assert(fs.read(path .. ".pub")):gsub("%s+$", "")
  return { private = assert(fs.read(path)), public = public, path = path }
end

--- A port of the loopback that nobody has now: other specs may run at the same time.
---@return integer
function M.free_port()
  local tcp = assert(require("luv").new_tcp())
  assert(tcp:bind("127.0.0.1", 0))
  local port = tcp:getsockname().port
  tcp:close()
  return port
end

--- opts: dir (a scratch folder), name, config
function M.open(opts)
  local driver = { machine = machine, count = 0, user = M.keygen(opts.dir), adopted = {} }

  local function ctx(fields)
    local c = {
      config = opts.config or {},
      machine = machine,
      workspace = { name = opts.name or "test", dir = opts.dir },
      log = opts.log or function() end,
      adopt = function(id)
        driver.adopted[#driver.adopted + 1] = id
      end,
      keygen = driver.keygen or function()
        return M.keygen(opts.dir)
      end,
      user_key = driver.user.public,
      name_of = require("prov.address").short_name,
    }
    for k, v in pairs(fields or {}) do
      c[k] = v
    end
    return c
  end

  function driver.call(kind, verb, ...)
    return body(kind)[verb](ctx(), ...)
  end

  function driver.create(kind, name, want, key)
    driver.count = driver.count + 1
    key = key or ("key-%d-%s"):format(driver.count, name)
    return body(kind).create(ctx({ key = key, address = ("%s.%s"):format(kind, name) }), want)
  end

  --- Deletes everything that is there.
  function driver.delete_all()
    for _, kind in ipairs({ "server", "volume", "network" }) do
      for _, state in ipairs(assert(driver.call(kind, "list"))) do
        assert(driver.call(kind, "delete", state.id))
      end
    end
    return true
  end

  --- Runs a command in a server by OpenSSH, checking its host key; returns proc.run's result.
  function driver.ssh(state, command, extra)
    local fs, proc = require("prov.fs"), require("prov.proc")
    local known = opts.dir .. "/known-" .. state.id
    assert(fs.write_atomic(known, ("%s %s\n"):format(state.ip, state.ssh.host_key)))
    local args = {
      "nsenter", "--net=" .. state.ssh.netns, "ssh", "-i", driver.user.path, "-o", "UserKnownHostsFile=" .. known,
      "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "root@" .. state.ip, command,
    }
    for k, v in pairs(extra or {}) do
      args[k] = v
    end
    args.timeout = args.timeout or 120000
    return assert(proc.run(args))
  end

  return driver
end

return M
