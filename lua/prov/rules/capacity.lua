-- Sizes: what was promised against what there is; numbers and money.

local cost = require("prov.cost")
local size_of = require("prov.contract.scalars").size

local MIB = 1024 * 1024
local UNITS = { k = 1024, m = MIB, g = 1024 * MIB }

--- Bytes of "256mb", "1gb" as Redis and PostgreSQL write them.
local function bytes(text)
  local number, unit = tostring(text):lower():match("^%s*(%d+)%s*([kmg]?)i?b?%s*$")
  return number and tonumber(number) * (UNITS[unit] or 1)
end

local function plan_of(ctx, server)
  return cost.plan(ctx:catalog(server), server.args)
end

--- The memory of a server in bytes and the field that says so; nil when it has no limit that is known.
local function memory_of(ctx, server)
  local own = ctx:known(server.args.memory)
  if math.type(own) then
    return own, "memory"
  end
  local plan = plan_of(ctx, server)
  return plan and size_of(plan.memory), "plan"
end

local SHARED_BUFFERS = 128 * MIB -- PostgreSQL's own default

--- Memory that services take for sure, by their own settings.
local PROMISED = {
  redis = function(_, args)
    return args.max_memory and bytes(args.max_memory)
  end,
  postgres = function(ctx, args)
    local own = ctx:known(ctx:map(args.settings).shared_buffers)
    return own and bytes(own) or SHARED_BUFFERS
  end,
}

local function text_of(size)
  return ("%d MiB"):format(size // MIB)
end

local function check_memory(ctx, server)
  local sum, names = 0, {}
  for _, taskserv in ipairs(ctx:services(server)) do
    local promised = PROMISED[taskserv.name] and PROMISED[taskserv.name](ctx, taskserv.args)
    if promised then
      sum = sum + promised
      names[#names + 1] = ("%s %s"):format(taskserv.name, text_of(promised))
    end
  end
  local memory, field
  if sum > 0 then
    memory, field = memory_of(ctx, server)
  end
  if memory and sum > memory * ctx:option("share") / 100 then
    ctx:report(server, {
      path = { field },
      message = ("%s of memory, and its services may take %s: %s"):format(text_of(memory), text_of(sum),
        table.concat(names, ", ")),
      hint = "more memory, or less for max_memory (redis) and settings.shared_buffers (postgres)",
    })
  end
end

local function check_quota(ctx)
  local n, last = {}, {}
  for _, node in ipairs(ctx:resources()) do
    local key = node.provider .. "\0" .. node.kind
    n[key] = (n[key] or 0) + 1
    last[key] = node
  end
  local own = ctx:map(ctx:option("limits"))
  for key, node in pairs(last) do
    local most = own[node.kind] or ctx:map(ctx:catalog(node).quotas)[node.kind]
    if math.type(most) and n[key] > most then
      ctx:report(node, {
        message = ("%d of this kind, and the quota of provider '%s' is %d"):format(n[key], node.provider, most),
        hint = "ask the provider for more, and set it in prov.yaml: validate.rules.quota.limits",
      })
    end
  end
end

local function check_budget(ctx)
  local most = ctx:option("monthly")
  if not most then
    return
  end
  local sums, dearest = {}, {}
  for _, node in ipairs(ctx:resources()) do
    local price = cost.of(ctx:catalog(node), node.kind, node.args)
    local currency = price and (ctx:catalog(node).currency or "")
    if price then
      sums[currency] = (sums[currency] or 0) + price
      if not dearest[currency] or price > dearest[currency].price then
        dearest[currency] = { node = node, price = price }
      end
    end
  end
  for currency, sum in pairs(sums) do
    if sum > most then
      local one = dearest[currency]
      ctx:report(one.node, {
        path = one.node.args.plan ~= nil and { "plan" } or nil,
        message = ("all together cost %.2f %s a month, the budget is %.2f; this one is the dearest, %.2f"):format(
          sum,
          currency,
          most,
          one.price
        ),
        hint = "smaller plans or fewer of them; the budget is validate.rules.budget.monthly in prov.yaml",
      })
    end
  end
end

return {
  {
    id = "memory-promised",
    severity = "warning",
    applies = { "host" },
    instances = true,
    summary = "Services may take more memory than their server has",
    doc = "Adds max_memory of redis and shared_buffers of postgres (128 MB by default) and compares with "
      .. "the memory of the server or of its plan. What is missing is taken by the kernel's OOM killer.",
    options = { share = { type = "int", min = 1, max = 100, default = 80, doc = "percent that services may take" } },
    bad = "servers:\n  cache: { plan: 1xCPU-1GB, taskservs: { redis: { max_memory: 2gb } } }\n",
    good = "servers:\n  cache: { plan: 2xCPU-4GB, taskservs: { redis: { max_memory: 2gb } } }\n",
    check = check_memory,
  },
  {
    id = "memory-unbounded",
    severity = "warning",
    applies = { "taskserv.redis" },
    summary = "Redis may grow past the memory of its server",
    doc = "Without max_memory it takes what it is given to store, until the kernel kills it. Looks at "
      .. "servers whose memory is known.",
    bad = "servers:\n  cache: { plan: 1xCPU-2GB, taskservs: { redis: {} } }\n",
    good = "servers:\n  cache: { plan: 1xCPU-2GB, taskservs: { redis: { max_memory: 1gb } } }\n",
    check = function(ctx, taskserv)
      local memory = memory_of(ctx, ctx:server(taskserv))
      if memory and taskserv.args.max_memory == nil then
        ctx:report(taskserv, {
          message = ("nothing bounds it, and the server has %s"):format(text_of(memory)),
          hint = ("max_memory: %dmb"):format(memory * 3 // 4 // MIB),
          fix = { { path = { "max_memory" }, value = ("%dmb"):format(memory * 3 // 4 // MIB) } },
        })
      end
    end,
  },
  {
    id = "workers-cpus",
    severity = "note",
    applies = { "taskserv.nginx" },
    summary = "nginx has more workers than the server has processors",
    doc = "A worker serves thousands of connections; more than processors only wait for each other.",
    bad = "servers:\n  web: { plan: 1xCPU-1GB, taskservs: { nginx: { workers: 8 } } }\n",
    good = "servers:\n  web: { plan: 8xCPU-16GB, taskservs: { nginx: { workers: 8 } } }\n",
    check = function(ctx, taskserv)
      local workers = ctx:known(taskserv.args.workers)
      if not workers then
        return
      end
      local server = ctx:server(taskserv)
      local plan = plan_of(ctx, server)
      local cpus = ctx:known(server.args.cpus) or plan and plan.cpus
      if math.type(cpus) and math.type(workers) and workers > math.max(1, math.ceil(cpus)) then
        ctx:report(taskserv, {
          path = { "workers" },
          message = ("%d workers for %g processors"):format(workers, cpus),
          hint = "leave workers out: nginx decides",
        })
      end
    end,
  },
  {
    id = "quota",
    severity = "error",
    applies = { "infra" },
    summary = "More resources than the provider allows",
    doc = "An apply would fail half-way. The limits of your account are an option by kind; a provider's "
      .. "catalog may have some as `quotas`.",
    options = {
      limits = {
        type = "map",
        of = { type = "int", min = 0 },
        default = {},
        doc = "kind -> most",
        example = "{ server: 20 }",
      },
    },
    bad = { options = { limits = { server = 2 } }, infra = "servers:\n  web: { count: 3 }\n" },
    good = { options = { limits = { server = 2 } }, infra = "servers:\n  web: { count: 2 }\n" },
    check = check_quota,
  },
  {
    id = "budget",
    severity = "error",
    applies = { "infra" },
    summary = "The infra costs more than its budget",
    doc = "Adds the prices of the providers' catalogs: of plans, and of kinds by piece or GiB. Without the "
      .. "option it does nothing.",
    options = { monthly = { type = "number", min = 0, doc = "most for a month, in the currency of the catalog" } },
    bad = { options = { monthly = 100 }, infra = "servers:\n  web: { count: 4, plan: 4xCPU-8GB }\n" },
    good = { options = { monthly = 100 }, infra = "servers:\n  web: { count: 2, plan: 4xCPU-8GB }\n" },
    check = check_budget,
  },
}
