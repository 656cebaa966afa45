local range = require("prov.validate.range")
local secrets = require("prov.validate.secrets")

describe("ranges of addresses", function()
  it("are read, of both families", function()
    local function ends(text)
      local found = range.parse(text)
      return found and range.text(found.first) .. " " .. range.text(found.last)
    end
    assert.equal("10.1.0.0 10.1.255.255", ends("10.1.2.3/16"))
    assert.equal("0.0.0.0 255.255.255.255", ends("1.2.3.4/0"))
    assert.equal("192.0.2.1 192.0.2.1", ends("192.0.2.1/32"))
    assert.equal("10.0.0.4 10.0.0.7", ends("10.0.0.5/30"))
    assert.equal("2001:db8:: 2001:db8:0:ffff:ffff:ffff:ffff:ffff", ends("2001:db8::1/48"))
    assert.equal(":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ends("::/0"))
    assert.equal("::1 ::1", ends("::1/128"))
    for _, text in ipairs({ "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "300.0.0.0/8", "1::2::3/64", "::/129", "" }) do
      assert.is_nil(range.parse(text), text)
    end
  end)

  it("write addresses as they are written", function()
    for _, text in ipairs({
      "::",
      "::1",
      "1::",
      "2001:db8::8:800:200c:417a",
      "1:2:3:4:5:6:7:8",
      "fe80::1",
      "1:0:0:4::8",
    }) do
      assert.equal(text, range.text(range.address(text)))
    end
    assert.equal("::ffff:c000:201", range.text(range.address("::ffff:192.0.2.1")))
    assert.equal("10.0.1.0", range.text(range.add(range.address("10.0.0.255"), 1)))
  end)

  it("overlap, contain and have a size", function()
    local function overlap(a, b)
      return range.overlap(range.parse(a), range.parse(b))
    end
    assert.is_true(overlap("10.0.0.0/16", "10.0.255.0/24"))
    assert.is_false(overlap("10.0.0.0/16", "10.1.0.0/16"))
    assert.is_false(overlap("0.0.0.0/0", "::/0"))
    assert.equal(8, range.parse("10.0.0.0/29").size)
    assert.equal(math.maxinteger, range.parse("fc00::/7").size)
    assert.is_true(range.contains(range.parse("fd00::/8"), range.address("fd12::1")))
    assert.is_nil(range.inside(range.parse("10.0.0.0/7"), range.PRIVATE))
  end)
end)

describe("secrets in plain text", function()
  local function digits(n)
    return ("a1B2"):rep(n):sub(1, n)
  end

  it("are known by their shape", function()
    for _, text in ipairs({
      "AKIA" .. ("Q7"):rep(8),
      "ghp_" .. digits(36),
      "github_pat_" .. digits(30),
      "glpat-" .. digits(20),
      "xoxb-123456789012-abcdefghijkl",
      "sk_live_" .. digits(24),
      "AIza" .. digits(35),
      "npm_" .. digits(36),
      "dop_v1_" .. ("0a"):rep(32),
      "hvs." .. digits(24),
      "AGE-SECRET-KEY-1" .. ("QX7"):rep(10),
      "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl",
      "postgres://shop:tiger@db.example.org/shop",
      "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
      "-----BEGIN OPENSSH PRIVATE KEY-----",
      "pypi-" .. digits(40),
      "token=ghp_" .. digits(36) .. ";",
    }) do
      assert.truthy(secrets.shape(text), text)
      assert.is_true(secrets.may_be(text), text)
    end
  end)

  local HARMLESS = {
    "hello world, this is a text of some length",
    "debian-12",
    "https://example.org/a/b?c=d#e",
    "http://user@example.org/",
    "registry.example.org/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
    "550e8400-e29b-41d4-a716-446655440000",
    "550E8400-E29B-41D4-A716-446655440000",
    "/var/lib/postgresql/15/main/pg_hba.conf",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1mB7xq3Qv0Qz8vT4nZtY0p6JrJ3ZkJ8cV2oQ9w operator@host",
    "SHA256:uNiVztksCsDhcc0u9e8BrqXVgr3DBKZpJxFr3tkzJWQ",
    "sha384-oqVuAfXRKap7fdgcCY5uykM6R9GqQ8K1",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQ",
    "MyVeryLongCamelCaseIdentifierName2024Final",
    "this-is-a-long-name-of-a-host-with-2-numbers-in-it",
    "i-0abcd1234efgh5678",
    "arn:aws:iam::123456789012:role/MyRoleName",
    "postgres://${server.db.ip}:5432/shop",
    "postgres://shop@db:5432/shop",
    "time: 2026-11-27T17:21:58Z",
    "ghp_short",
    "CN=prov,OU=Infra,O=Example Organisation,C=FI",
    "sepia-otter-flange-41",
    "000102030405060708090a0b0c0d0e0f",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor",
    "RFC1123_HostName_Check_Version_2_0_1",
    "shared_preload_libraries=pg_stat_statements",
    "subnet-0a1b2c3d4e5f67890",
    "projects/p-123/zones/europe-west1-b/disks/data",
  }

  it("are not seen in what only looks like them", function()
    for _, text in ipairs(HARMLESS) do
      assert.is_nil(secrets.shape(text), text)
      assert.is_false(secrets.is_random(text), text)
    end
  end)

  it("are seen when they are random", function()
    for _, text in ipairs({
      "Zk3uQ9vT1xW7bN5mR2pL8sD4fG6hJ0aC",
      "wJalrXUtnFEMI7MDENGbPxRfiCY4K3Y9q2",
      "key=8fKs92LmQpZx71VbNc64TyRw35HjGd==",
    }) do
      assert.is_true(secrets.is_random(text), text)
    end
  end)

  it("are named in fields", function()
    for _, name in ipairs({ "password", "DB_PASSWORD", "api-key", "client_secret", "auth.token", "aws_access_key" }) do
      assert.is_true(secrets.is_name(name), name)
    end
    for _, name in ipairs({
      "password_file",
      "secret_name",
      "token_ttl",
      "keep_data",
      "key",
      "author",
      3,
      "password_encryption",
      "aws_access_key_id",
    }) do
      assert.is_false(secrets.is_name(name), name)
    end
  end)
end)
