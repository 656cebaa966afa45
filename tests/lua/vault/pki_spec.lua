local crypto = require("core.crypto")
local pem = require("prov.pem")
local run = require("support.async").run
local tmp = require("support.tmp")
local vault = require("support.vault")

local done, judge, refused = vault.done, vault.judge, vault.refused

local function mount(opts)
  opts = opts or {}
  opts.now = os.time()
  opts.max_ttl = opts.max_ttl or 365 * 86400
  return vault.mount(require("prov.vault.engines.pki"), opts)
end

local function has(program)
  return os.execute("command -v " .. program .. " >/dev/null 2>&1")
end

-- A root and an authority below it with a role "web" for example.com, in files of a folder.
local function two_levels(key_type, bits)
  local root, below = mount(), mount()
  local top = assert(root:update("root/generate/internal", {
    common_name = "Top", key_type = key_type, key_bits = bits, ttl = "720h", organization = "Here, Inc",
  })).data
  assert(root:update("config/urls", { crl_distribution_points = "http://127.0.0.1:1/crl" }))
  local csr = assert(below:update("intermediate/generate/internal", {
    common_name = "Below", key_type = key_type, key_bits = bits,
  })).data.csr
  local signed = assert(root:update("root/sign-intermediate", {
    csr = csr, common_name = "Below", max_path_length = 0, ttl = "600h", permitted_dns_domains = "example.com",
    permitted_ip_ranges = "10.0.0.0/8",
  })).data
  done(below:update("intermediate/set-signed", { certificate = signed.certificate .. "\n" .. top.certificate }))
  assert(below:update("roles/web", {
    allowed_domains = "example.com", allow_subdomains = true, key_type = key_type, key_bits = bits, max_ttl = "72h",
  }))
  return root, below, top
end

describe("vault pki", function()
  for _, key in ipairs({ { "rsa", 2048 }, { "ec", 256 }, { "ec", 384 }, { "ec", 521 }, { "ed25519", 0 } }) do
    it("issues chains that OpenSSL and GnuTLS trust, of " .. key[1] .. " " .. key[2], function()
      run(function()
        local _, below, top = two_levels(key[1], key[2])
        local got = assert(below:update("issue/web", {
          common_name = "a.example.com", alt_names = "b.example.com", ip_sans = "10.1.2.3", ttl = "24h",
        })).data
        local dir = tmp.dir()
        local function file(name)
          return dir .. "/" .. name
        end
        tmp.write(file("root.pem"), top.certificate .. "\n")
        tmp.write(file("below.pem"), got.issuing_ca .. "\n")
        tmp.write(file("leaf.pem"), got.certificate .. "\n")
        tmp.write(file("key.pem"), got.private_key .. "\n")
        local ok, said = judge("openssl verify -x509_strict -purpose sslserver -verify_hostname b.example.com "
          .. "-CAfile %s -untrusted %s %s", file("root.pem"), file("below.pem"), file("leaf.pem"))
        assert.is_true(ok, said)
        ok, said = judge("openssl x509 -in %s -noout -text", file("leaf.pem"))
        assert.is_true(ok)
        assert.truthy(said:find("DNS:a.example.com, DNS:b.example.com, IP Address:10.1.2.3", 1, true), said)
        assert.truthy(said:find("TLS Web Server Authentication, TLS Web Client Authentication", 1, true))
        local own, certs
        _, own = judge("openssl pkey -in %s -pubout", file("key.pem"))
        _, certs = judge("openssl x509 -in %s -pubkey -noout", file("leaf.pem"))
        assert.equal(own, certs)
        if has("certtool") then
          ok, said = judge("cat %s %s %s | certtool --verify-chain", file("leaf.pem"), file("below.pem"),
            file("root.pem"))
          assert.is_true(ok, said)
          assert.truthy(said:find("Chain verification output: Verified", 1, true), said)
        end

        -- revoked, and found in the list
        assert.equal("revoked", assert(below:update("revoke", { serial_number = got.serial_number })).data.state)
        tmp.write(file("crl.pem"), assert(below:read("crl/pem")).body)
        ok, said = judge("openssl verify -crl_check -CAfile %s -untrusted %s -CRLfile %s %s", file("root.pem"),
          file("below.pem"), file("crl.pem"), file("leaf.pem"))
        assert.is_false(ok)
        assert.truthy(said:find("certificate revoked", 1, true), said)
        _, said = judge("openssl crl -in %s -noout -text -CAfile %s", file("crl.pem"), file("below.pem"))
        assert.truthy(said:find("verify OK", 1, true), said)
        assert.truthy(said:find("X509v3 CRL Number: \n                1", 1, true), said)
      end)
    end)
  end

  it("counts its judges", function()
    if not has("certtool") then
      print("SKIP 1: certtool is missing; install gnutls-bin")
    end
  end)

  it("is refused by the name constraints of the authority", function()
    run(function()
      local _, below, top = two_levels("ec", 256)
      assert(below:update("roles/any", { allow_any_name = true, key_type = "ec" }))
      local got = assert(below:update("issue/any", { common_name = "www.example.org", ttl = 3600 })).data
      local roots = { crypto.cert_parse(top.certificate) }
      local leaf, above = crypto.cert_parse(got.certificate), crypto.cert_parse(got.issuing_ca)
      local ok, e = leaf:check(roots, { above }, os.time(), "server")
      assert.is_nil(ok)
      assert.equal("auth", e.code)
      assert.truthy(e.msg:find("permitted subtree violation", 1, true), e.msg)
    end)
  end)

  it("says which name is refused, and by which rule of the role", function()
    run(function()
      local _, below = two_levels("ec", 256)
      for name, why in pairs({
        ["example.com"] = "allow_bare_domains = false",
        ["example.org"] = "allowed_domains = example.com",
        ["a_b c.example.com"] = "enforce_hostnames = true",
        ["notexample.com"] = "allowed_domains = example.com",
      }) do
        local said = refused(below, "issue/web", { common_name = name })
        assert.equal(1, said:find(("common name %s not allowed by this role 'web': "):format(name), 1, true))
        assert.truthy(said:find(why, 1, true), said)
      end
      assert.truthy(refused(below, "issue/web", { common_name = "a.example.com", alt_names = "evil.net" })
        :find("subject alternate name evil.net not allowed by this role 'web'", 1, true))
      assert.truthy(refused(below, "issue/web", { common_name = "a.example.com", uri_sans = "spiffe://x" })
        :find("allowed_uri_sans = (none)", 1, true))
      assert(below:update("roles/strict", {
        allowed_domains = "*.example.com", allow_glob_domains = true, allow_wildcard_certificates = false,
        allow_ip_sans = false, key_type = "ec", allow_localhost = false,
      }))
      assert(below:update("issue/strict", { common_name = "x.y.example.com" }))
      for given, why in pairs({
        ["*.example.com"] = "allow_wildcard_certificates = false", localhost = "allowed_domains",
      }) do
        assert.truthy(refused(below, "issue/strict", { common_name = given }):find(why, 1, true))
      end
      assert.truthy(refused(below, "issue/strict", { common_name = "x.example.com", ip_sans = "10.0.0.1" })
        :find("allow_ip_sans = false", 1, true))
      assert.equal("unknown role: none", refused(below, "issue/none", { common_name = "a" }))
    end)
  end)

  it("takes names and keys of requests as the role says", function()
    run(function()
      local _, below = two_levels("ec", 256)
      local dir = tmp.dir()
      local key = dir .. "/key"
      assert.is_true(judge("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s -out %s "
        .. "-subj /CN=c.example.com -addext subjectAltName=DNS:d.example.com,IP:10.9.9.9", key, key .. ".csr"))
      local csr = tmp.read(key .. ".csr")
      local got = assert(below:update("sign/web", { csr = csr })).data
      assert.is_nil(got.private_key)
      local facts = crypto.cert_parse(got.certificate):facts()
      assert.same({ { "dns", "d.example.com" }, { "ip", "10.9.9.9" }, { "dns", "c.example.com" } }, facts.names)
      assert.same({ { "CN", "c.example.com" } }, facts.subject)
      assert(below:update("roles/strong", { allow_any_name = true, key_type = "rsa", key_bits = 3072 }))
      for bits, signs in pairs({ [2048] = false, [3072] = true, [4096] = true }) do
        assert(judge("openssl req -new -newkey rsa:%d -nodes -keyout %s -out %s -subj /CN=c.example.com", bits, key,
          key .. ".rsa"))
        local strong, e = below:update("sign/strong", { csr = tmp.read(key .. ".rsa") })
        assert.equal(signs, strong ~= nil, tostring(e))
      end
      assert(below:update("roles/ed", { allow_any_name = true, key_type = "ed25519" }))
      assert.equal("role 'ed' requires keys of type ed25519, the request has one of ec",
        refused(below, "sign/ed", { csr = csr }))
      assert.equal("c.example.com", crypto.cert_parse(assert(below:update("sign-verbatim", { csr = csr }))
        .data.certificate):facts().subject[1][2])
      assert.truthy(refused(below, "sign/web", { csr = "-" }):find("read 'csr'", 1, true))
      local damaged = csr:gsub("\n(..)([^\n]+\n%-%-%-%-%-END)", function(two, rest)
        return "\n" .. (two == "AA" and "BB" or "AA") .. rest
      end)
      assert.truthy(refused(below, "sign/web", { csr = damaged }))
    end)
  end)

  it("never issues for longer than role, mount and authority", function()
    run(function()
      local _, below = two_levels("ec", 256)
      local got = assert(below:update("issue/web", { common_name = "a.example.com", ttl = "100h" }))
      assert.equal(below.time + 72 * 3600, got.data.expiration)
      assert.equal(1, #got.warnings)
      assert(below:update("roles/long", { allow_any_name = true, key_type = "ec", max_ttl = "9000h" }))
      assert.truthy(refused(below, "issue/long", { common_name = "a.example.com", ttl = "8000h" })
        :find("beyond the expiration of the CA certificate", 1, true))
      assert.truthy(refused(below, "issue/long", { common_name = "a.example.com", not_after = "2999-01-01T00:00:00Z" })
        :find("'not_after' is more than", 1, true))
      assert.truthy(refused(below, "issue/long", { common_name = "a.example.com", not_after = "soon" }))
    end)
  end)

  it("keeps, lists, revokes and tidies", function()
    run(function()
      local m = mount()
      assert.truthy(refused(m, "issue/x", { common_name = "a" }):find("unknown role"))
      assert(m:update("roles/x", { allow_any_name = true, key_type = "ec" }))
      assert.truthy(refused(m, "issue/x", { common_name = "a" }):find("backend must be configured with a CA"))
      done(m:read("ca/pem"))
      done(m:delete("roles/x"))
      assert.equal("usage", select(2, m:update("revoke", { serial_number = "11:22" })).code)
      local root = assert(m:update("root/generate/exported", { common_name = "R", key_type = "ec" })).data
      assert.truthy(root.private_key:find("BEGIN EC PRIVATE KEY", 1, true))
      assert.equal("exists", select(2, m:update("root/generate/internal", { common_name = "R" })).code)
      assert.equal(root.certificate, m:read("ca/pem").body)
      assert.equal(root.certificate, m:read("cert/ca").data.certificate)
      assert.equal(pem.read("CERTIFICATE", root.certificate)[1], m:read("ca").body)
      assert(m:update("roles/r", { allow_any_name = true, key_type = "ed25519", generate_lease = true }))
      local one = assert(m:update("issue/r", { common_name = "one", ttl = 600, private_key_format = "pkcs8" }))
      local two = assert(m:update("issue/r", { common_name = "two", ttl = 600, format = "pem_bundle" }))
      assert.equal(600, one.lease.ttl)
      assert.truthy(two.data.certificate:find("PRIVATE KEY.-CERTIFICATE.-CERTIFICATE"))
      assert.equal(3, #m:list("certs").data.keys)
      assert.equal(one.data.certificate, m:read("cert/" .. one.data.serial_number).data.certificate)
      assert.equal("notfound", select(2, m:read("cert/11:22")).code)
      assert.equal("usage", select(2, m:read("cert/xx")).code)
      local before = m:read("crl").body
      assert.equal(before, m:read("crl").body)
      assert.is_true(m.compiled.engine.revoke(m.ctx, one.lease))
      assert.not_equal(before, m:read("crl").body)
      assert.equal(m.time, m:read("cert/" .. one.data.serial_number).data.revocation_time)
      assert.equal("revoked", assert(m:update("revoke", { certificate = two.data.certificate })).data.state)
      assert.truthy(refused(m, "revoke", { serial_number = root.serial_number }):find("its own CRL", 1, true))
      local revoked = { one.data.serial_number, two.data.serial_number }
      table.sort(revoked)
      assert.same(revoked, m:list("certs/revoked").data.keys)
      m.time = m.time + 700 + 72 * 3600
      assert.same({ cert_store_deleted_count = 2, revoked_cert_deleted_count = 2 },
        m:update("tidy", { tidy_cert_store = true, tidy_revoked_certs = true }).data)
      assert.equal(1, #m:list("certs").data.keys)
      done(m:delete("root"))
      done(m:read("ca"))
    end)
  end)

  it("keeps roles", function()
    local m = mount()
    assert(m:update("roles/r", { allowed_domains = "a, b", max_ttl = "1h" }))
    assert(m:patch("roles/r", { allow_subdomains = true, server_flag = false }))
    local role = m:read("roles/r").data
    assert.same({ "a", "b" }, role.allowed_domains)
    assert.equal("list", require("core.data").kind(role.organization)) -- [] in JSON, also when it is empty
    assert.same({ true, false, 3600, "rsa" }, { role.allow_subdomains, role.server_flag, role.max_ttl, role.key_type })
    assert.same({ "r" }, m:list("roles").data.keys)
    assert.truthy(refused(m, "roles/r", { key_type = "rsa", key_bits = 1024 }):find("2048, 3072, 4096", 1, true))
    assert.truthy(refused(m, "roles/r", { ttl = "2h", max_ttl = "1h" }))
    done(m:delete("roles/r"))
    assert.equal("notfound", select(2, m:list("roles")).code)
  end)

  it("takes an authority from elsewhere", function()
    run(function()
      local dir = tmp.dir()
      local at = dir .. "/ca"
      assert.is_true(judge("openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=Old "
        .. "-keyout %s.key -out %s.pem", at, at))
      local text = { tmp.read(at .. ".key"), tmp.read(at .. ".pem") }
      local m = mount()
      done(m:update("config/ca", { pem_bundle = table.concat(text) }))
      assert(m:update("roles/r", { allow_any_name = true, key_type = "ec" }))
      tmp.write(at .. ".leaf", assert(m:update("issue/r", { common_name = "x.y" })).data.certificate)
      local ok, said = judge("openssl verify -CAfile %s.pem %s.leaf", at, at)
      assert.is_true(ok, said)
      assert.truthy(refused(m, "config/ca", { pem_bundle = text[2] }):find("private key", 1, true))
      assert.truthy(refused(m, "config/ca", { pem_bundle = text[1] }):find("no certificate of the key", 1, true))
    end)
  end)
end)
