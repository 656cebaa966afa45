local base = require("core.base")
local run = require("support.async").run
local ssh = require("prov.ssh")
local sshd = require("support.sshd")
local tmp = require("support.tmp")
local uv = require("luv")
local vault = require("support.vault")

local done, judge, refused = vault.done, vault.judge, vault.refused

local function mount()
  return vault.mount(require("prov.vault.engines.ssh"), { now = os.time() })
end

-- A file that ssh takes for a private key.
local function key_file(dir, name, text)
  local path = tmp.write(dir .. "/" .. name, text)
  uv.fs_chmod(path, tonumber("600", 8))
  return path
end

local USERS = {
  key_type = "ca", allow_user_certificates = true, allowed_users = "root,{{token.meta.login}}",
  allowed_users_template = true, default_user = "root", allowed_extensions = "permit-pty,permit-port-forwarding",
  default_extensions = { ["permit-pty"] = "" }, ttl = "10m", max_ttl = "1h",
}
local HOSTS = {
  key_type = "ca", allow_host_certificates = true, allowed_domains = "example.com,127.0.0.1", allow_subdomains = true,
  allow_bare_domains = true,
}

describe("vault ssh", function()
  it("signs what ssh-keygen reads, of every type of key", function()
    local m = mount()
    local public = assert(m:update("config/ca", {})).data.public_key
    assert.equal(public, m:read("public_key").body)
    done(m:update("roles/users", USERS))
    local dir = tmp.dir()
    for _, kind in ipairs({ "ed25519", "rsa", "ecdsa" }) do
      local pair = assert(ssh.keygen(kind, "me@here"))
      local got = assert(m:update("sign/users", {
        public_key = pair.public, critical_options = { ["source-address"] = "127.0.0.0/8", ["force-command"] = "id" },
        extensions = { ["permit-pty"] = "", ["permit-port-forwarding"] = "" }, ttl = 120,
      })).data
      local path = tmp.write(dir .. "/" .. kind .. "-cert.pub", got.signed_key)
      local ok, said = judge("TZ=UTC ssh-keygen -L -f %s", path)
      assert.is_true(ok, said)
      for _, part in ipairs({
        "user certificate", "Serial: ", "Principals: \n                root",
        "force-command id", "source-address 127.0.0.0/8", "permit-port-forwarding", "permit-pty",
        'Key ID: "vault-tester-', os.date("!to %Y-%m-%dT%H:%M:%S", m.time + 120),
      }) do
        assert.truthy(said:find(part, 1, true), part .. " is not in\n" .. said)
      end
      assert.equal(16, #got.serial_number)
    end
    done(m:update("roles/all", { key_type = "ca", allow_user_certificates = true, allowed_users = "*",
      allowed_extensions = "*" }))
    local names = { "permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding", "permit-pty",
      "permit-user-rc" }
    local extensions = {}
    for _, name in ipairs(names) do
      extensions[name] = ""
    end
    tmp.write(dir .. "/all-cert.pub", assert(m:update("sign/all", {
      public_key = assert(ssh.keygen()).public, valid_principals = "anybody", extensions = extensions,
    })).data.signed_key)
    local _, said = judge("ssh-keygen -L -f %s/all-cert.pub", dir)
    assert.truthy(said:gsub("%s+", " "):find(table.concat(names, " "), 1, true), said) -- in this order
  end)

  it("says who is refused, and by which rule of the role", function()
    local m = mount()
    local key = assert(ssh.keygen()).public
    done(m:update("roles/users", USERS))
    assert.truthy(refused(m, "sign/users", { public_key = key }):find("keys haven't been configured yet", 1, true))
    assert(m:update("config/ca", { key_type = "ssh-rsa" }))
    assert.equal("exists", select(2, m:update("config/ca", {})).code)
    done(m:update("roles/hosts", HOSTS))
    for _, case in ipairs({
      { "users", { valid_principals = "root,eve" }, "eve is not a valid value for valid_principals of role 'users'" },
      { "users", { valid_principals = { "" } }, "is not a valid value" },
      { "users", { valid_principals = { {} } }, "'valid_principals' must be a list of texts" },
      { "users", { cert_type = "host" }, "cert_type 'host' is not allowed" },
      { "users", { extensions = { ["permit-agent-forwarding"] = "" } }, "are not on allowed list" },
      { "users", { key_id = "x" }, "allow_user_key_ids = false" },
      { "users", { public_key = "ssh-ed25519 AAAA" }, "not a public key of SSH" },
      { "users", { public_key = "ssh-ed25519 " .. base.base64((">s4s4"):pack("ssh-ed25519", "short")) },
        "not a public key of SSH" },
      { "users", { public_key = "ecdsa-sha2-nistp256 " .. base.base64((">s4s4s4"):pack("ecdsa-sha2-nistp256",
        "nistp256", ("x"):rep(65))) }, "no point of its curve" },
      { "users", { public_key = "ssh-dss " .. base.base64((">s4s4"):pack("ssh-dss", "x")) }, "get no certificate" },
      { "hosts", { cert_type = "host", valid_principals = "a.example.org" }, "allowed_domains = example.com" },
      { "hosts", { cert_type = "host", valid_principals = "notexample.com" }, "allowed_domains = example.com" },
      { "hosts", { cert_type = "host" }, "empty valid principals not allowed" },
      { "none", {}, "unknown role: none" },
    }) do
      case[2].public_key = case[2].public_key or key
      local said = refused(m, "sign/" .. case[1], case[2])
      assert.truthy(said:find(case[3], 1, true), said)
    end
    assert.equal(1, #assert(m:update("sign/users", { public_key = key, ttl = "2h" })).warnings)
    assert.truthy(refused(m, "roles/x", { key_type = "ca" }):find("allow_user_certificates", 1, true))
    assert.truthy(refused(m, "roles/x", { key_type = "otp" }):find("'key_type' must be one of ca", 1, true))
    assert.same({ "hosts", "users" }, m:list("roles").data.keys)
    assert.equal("permit-pty,permit-port-forwarding", assert(m:read("roles/users")).data.allowed_extensions)
    done(m:delete("config/ca"))
    assert.is_nil((m:read("config/ca")))
  end)

  it("takes names of users from the token, but no wildcard", function()
    local m = mount()
    local key = assert(ssh.keygen()).public
    assert(m:update("config/ca", {}))
    done(m:update("roles/users", USERS))
    local function sign(login, principal)
      return m.compiled:handle(m.ctx, {
        op = "update", path = "sign/users", given = { public_key = key, valid_principals = principal },
        token = { accessor = "a", display_name = "ann", policies = {}, meta = { login = login } },
      })
    end
    assert(sign("ann", "ann"))
    assert.is_nil((sign("ann", "bob")))
    assert.is_nil((sign("*", "bob")))
    assert.is_nil((sign(nil, "ann")))
  end)

  it("takes a key that is there", function()
    local m = mount()
    local pair, other = assert(ssh.keygen("rsa")), assert(ssh.keygen())
    assert.truthy(refused(m, "config/ca", { private_key = pair.private, public_key = other.public })
      :find("not that of", 1, true))
    assert.truthy(refused(m, "config/ca", { private_key = other.public }):find("is a public key", 1, true))
    local got = assert(m:update("config/ca", { private_key = pair.private, public_key = pair.public })).data
    assert.equal(pair.public:match("^%S+ %S+"), got.public_key:match("^%S+ %S+"))
  end)

  if not sshd.available() then
    return pending("needs root and /usr/sbin/sshd")
  end

  for _, authority in ipairs({ "ssh-ed25519", "ssh-rsa" }) do
    it("logs in with what it issued by " .. authority .. ", and knows the host by its certificate", function()
      run(function()
        local m = mount()
        local dir = tmp.dir()
        assert(m:update("config/ca", { key_type = authority }))
        done(m:update("roles/users", USERS))
        done(m:update("roles/hosts", HOSTS))
        local public = m:read("public_key").body
        tmp.write(dir .. "/ca.pub", public)
        local host = assert(ssh.keygen())
        key_file(dir, "host", host.private)
        tmp.write(dir .. "/host-cert.pub", assert(m:update("sign/hosts", {
          public_key = host.public, cert_type = "host", valid_principals = "127.0.0.1,a.example.com",
        })).data.signed_key)
        local server <close> = sshd.start({
          config = ("TrustedUserCAKeys %s/ca.pub\nHostKey %s/host\nHostCertificate %s/host-cert.pub"):format(dir, dir,
            dir),
        })
        server.host_key = host.public
        tmp.write(dir .. "/known", "@cert-authority * " .. public)

        for _, kind in ipairs({ "ed25519", "rsa", "ec" }) do
          local got = assert(m:update("issue/users", { key_type = kind })).data
          local key = key_file(dir, kind, got.private_key)
          tmp.write(key .. "-cert.pub", got.signed_key)
          -- OpenSSH: both sides by certificates alone
          local pipe = ("ssh -F none -p %d -i %s -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes "
            .. "-o GlobalKnownHostsFile=none -o HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com "
            .. "-o UserKnownHostsFile=%s/known root@127.0.0.1 'echo in $((40+2))'"):format(server.port, key, dir)
          local ok, said = judge(pipe)
          assert.is_true(ok, said)
          assert.equal("in 42\n", said)
          -- prov
          local session = assert(ssh.connect(server:target({ keys = { got.private_key }, cert = got.signed_key })))
          assert.equal("in\n", assert(session:exec("echo in")).stdout)
          session:close()
          assert.is_nil((ssh.connect(server:target({ keys = { got.private_key } }))))
        end

        -- a certificate of somebody else, one that is over, one of another authority
        m.time = m.time - 7200
        local over = assert(m:update("issue/users", {})).data
        local session, e = ssh.connect(server:target({ keys = { over.private_key }, cert = over.signed_key }))
        assert.is_nil(session)
        assert.equal("auth", e.code)
        local another = mount()
        assert(another:update("config/ca", {}))
        done(another:update("roles/users", USERS))
        local foreign = assert(another:update("issue/users", {})).data
        assert.is_nil((ssh.connect(server:target({ keys = { foreign.private_key }, cert = foreign.signed_key }))))
      end)
    end)
  end

  it("lets prov log in to servers that trust the workspace's vault alone (ssh.certificate)", function()
    run(function()
      local pair = assert(ssh.keygen())
      local workspace = {
        state_dir = tmp.dir(), name = "w",
        user_key = function()
          return pair
        end,
        key = function()
          return ("k"):rep(32)
        end,
      }
      local function ask(path, data)
        local kept <close> = assert(require("prov.vault").embedded(workspace))
        return kept:request({ op = "update", path = path, data = data, trusted = "workspace" })
      end
      done(ask("sys/mounts/ssh", { type = "ssh" }))
      local public = assert(ask("ssh/config/ca", {})).data.public_key
      done(ask("ssh/roles/ops", { allow_user_certificates = true, allowed_users = "root", ttl = "5m" }))
      local dir = tmp.dir()
      tmp.write(dir .. "/ca.pub", public)
      local server <close> = sshd.start({ config = ("TrustedUserCAKeys %s/ca.pub"):format(dir) })
      local function open()
        return require("prov.hosts").open({
          workspace = workspace, registry = {},
          servers = function()
            return { "server.a" }
          end,
          state_of = function()
            return { status = "running", ssh = { host = "127.0.0.1", port = server.port, host_key = server.host_key } }
          end,
        })
      end
      local _, e = open():session("server.a")
      assert.equal("auth", e.code)
      local settings = require("support.settings")
      settings.with({ ["ssh.certificate"] = "ssh/sign/ops" }, function()
        local hosts = open()
        local session = assert(hosts:session("server.a"))
        assert.equal("in\n", assert(session:exec("echo in")).stdout)
        session:close()
        local argv = assert(require("prov.servers").ssh_command(assert(hosts:target("server.a")), "server.a", dir,
          "echo in"))
        local ok, said = judge(table.concat(argv, " "))
        assert.equal("in\n", said)
        assert.is_true(ok)
      end)
      settings.with({ ["ssh.certificate"] = "ssh/sign/none" }, function()
        local _, why = open():session("server.a")
        assert.truthy(tostring(why:text()):find("unknown role: none", 1, true), why:text())
      end)
    end)
  end)
end)
