---@meta core.graph

--- Dependency graphs in C: order, cycles, critical path, and the scheduler over them.
--- Nodes are the integers 1..n.
local graph = {}

---@class prov.Graph
local Graph = {}

---@class prov.Sched
local Sched = {}

---@class prov.SchedOptions
---@field weights? number[] one per node, default 1 each
---@field limit? integer nodes running at once
---@field keys? integer[] the limit of each key
---@field node_keys? table<integer, integer[]> the keys of a node
---@field rehearse? integer rounds, default 0: the longest remaining path first

--- Makes a graph of n nodes without edges.
---@param n integer
---@return prov.Graph? graph
---@return prov.Err? err "limit"
function graph.new(n) end

--- Makes a scheduler with every node still to do. It keeps nothing of the graph. With `rehearse`
--- it plays the schedule so many times beforehand and starts nodes in the best order it met; the
--- weights must be near to the real durations for that to help.
---@param g prov.Graph
---@param options? prov.SchedOptions
---@return prov.Sched? sched
---@return prov.Err? err "cycle" (data.path), "invalid"
function graph.sched(g, options) end

--- Adds the edge "before, then after".
---@param before integer
---@param after integer
function Graph:edge(before, after) end

--- Gives all nodes in an order that respects every edge.
---@return integer[]? ids
---@return prov.Err? err "cycle": data.path holds the nodes along it, the first repeated at the end
function Graph:sort() end

--- Gives the heaviest path: its weight and its nodes.
---@param weights? number[] one per node, default 1 each
---@return number? length
---@return integer[]|prov.Err path
function Graph:critical(weights) end

--- Frees the graph at once.
function Graph:close() end

--- Starts the best node that may start now; nil when none may.
---@return integer? id
function Sched:next() end

--- Ends a running node well.
---@param id integer
function Sched:done(id) end

--- Ends a running node badly, and skips everything that needs it.
---@param id integer
---@return integer[] skipped
function Sched:fail(id) end

--- Counts the nodes in each state.
---@return { waiting: integer, ready: integer, running: integer, done: integer, failed: integer, skipped: integer }
function Sched:counts() end

--- The state of a node.
---@param id integer
---@return "waiting"|"ready"|"running"|"done"|"failed"|"skipped"
function Sched:state(id) end

--- The weight of the heaviest path from the node on, itself included.
---@param id integer
---@return number
function Sched:remaining(id) end

--- Frees the scheduler at once.
function Sched:close() end

return graph
