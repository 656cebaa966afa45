--- Servers whose provider does not tell their host key: the first connection keeps it, and no other is let in after.
--- The servers are real sshds.

local fs = require("prov.fs")
local host_key = require("prov.host_key")
local hosts = require("prov.hosts")
local sshd = require("support.sshd")
local test = require("support.async").test
local tmp = require("support.tmp")

--- Hosts whose only server is `server`, with the id `id` at its provider.
local function open(state_dir, server, id, told)
  return hosts.open({
    workspace = {
      state_dir = state_dir,
      user_key = function()
        return server.user_key
      end,
    },
    state_of = function()
      return { id = id, status = "running", ssh = { host = "127.0.0.1", port = server.port, host_key = told } }
    end,
    servers = function()
      return { "server.a" }
    end,
  })
end

describe("host keys", function()
  it("have a file for each server, whatever its id has in it", function()
    assert.equal("/s/known_hosts/42", host_key.file("/s", "42"))
    assert.equal("/s/known_hosts/%2E.%2Fetc%2Fpasswd", host_key.file("/s", "../etc/passwd"))
    assert.equal("/s/known_hosts/a%25b", host_key.file("/s", "a%b"))
  end)

  if not sshd.available() then
    print("SKIP 3 specs of host keys: no root or no sshd here")
    return
  end

  it("are kept by the first connection, and are the only ones after it", test(function()
    local dir = tmp.dir()
    local first <close> = sshd.start()
    local other <close> = sshd.start()
    local a <close> = open(dir, first, "42")
    local target = assert(a:target("server.a"))
    assert.is_nil(target.host_key)
    assert.is_false(target.strict)
    local session = assert(a:session("server.a"))
    assert.equal("hi\n", session:exec("echo hi").stdout)
    local file = dir .. "/known_hosts/42"
    assert.equal(first.host_key:match("^%S+ %S+"), host_key.read(file))
    assert.equal("600", ("%o"):format(assert(require("luv").fs_stat(file)).mode % 512))

    local again <close> = open(dir, first, "42")
    target = assert(again:target("server.a"))
    assert.equal(first.host_key:match("^%S+ %S+"), target.host_key)
    assert(again:session("server.a"))

    -- The same server at another address is known; another machine at its address is not let in.
    local stranger <close> = open(dir, other, "42")
    other:allow(first.user_key.public)
    local none, e = stranger:session("server.a")
    assert.is_nil(none)
    assert.matches("^connect to server.a: ", tostring(e))
    assert.matches("is not the pinned one: another machine answers", tostring(e))
    assert.equal("when it was rebuilt or installed anew, remove " .. file
      .. ": the next connection keeps its new key", e.hint)
    assert.equal(first.host_key:match("^%S+ %S+"), host_key.read(file))

    -- What the hint says.
    assert(fs.remove(file))
    local rebuilt <close> = open(dir, other, "42")
    assert(rebuilt:session("server.a"))
    assert.equal(other.host_key:match("^%S+ %S+"), host_key.read(file))

    -- A server made anew has another id, and one that was deleted leaves nothing.
    local replaced <close> = open(dir, first, "43")
    assert(replaced:session("server.a"))
    replaced:gone("server.a", "43")
    assert.is_false(fs.exists(dir .. "/known_hosts/43"))
    assert.is_true(fs.exists(file))
  end))

  it("that the provider tells are believed alone", test(function()
    local dir = tmp.dir()
    local server <close> = sshd.start()
    local other <close> = sshd.start()
    local good <close> = open(dir, server, "1", server.host_key)
    local bad <close> = open(dir, server, "1", other.host_key)
    assert(good:session("server.a"))
    local none, e = bad:session("server.a")
    assert.is_nil(none)
    assert.is_nil(e.hint)
    assert.is_false(fs.exists(dir .. "/known_hosts"))
  end))

  it("in a file that is damaged let nobody in", test(function()
    local dir = tmp.dir()
    local server <close> = sshd.start()
    assert(fs.mkdirp(dir .. "/known_hosts"))
    tmp.write(dir .. "/known_hosts/7", "")
    local a <close> = open(dir, server, "7")
    local none, e = a:session("server.a")
    assert.is_nil(none)
    assert.equal("corrupt", e.code)
  end))
end)
