---@meta prov.ui

--- What an operation says while it works, and the one question it may ask: ctx.ui.
---
--- A face implements this; the domain and the operations know nothing else of it. Every argument is
--- plain data (strings, numbers, booleans, tables of those), so that an implementation can write it
--- to a terminal (face/cli/ui.lua with progress.lua), as lines of JSON (face/cli/events.lua), or
--- send it over a wire and play it again with the same calls on the other side. Calls come in the
--- order in which things happened; none of them suspends but confirm.

---@class prov.Ui
---@field info fun(fmt: string, ...) a note; fmt and its values as for string.format
---@field warn fun(fmt: string, ...)
---@field debug fun(fmt: string, ...) only wanted by who asked for details
---@field confirm fun(question: string, otherwise: string?): true?, prov.Err? "canceled" when the answer is no,
---  "usage" when nobody is there to answer; `otherwise` says what to do then
---@field show fun(view: string, value: table) a view (face/cli/view) amid the work: the plan before its question
---@field progress fun(work: prov.Work): prov.Progress one at a time
---@field stream { out: fun(bytes: string), err: fun(bytes: string) }? where bytes of a remote command go as
---  they come; only when a person reads
---@field close fun() ends what is left of a progress

---@class prov.Work
---@field total integer? how many steps there are, when that is known
---@field run string? the id of the run, when this is one
---@field what string? "apply", "destroy", "rollback", ...; the action when there is one step

--- How steps go on. A step is named by its address and its action ("create", "install", ...); both
--- together, "<action> <address>", are its id in the plan and in the journal. Of each step comes
--- either skip alone, or start, then any number of event and wait, then done or fail.
---@class prov.Progress
local Progress = {}

--- A step begins.
---@param address string
---@param action string
function Progress:start(address, action) end

--- Something happened inside of a running step.
---@param address string
---@param action string
---@param event { title: string }
function Progress:event(address, action, event) end

--- A running step waits before it goes on.
---@param address string
---@param action string
---@param wait { ms: integer, reason: string } "rate limit of provider demo"
function Progress:wait(address, action, wait) end

--- A step has ended well.
---@param address string
---@param action string
---@param took { ms: integer? }
function Progress:done(address, action, took) end

--- A step has ended badly, or was cancelled.
---@param address string
---@param action string
---@param problem { code: string, msg: string, hint: string?, ms: integer? } as err.plain gives it
function Progress:fail(address, action, problem) end

--- A step will not run, because what it needs has failed.
---@param address string
---@param action string
---@param why? { reason: string? }
function Progress:skip(address, action, why) end

--- How long all that is left will take, as far as is known now.
---@param ms integer
function Progress:estimate(ms) end

--- Nothing more comes. Calling it again does nothing.
---@param outcome? { status: string } "done", "failed" or "interrupted", when it is known
function Progress:close(outcome) end

return Progress
