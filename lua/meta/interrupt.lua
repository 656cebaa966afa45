---@meta core.interrupt

--- Ends Lua that calculates and never comes back to the event loop, where signals are heard otherwise.
local interrupt = {}

--- Until it is closed, SIGINT and SIGTERM end code of the source in the coroutine that calls this, with the error
--- "<where>: interrupted". One thing is watched at a time.
---@param source string chunk name: "=repl", "@script.lua"
---@return { close: fun(self: table) } watch to be closed
function interrupt.watch(source) end

--- Whether a signal ended something since watch() was called last.
---@return boolean
function interrupt.ended() end

return interrupt
