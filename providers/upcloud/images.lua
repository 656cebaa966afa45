--- Plans and templates by the names that people use.

local api = require("api")

local M = {}

--- Words in front of the version in the titles of templates: the family they mean.
local FAMILIES = {
  { "^Debian GNU/Linux (%d+)", "debian" },
  { "^Ubuntu Server (%d+%.%d+)", "ubuntu" },
  { "^AlmaLinux (%d+)", "almalinux" },
  { "^Rocky Linux (%d+)", "rocky" },
  { "^CentOS Stream (%d+)", "centos-stream" },
  { "^Windows Server (%d+) Standard", "windows-server" },
}

--- The family and version in a title, or nil.
function M.family(title)
  for _, one in ipairs(FAMILIES) do
    local version = title:match(one[1])
    if version then
      return one[2], version
    end
  end
end

local function all(ctx, name, path, outer, inner)
  return ctx.cached(name, function()
    return api.call(ctx, "get", path, nil, outer, inner)
  end)
end

function M.templates(ctx)
  return all(ctx, "templates", "/storage/template", "storages", "storage")
end

function M.plans(ctx)
  return all(ctx, "plans", "/plan", "plans", "plan")
end

--- The plan with a name; nil alone for "custom" and what the API does not list.
function M.plan(ctx, name)
  if name == "custom" then
    return nil
  end
  local plans, e = M.plans(ctx)
  if not plans then
    return nil, e
  end
  for _, one in ipairs(plans) do
    if one.name == name then
      return one
    end
  end
  return nil, ctx.error("invalid", ("UpCloud has no plan '%s'"):format(name), {
    hint = "prov catalog plans upcloud --refresh",
  })
end

--- The UUID of the template that is meant.
function M.find(ctx, wanted)
  if wanted:match("^%x+%-%x+%-%x+%-%x+%-%x+$") then
    return wanted
  end
  local templates, e = M.templates(ctx)
  if not templates then
    return nil, e
  end
  for _, one in ipairs(templates) do
    local family, version = M.family(one.title)
    if one.title == wanted or family and wanted == family .. "-" .. version then
      return one.uuid
    end
  end
  return nil, ctx.error("invalid", ("UpCloud has no image '%s'"):format(wanted), {
    hint = "prov catalog images upcloud --refresh",
  })
end

return M
