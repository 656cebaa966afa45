--- Counters, gauges and histograms, and their text for Prometheus (text format 0.0.4).

local M = {}

---@class prov.Metrics
local Metrics = {}
Metrics.__index = Metrics

--- Makes a set of metrics from declarations: { name, kind, help, labels?, known?, buckets? };
--- `known` are values of its one label.
---@param declared table[]
---@return prov.Metrics
function M.new(declared)
  local self = setmetatable({ order = declared, by_name = {} }, Metrics)
  for _, d in ipairs(declared) do
    self.by_name[d.name] = { declared = d, series = {}, keys = {} }
    if not d.labels and d.kind ~= "histogram" then
      self.by_name[d.name].series[""] = 0
    end
    for _, value in ipairs(d.known or {}) do -- there from the beginning, so that an increase from 0 is seen
      self:add(d.name, 0, value)
    end
  end
  return self
end

local function escape(text)
  return (text:gsub("[\\\"\n]", { ["\\"] = "\\\\", ["\""] = "\\\"", ["\n"] = "\\n" }))
end

local function labels_of(declared, values)
  local out = {}
  for i, name in ipairs(declared.labels or {}) do
    out[i] = ('%s="%s"'):format(name, escape(tostring(values[i] or "")))
  end
  return table.concat(out, ",")
end

--- The key of a series: its labels as they are written. Those of one or two values are remembered.
local function key_of(metric, first, second, ...)
  if not metric.declared.labels then
    return ""
  end
  local known = metric.keys[first]
  if not known then
    known = {}
    metric.keys[first] = known
  end
  local at = second == nil and "" or second
  known[at] = known[at] or labels_of(metric.declared, { first, second, ... })
  return known[at]
end

--- Adds to a counter.
---@param name string
---@param by number
function Metrics:add(name, by, ...)
  local metric = self.by_name[name]
  local key = key_of(metric, ...)
  metric.series[key] = (metric.series[key] or 0) + by
end

--- Sets a gauge.
---@param name string
---@param value number
function Metrics:set(name, value, ...)
  local metric = self.by_name[name]
  metric.series[key_of(metric, ...)] = value
end

--- Forgets the series of a gauge, before those that still are are set.
---@param name string
function Metrics:clear(name)
  self.by_name[name].series = {}
end

--- Notes an observation in a histogram.
---@param name string
---@param value number
function Metrics:observe(name, value, ...)
  local metric = self.by_name[name]
  local key = key_of(metric, ...)
  local series = metric.series[key]
  if not series then
    series = { count = 0, sum = 0 }
    for i = 1, #metric.declared.buckets do
      series[i] = 0
    end
    metric.series[key] = series
  end
  series.count, series.sum = series.count + 1, series.sum + value
  for i, bound in ipairs(metric.declared.buckets) do
    if value <= bound then
      series[i] = series[i] + 1 -- made cumulative when written
      break
    end
  end
end

local function write_histogram(out, name, declared, key, series)
  local sum, comma = 0, key ~= "" and "," or ""
  for i, bound in ipairs(declared.buckets) do
    sum = sum + series[i]
    out[#out + 1] = ('%s_bucket{%s%sle="%g"} %d\n'):format(name, key, comma, bound, sum)
  end
  out[#out + 1] = ('%s_bucket{%s%sle="+Inf"} %d\n'):format(name, key, comma, series.count)
  local braced = key ~= "" and "{" .. key .. "}" or ""
  out[#out + 1] = ("%s_sum%s %.17g\n%s_count%s %d\n"):format(name, braced, series.sum, name, braced, series.count)
end

--- The text of all of them.
---@return string
function Metrics:text()
  local out = {}
  for _, d in ipairs(self.order) do
    out[#out + 1] = ("# HELP %s %s\n# TYPE %s %s\n"):format(d.name, d.help, d.name, d.kind)
    local keys = {}
    for key in pairs(self.by_name[d.name].series) do
      keys[#keys + 1] = key
    end
    table.sort(keys)
    for _, key in ipairs(keys) do
      local series = self.by_name[d.name].series[key]
      if d.kind == "histogram" then
        write_histogram(out, d.name, d, key, series)
      else
        out[#out + 1] = ("%s%s %s\n"):format(d.name, key ~= "" and "{" .. key .. "}" or "",
          math.type(series) == "integer" and ("%d"):format(series) or ("%.17g"):format(series))
      end
    end
  end
  return table.concat(out)
end

return M
