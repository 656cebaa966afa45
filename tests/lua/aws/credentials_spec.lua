--- The chain of credentials, over real files and a server on loopback.
local aws = require("support.aws")
local credentials = require("prov.aws.credentials")
local fs = require("prov.fs")
local http = require("prov.http")
local log = require("prov.log")
local query = require("prov.aws.query")
local test = require("support.async").test
local tmp = require("support.tmp")

local NOW = os.time()

--- A world whose home is a folder of the test, without any network but loopback.
local function world(files, env)
  local home = tmp.dir()
  for path, text in pairs(files or {}) do
    assert(fs.mkdirp((home .. "/" .. path):match("^(.*)/")))
    assert(fs.write_atomic(home .. "/" .. path, text))
  end
  local variables = { HOME = home, AWS_EC2_METADATA_DISABLED = "true" }
  for name, v in pairs(env or {}) do
    variables[name] = v or nil
  end
  local self = credentials.world()
  self.home, self.ran = home, {}
  self.env = function(name)
    return variables[name]
  end
  self.request = function(options)
    assert(options.url:find("^http://127%.0%.0%.1:"), "a request to " .. options.url)
    return http.request(options)
  end
  return self
end

local function find(options, w)
  options.region = options.region or "eu-north-1"
  return credentials.find(options, w)
end

local function keys_of(found, e)
  assert(found, tostring(e))
  return { found.access_key, found.secret_key, found.token }
end

--- An STS that gives the credentials of a role, and says whose keys it was asked with.
local function sts_answer(_, operation, params, call)
  local sts = query.open("sts")
  if operation == "AssumeRole" or operation == "AssumeRoleWithWebIdentity" then
    call.arn = params.RoleArn
    return 200, assert(sts:encode_answer(operation, {
      Credentials = { AccessKeyId = "ASIAROLE", SecretAccessKey = "role-secret", SessionToken = "role-token",
        Expiration = NOW + 3600 },
    }, "r-1"))
  end
  return 400, assert(sts:encode_error("InvalidAction", "no", "r-1"))
end

describe("credentials of AWS", function()
  it("come from the configuration first", test(function()
    local w = world({}, { AWS_ACCESS_KEY_ID = "AKIAENV", AWS_SECRET_ACCESS_KEY = "env-secret" })
    assert.same({ "AKIACONF", "conf-secret", "conf-token" },
      keys_of(find({ access_key = "AKIACONF", secret_key = "conf-secret", token = "conf-token" }, w)))
  end))

  it("come from the environment before profiles, unless the infra names one", test(function()
    local files = { [".aws/credentials"] = "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = fs\n"
      .. "[other]\naws_access_key_id=AKIAOTHER\naws_secret_access_key=other-secret\naws_session_token=t\n" }
    local env = { AWS_ACCESS_KEY_ID = "AKIAENV", AWS_SECRET_ACCESS_KEY = "env-secret", AWS_SESSION_TOKEN = "tok" }
    assert.same({ "AKIAENV", "env-secret", "tok" }, keys_of(find({}, world(files, env))))
    assert.same({ "AKIAOTHER", "other-secret", "t" }, keys_of(find({ profile = "other" }, world(files, env))))
    -- as `env = ` of the configuration gives it
    assert.same({ "AKIAOTHER", "other-secret", "t" }, keys_of(find({ profile = "other", access_key = "AKIAENV",
      secret_key = "env-secret" }, world(files, env))))
    assert.same({ "AKIAFILE", "fs" }, keys_of(find({}, world(files))))
    assert.same({ "AKIAOTHER", "other-secret", "t" }, keys_of(find({}, world(files, { AWS_PROFILE = "other" }))))
    local found, e = find({ profile = "absent" }, world(files))
    assert.is_nil(found)
    assert.equal("notfound", e.code)
    assert.equal("the profiles are default, other", e.hint)
    found, e = find({}, world({}, { AWS_ACCESS_KEY_ID = "AKIAENV" }))
    assert.is_nil(found)
    assert.equal("AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY", e.msg)
  end))

  it("come from the files that variables name", test(function()
    local w = world({ ["c/conf"] = "[profile x y]\nregion = eu-west-3\ns3 =\n  max_queue = 10\n[default]\nregion=r\n",
      ["c/cred"] = "[x y]\naws_access_key_id=AKIAXY\naws_secret_access_key=xy-secret # mine\n" })
    local env = { HOME = w.home, AWS_CONFIG_FILE = "~/c/conf", AWS_SHARED_CREDENTIALS_FILE = w.home .. "/c/cred" }
    w.env = function(name) return env[name] end
    assert.same({ "AKIAXY", "xy-secret" }, keys_of(find({ profile = "x y" }, w)))
    assert.equal("eu-west-3", credentials.region({ profile = "x y" }, w))
    assert.equal("r", credentials.region({}, w))
    assert.equal("mine", credentials.region({ region = "mine" }, w))
    env.AWS_DEFAULT_REGION = "env-1"
    assert.equal("env-1", credentials.region({ profile = "x y" }, w))
    local none, e = credentials.region({}, world())
    assert.is_nil(none)
    assert.is_truthy(e.hint:find("AWS_REGION", 1, true))
  end))

  it("are those of a role that profiles lead to", test(function()
    local server <close> = aws.serve(sts_answer, { AKIABASE = "base-secret", ASIAROLE = "role-secret" })
    local w = world({
      [".aws/config"] = [[
[profile top]
role_arn = arn:aws:iam::1:role/top
source_profile = middle
external_id = xid
role_session_name = me
duration_seconds = 900
[profile middle]
role_arn = arn:aws:iam::1:role/middle
source_profile = base
]],
      [".aws/credentials"] = "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = base-secret\n",
    }, { AWS_ENDPOINT_URL_STS = server.url })
    local found = assert(find({ profile = "top" }, w))
    assert.same({ "ASIAROLE", "role-secret", "role-token" }, keys_of(found))
    assert.equal(NOW + 3600, found.expires)
    assert.equal(2, #server.calls)
    assert.equal("AKIABASE", server.calls[1].who.access_key)
    assert.equal("arn:aws:iam::1:role/middle", server.calls[1].params.RoleArn)
    assert.equal("ASIAROLE", server.calls[2].who.access_key)
    assert.equal("role-token", server.calls[2].who.token)
    assert.same({ RoleArn = "arn:aws:iam::1:role/top", ExternalId = "xid", RoleSessionName = "me",
      DurationSeconds = 900 }, server.calls[2].params)
    assert.equal("eu-north-1", server.calls[2].who.region)
  end))

  it("are those of the role the configuration says", test(function()
    local server <close> = aws.serve(sts_answer, { AKIAENV = "env-secret" })
    local w = world({}, { AWS_ACCESS_KEY_ID = "AKIAENV", AWS_SECRET_ACCESS_KEY = "env-secret",
      AWS_ENDPOINT_URL = server.url })
    assert.same({ "ASIAROLE", "role-secret", "role-token" }, keys_of(find({ role = "arn:x" }, w)))
    assert.equal("AKIAENV", server.calls[1].who.access_key)
    w = world({}, { AWS_ACCESS_KEY_ID = "AKIAENV", AWS_SECRET_ACCESS_KEY = "wrong-secret" })
    local found, e = find({ role = "arn:x", sts_endpoint = server.url }, w)
    assert.is_nil(found)
    assert.equal("denied", e.code)
    assert.is_nil(tostring(e):find("wrong%-secret"))
    assert.is_truthy(tostring(e):find("SignatureDoesNotMatch", 1, true))
  end))

  it("are found by a token of another identity provider", test(function()
    local server <close> = aws.serve(sts_answer)
    local w = world({ token = "jwt.of.me\n", [".aws/config"] = "[profile web]\nrole_arn = arn:web\n"
      .. "web_identity_token_file = TOKEN\n" }, { AWS_ENDPOINT_URL_STS = server.url })
    assert.equal("notfound", select(2, find({ profile = "web" }, w)).code)
    local env = { HOME = w.home, AWS_ENDPOINT_URL_STS = server.url, AWS_WEB_IDENTITY_TOKEN_FILE = w.home .. "/token",
      AWS_ROLE_ARN = "arn:pod", AWS_ROLE_SESSION_NAME = "pod" }
    w.env = function(name) return env[name] end
    assert.same({ "ASIAROLE", "role-secret", "role-token" }, keys_of(find({}, w)))
    assert.same({ RoleArn = "arn:pod", RoleSessionName = "pod", WebIdentityToken = "jwt.of.me" },
      server.calls[1].params)
    assert.is_nil(server.calls[1].headers.authorization)
  end))

  it("do not go round in circles", test(function()
    local w = world({ [".aws/config"] = "[profile a]\nrole_arn = a\nsource_profile = b\n[profile b]\nrole_arn = b\n"
      .. "source_profile = a\n[profile m]\nrole_arn=m\nsource_profile=a\nmfa_serial=x\n[profile n]\nrole_arn=n\n" })
    local found, e = find({ profile = "a" }, w)
    assert.is_nil(found)
    assert.equal("the AWS profiles refer to each other in a circle: a -> b -> a", e.msg)
    assert.equal("unsupported", select(2, find({ profile = "m" }, w)).code)
    assert.equal("invalid", select(2, find({ profile = "n" }, w)).code)
  end))

  it("of a program are had only when that is asked for", test(function()
    local w = world({ [".aws/config"] = [[
[profile p]
credential_process = printf '{"Version":1,"AccessKeyId":"AKIAPROG","SecretAccessKey":"prog-secret"}'; : > "$RAN"
[profile broken]
credential_process = echo secret-words; exit 3
]] })
    local marker = w.home .. "/ran"
    local run = w.run
    w.run = function(options)
      options.env = { RAN = marker }
      return run(options)
    end
    local found, e = find({ profile = "p" }, w)
    assert.is_nil(found)
    assert.equal("denied", e.code)
    assert.is_truthy(e.hint:find("credential_process: true", 1, true))
    assert.is_nil((fs.read(marker)))
    assert.same({ "AKIAPROG", "prog-secret" }, keys_of(find({ profile = "p", credential_process = true }, w)))
    assert.equal("", fs.read(marker))
    found, e = find({ profile = "broken", credential_process = true }, w)
    assert.is_nil(found)
    assert.equal("the program of profile 'broken' ended with 3", tostring(e))
  end))

  it("of a portal come with the token that lasts longest", test(function()
    local server <close> = aws.serve(function(request)
      if request.headers["x-amz-sso_bearer_token"] ~= "good" then
        return 401, "{}"
      end
      return 200, '{"roleCredentials":{"accessKeyId":"ASIASSO","secretAccessKey":"sso-secret",'
        .. '"sessionToken":"sso-token","expiration":' .. (NOW + 600) * 1000 .. "}}"
    end)
    local function token(text, at)
      return ('{"startUrl":"https://x","accessToken":"%s","expiresAt":"%s","clientSecret":"s"}'):format(text,
        os.date("!%Y-%m-%dT%H:%M:%SZ", at))
    end
    local files = {
      [".aws/config"] = "[profile s]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = Ad min\n"
        .. "[sso-session corp]\nsso_start_url = https://x\nsso_region = eu-west-1\n"
        .. "[profile old]\nsso_start_url = https://y\nsso_region = e\nsso_account_id = 1\nsso_role_name = R\n",
      [".aws/sso/cache/a.json"] = token("old", NOW - 10), [".aws/sso/cache/b.json"] = token("good", NOW + 1000),
      [".aws/sso/cache/c.json"] = "{broken", [".aws/sso/cache/d.json"] = '{"clientId":"x"}',
    }
    local w = world(files, { AWS_ENDPOINT_URL_SSO = server.url })
    local found = assert(find({ profile = "s" }, w))
    assert.same({ "ASIASSO", "sso-secret", "sso-token" }, keys_of(found))
    assert.equal(NOW + 600, found.expires)
    assert.equal("/federation/credentials", server.calls[1].path)
    files[".aws/sso/cache/b.json"] = token("good", NOW - 1)
    for _, profile in ipairs({ "s", "old" }) do
      local none, e = find({ profile = profile }, world(files, { AWS_ENDPOINT_URL_SSO = server.url }))
      assert.is_nil(none)
      assert.equal("aws sso login --profile " .. profile, e.hint)
    end
    assert.equal(1, #server.calls)
  end))

  local KEYS = '{"Code":"Success","AccessKeyId":"ASIAMETA","SecretAccessKey":"meta-secret","Token":"meta-token",'
    .. '"Expiration":"2030-01-01T00:00:00Z"}'

  it("of a container come with its token", test(function()
    local server <close> = aws.serve(function(request)
      return request.headers.authorization == "Bearer x" and 200 or 403, KEYS
    end)
    local w = world({ token = "Bearer x\n" }, { AWS_CONTAINER_CREDENTIALS_FULL_URI = server.url .. "/creds",
      AWS_CONTAINER_AUTHORIZATION_TOKEN = "Bearer x" })
    local found = assert(find({}, w))
    assert.same({ "ASIAMETA", "meta-secret", "meta-token" }, keys_of(found))
    assert.equal(1893456000, found.expires)
    w = world({}, { AWS_CONTAINER_CREDENTIALS_FULL_URI = server.url, AWS_CONTAINER_AUTHORIZATION_TOKEN = "y" })
    assert.equal("denied", select(2, find({}, w)).code)
    w = world({}, { AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://10.0.0.1/creds" })
    assert.equal("invalid", select(2, find({}, w)).code)
  end))

  it("of an instance come with a session of the metadata service", test(function()
    local server <close> = aws.serve(function(request)
      if request.method == "PUT" and request.path == "/latest/api/token" then
        return request.headers["x-aws-ec2-metadata-token-ttl-seconds"] and 200 or 400, "session"
      elseif request.headers["x-aws-ec2-metadata-token"] ~= "session" then
        return 401, ""
      elseif request.path == "/latest/meta-data/iam/security-credentials/" then
        return 200, "web-role"
      elseif request.path == "/latest/meta-data/iam/security-credentials/web-role" then
        return 200, KEYS
      end
      return 404, ""
    end)
    local env = { AWS_EC2_METADATA_DISABLED = false, AWS_EC2_METADATA_SERVICE_ENDPOINT = server.url .. "/" }
    assert.same({ "ASIAMETA", "meta-secret", "meta-token" }, keys_of(find({}, world({}, env))))
    local found, e = find({}, world())
    assert.is_nil(found)
    assert.equal("there are no credentials for AWS", e.msg)
    assert.equal(3, #server.calls)
  end))

  it("are known to the log, and a broken file shows none", test(function()
    local w = world({ [".aws/credentials"] = "[default]\naws_access_key_id=A\naws_secret_access_key=very-hidden-1\n" })
    assert(find({}, w))
    assert.equal("*** here", log.redact("very-hidden-1 here"))
    w = world({ [".aws/credentials"] = "[default]\naws_secret_access_key very-hidden-2\n" })
    local found, e = find({}, w)
    assert.is_nil(found)
    assert.is_nil(tostring(e):find("very", 1, true))
    assert.is_truthy(tostring(e):find("credentials:2", 1, true))
  end))

  it("last until some minutes before their end", function()
    assert.is_true(credentials.is_fresh({}, NOW))
    assert.is_true(credentials.is_fresh({ expires = NOW + 301 }, NOW))
    assert.is_false(credentials.is_fresh({ expires = NOW + 300 }, NOW))
  end)
end)
