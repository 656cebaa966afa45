---@meta core.graph

--- Dependency graphs in C: order, cycles, critical path, the scheduler over them, and fair shares
--- between several of those (fair) or between plain queues (share).
--- Nodes are the integers 1..n; keys, runs and parties count from 1 too.
local graph = {}

---@class prov.Graph
local Graph = {}

---@class prov.Sched
local Sched = {}

---@class prov.Fair
local Fair = {}

---@class prov.Share
local Share = {}

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

--- Makes places that several runs share: `places` nodes running at once over all runs (default: no
--- limit), and `keys`, the limit of each key over all runs.
---@param options? { places: integer?, keys: integer[]? }
---@return prov.Fair
function graph.fair(options) end

--- Makes places that plain queues share: things that need nothing of each other and come over time.
---@param options? { places: integer? } things running at once over all parties, default: no limit
---@return prov.Share
function graph.share(options) end

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

--- Adds a run over a graph, of which nothing is kept. It gets its share of the places by weight;
--- `keys` of the options are those of the fair shares.
---@param g prov.Graph
---@param weight? integer 1 to 10000, default 1
---@param options? prov.SchedOptions without keys
---@return integer? run numbers of runs that left are given again
---@return prov.Err? err "cycle" (data.path), "invalid"
function Fair:join(g, weight, options) end

--- Takes a run out; raises while some of its nodes run.
---@param run integer
function Fair:leave(run) end

--- Starts the best node of the run whose turn it is; nil when no run may start any.
---@return integer? run
---@return integer? id
function Fair:next() end

--- Ends a running node well.
---@param run integer
---@param id integer
function Fair:done(run, id) end

--- Ends a running node badly, and skips everything that needs it.
---@param run integer
---@param id integer
---@return integer[] skipped
function Fair:fail(run, id) end

--- Counts the nodes of a run in each state, as Sched:counts.
---@param run integer
---@return { waiting: integer, ready: integer, running: integer, done: integer, failed: integer, skipped: integer }
function Fair:counts(run) end

--- How many nodes a run has started since it joined.
---@param run integer
---@return integer
function Fair:steps(run) end

--- Frees it and its runs at once.
function Fair:close() end

--- Adds a party with nothing waiting.
---@param weight? integer 1 to 10000, default 1
---@param limit? integer of its things running at once, default 0: no limit
---@return integer party numbers of parties that left are given again
function Share:join(weight, limit) end

--- Takes a party out with what it has waiting; raises while something of it runs.
---@param party integer
function Share:leave(party) end

--- Adds to what a party has waiting.
---@param party integer
---@param count? integer default 1
function Share:ready(party, count) end

--- Takes back what is not to be started any more; raises when fewer wait.
---@param party integer
---@param count? integer default 1
function Share:withdraw(party, count) end

--- Starts a thing of the party whose turn it is (which one is the caller's affair); nil when none may.
---@return integer? party
function Share:next() end

--- Ends a running thing of a party, well or badly.
---@param party integer
function Share:done(party) end

--- What there is of a party.
---@param party integer
---@return { waiting: integer, running: integer, steps: integer } counts steps are those started since it joined
function Share:count(party) end

--- Frees it at once.
function Share:close() end

return graph
