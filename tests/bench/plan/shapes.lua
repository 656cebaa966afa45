--- Writes the workspaces and Terraform configurations that the plan benchmark compares.
-- Shapes: count (one block, count = n), pair (two blocks of n/2, b[i] refers to a[i]),
-- blocks (n separate blocks in a binary tree), chain (n separate blocks, each refers to the last).

local M = {}

local function write(path, text)
  local f = assert(io.open(path, "w"))
  f:write(text)
  f:close()
end

M.prov = {}
M.terraform = {}

function M.prov.count(n)
  return ([[
return {
  defaults = { provider = "demo" },
  items = { a = { count = %d, value = "v" } },
}
]]):format(n)
end

function M.prov.pair(n)
  return ([[
return {
  defaults = { provider = "demo" },
  items = {
    a = { count = %d, value = "v" },
    b = { count = %d, value = function(index) return item.a[index].id end },
  },
}
]]):format(n // 2, n // 2)
end

local function prov_blocks(n, parent)
  return ([[
local items = {}
for i = 1, %d do
  items["n" .. i] = { value = i > 1 and item["n" .. %s].id or "root" }
end
return { defaults = { provider = "demo" }, items = items }
]]):format(n, parent)
end

function M.prov.blocks(n)
  return prov_blocks(n, "i // 2")
end

function M.prov.chain(n)
  return prov_blocks(n, "i - 1")
end

function M.terraform.count(n)
  return ('resource "terraform_data" "a" {\n  count = %d\n  input = "v"\n}\n'):format(n)
end

function M.terraform.pair(n)
  return M.terraform.count(n // 2)
    .. ('resource "terraform_data" "b" {\n  count = %d\n  input = terraform_data.a[count.index].id\n}\n'):format(n // 2)
end

local function terraform_blocks(n, parent_of)
  local out = {}
  for i = 1, n do
    local value = i > 1 and ("terraform_data.n%d.id"):format(parent_of(i)) or '"root"'
    out[i] = ('resource "terraform_data" "n%d" {\n  input = %s\n}\n'):format(i, value)
  end
  return table.concat(out)
end

function M.terraform.blocks(n)
  return terraform_blocks(n, function(i)
    return i // 2
  end)
end

function M.terraform.chain(n)
  return terraform_blocks(n, function(i)
    return i - 1
  end)
end

--- Writes shape `shape` of `n` resources for `tool` into the folder `dir`.
function M.write(tool, shape, n, dir)
  if tool == "prov" then
    write(dir .. "/prov.yaml", ("name: bench-%s-%d\n"):format(shape, n))
    write(dir .. "/infra.lua", M.prov[shape](n))
  else
    write(dir .. "/main.tf", M.terraform[shape](n))
  end
end

return M
