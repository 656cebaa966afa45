-- Secrets where they can be read, and secrets that are none.

local secrets = require("prov.validate.secrets")
local suggest = require("prov.suggest")
local value = require("prov.value")

local MAX_DEPTH = 50

local function add(list, node, path, depth, text)
  list[#list + 1] = { node = node, path = table.move(path, 1, depth, 1, {}), text = text }
end

--- Adds the strings of a value of a node that are long enough to matter; `path` down to `depth` leads to the last one.
local function walk(out, node, v, path, depth)
  for key, item in next, v do
    local kind = type(item)
    if kind == "string" then
      if #item >= 16 and secrets.may_be(item) or depth > 1 and secrets.is_name(key) then
        path[depth] = key
        add(out.plain, node, path, depth, item)
      end
    elseif kind == "table" and next(item) ~= nil then
      path[depth] = key
      local marked = value.marked(item)
      if marked == "secret" then
        if type(item[1]) == "string" then
          add(out.secret, node, path, depth, item[1])
        end
      elseif not marked and depth < MAX_DEPTH then
        walk(out, node, item, path, depth + 1)
      end
    end
  end
end

--- The texts of the infra: `plain` and `secret`, lists of { node, path, text }.
local function texts(ctx)
  return ctx:once("texts", function()
    local out, path = { plain = {}, secret = {} }, {}
    for _, what in ipairs({ "resource", "taskserv" }) do
      for _, node in ipairs(ctx:select(what)) do
        walk(out, node, node.args, path, 1)
      end
    end
    return out
  end)
end

local HINT =
  'prov secret set NAME, and secret("NAME") here; and rotate it: it may be in a history already'

local function check_similar(ctx)
  local ruled, alone = {}, {}
  for _, node in ipairs(ctx:select("resource")) do
    if node.kind == "secret" then
      local list = node.implied and alone or ruled
      list[#list + 1] = node
    end
  end
  local names = {}
  for i, node in ipairs(ruled) do
    names[i] = node.name
  end
  for _, node in ipairs(alone) do
    local near = suggest.nearest(node.name, names)
    if near then
      ctx:report(node, {
        message = ("secret '%s' has no rule; did you mean '%s'?"):format(node.name, near),
        hint = ("declare it when both are meant: secrets: { %s: {} }"):format(node.name),
      })
    end
  end
end

local function check_shared(ctx)
  local first = {}
  for _, one in ipairs(texts(ctx).secret) do
    local what = one.node.name .. " " .. tostring(one.path[#one.path])
    local before = first[one.text]
    if not before then
      first[one.text] = { one = one, what = what }
    elseif before.what ~= what and #one.text > 0 then
      ctx:report(one.node, {
        path = one.path,
        message = ("the same secret as in %s of %s"):format(ctx.path_text(before.one.path), before.one.node.address),
        hint = "give each a secret of its own: who knows one then knows one",
        related = { before.one.node },
        related_path = before.one.path,
      })
    end
  end
end

return {
  {
    id = "secret-token",
    severity = "error",
    applies = { "infra" },
    summary = "A token or private key is in plain text",
    doc = "Its shape says what it is: keys and tokens of AWS, GitHub, GitLab, Slack, Stripe, Google, npm, "
      .. "PyPI, Vault, DigitalOcean, age, JSON web tokens, private keys, URLs with a password. Fields "
      .. "that are secret by contract are fine.",
    bad = "items:\n  ci: { value: { ci: ghp_16C7e42F292c6912E7710c838347Ae178B4a } }\n",
    good = 'items:\n  ci: { value: { ci: "the token is in the vault" } }\n',
    check = function(ctx)
      for _, one in ipairs(texts(ctx).plain) do
        local what = secrets.shape(one.text)
        if what then
          ctx:report(one.node, { path = one.path, message = "this is " .. what .. " in plain text", hint = HINT })
        end
      end
    end,
  },
  {
    id = "secret-field",
    severity = "warning",
    applies = { "infra" },
    summary = "A field with the name of a secret holds plain text",
    doc = "In free maps (labels, settings, values) prov cannot know what is secret: it is shown in plans "
      .. "and logs. Names such as password, secret, token, api_key; not password_file and the like.",
    bad = "items:\n  app: { value: { db_password: tiger-in-tank } }\n",
    good = "items:\n  app: { value: { db_password_file: /run/secrets/db } }\n",
    check = function(ctx)
      for _, one in ipairs(texts(ctx).plain) do
        if #one.path > 1 and secrets.is_name(one.path[#one.path]) and not secrets.shape(one.text) then
          ctx:report(one.node, {
            path = one.path,
            message = "by its name this is a secret, and it is in plain text",
            hint = HINT,
          })
        end
      end
    end,
  },
  {
    id = "secret-random",
    severity = "warning",
    applies = { "infra" },
    summary = "A text looks like a key: long and random",
    doc = "20 characters or more with large and small letters and digits at random (3.8 bits a character). "
      .. "Hashes in hex, UUIDs, public SSH keys, certificates, fingerprints and image digests are none.",
    bad = "items:\n  app: { value: { hmac: Zk3uQ9vT1xW7bN5mR2pL8sD4fG6hJ0aC } }\n",
    good = [[
items:
  app:
    value:
      image: "registry.example.org/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
      commit: 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12
]],
    check = function(ctx)
      for _, one in ipairs(texts(ctx).plain) do
        if
          secrets.is_random(one.text)
          and not secrets.shape(one.text)
          and not (#one.path > 1 and secrets.is_name(one.path[#one.path]))
        then
          ctx:report(one.node, { path = one.path, message = "this looks like a key in plain text", hint = HINT })
        end
      end
    end,
  },
  {
    id = "secret-similar",
    severity = "warning",
    applies = { "infra" },
    summary = "A secret without a rule has nearly the name of one that has a rule",
    doc = "Every name makes a secret: a misspelt one is a new password that nobody else uses. Declare both in the part "
      .. "`secrets` when both are meant.",
    bad = [[
secrets: { db/password: { length: 40 } }
items: { app: { value: '${secret("db/pasword")}' } }
]],
    good = [[
secrets: { db/password: { length: 40 } }
items: { app: { value: '${secret("db/password")}' } }
]],
    check = check_similar,
  },
  {
    id = "password-default",
    severity = "error",
    applies = { "infra" },
    summary = "A password is one that everybody tries first",
    doc = "admin, password, postgres, changeme and their like are the first guesses of every bot.",
    bad = [[
servers:
  db: { taskservs: { postgres: { users: { shop: { password: changeme } } } } }
]],
    good = [[
servers:
  db: { taskservs: { postgres: { users: { shop: { password: sepia-otter-flange-41 } } } } }
]],
    check = function(ctx)
      for _, one in ipairs(texts(ctx).secret) do
        if secrets.is_default(one.text) then
          ctx:report(one.node, {
            path = one.path,
            message = "this password is one of the first that anybody tries",
            hint = "make a random one",
          })
        end
      end
    end,
  },
  {
    id = "password-short",
    severity = "warning",
    applies = { "infra" },
    summary = "A password is short",
    doc = "Services are asked thousands of times a second; the default is 12 characters.",
    options = { min = { type = "int", min = 1, default = 12, doc = "fewest characters" } },
    bad = "servers:\n  cache: { taskservs: { redis: { password: k7Tz2 } } }\n",
    good = "servers:\n  cache: { taskservs: { redis: { password: sepia-otter-flange-41 } } }\n",
    check = function(ctx)
      local min = ctx:option("min")
      for _, one in ipairs(texts(ctx).secret) do
        if #one.text < min and not secrets.is_default(one.text) then
          ctx:report(one.node, {
            path = one.path,
            message = ("a secret of less than %d characters"):format(min),
            hint = "make a longer one",
          })
        end
      end
    end,
  },
  {
    id = "password-shared",
    severity = "note",
    applies = { "infra" },
    summary = "Two different things have the same password",
    doc = "Who learns one has the other too. Copies of one service share theirs by right.",
    bad = [[
servers:
  cache: { taskservs: { redis: { password: sepia-otter-flange-41 } } }
  db: { taskservs: { postgres: { users: { shop: { password: sepia-otter-flange-41 } } } } }
]],
    good = [[
servers:
  cache: { taskservs: { redis: { password: sepia-otter-flange-41 } } }
  db: { taskservs: { postgres: { users: { shop: { password: cobalt-finch-gravel-17 } } } } }
]],
    check = check_shared,
  },
}
