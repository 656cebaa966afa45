--- The functions of expressions that need a place: they read files of the folder that an expression stands in, or name
--- something of its infra.

local functions = require("prov.expr.functions")

local M = {}

--- What they take, as `prov.Function` without `run`.
M.LIST = {
  file = { takes = "text", params = { "text" }, least = 1, doc = "The text of a file of the infra" },
  template = {
    takes = "text, map?, text?",
    params = { "text", "map", "text" },
    least = 1,
    doc = "A file of the infra as a template, filled with a map; what values are escaped for is said by its name "
      .. "(run.sh, x.yaml.tmpl) or the third value",
  },
  secret = {
    takes = "text, text?",
    params = { "text", "text" },
    least = 1,
    doc = "A secret of the workspace by its name, as in secret(\"db/password\"); the second value names another part "
      .. "of it, such as certificate or public_key",
  },
}

--- The functions for one place.
---@param read fun(name: string, path: any): string?, string? text of a file, or nil and why not
---@param shown string the folder as messages show it
---@return table<string, fun(...): any, string?, string?>
function M.functions(read, shown)
  return {
    file = function(path)
      return read("file", path)
    end,
    template = function(path, vars, target)
      local text, why = read("template", path)
      if not text then
        return nil, why
      end
      target = target or require("prov.template").target_of(path)
      return functions.call("render", { text, vars or {}, target, shown .. path }, 4)
    end,
  }
end

return M
