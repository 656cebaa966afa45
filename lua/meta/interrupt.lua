---@meta core.interrupt

--- Ends Lua that calculates and never comes back to the event loop, where signals are heard otherwise.
local interrupt = {}

--- Until it is closed, SIGINT and SIGTERM end code of the source in the coroutine that calls this, with the error
--- "<where>: interrupted". Of several watches the innermost one hears.
---@param source string chunk name: "=repl", "@script.lua"
---@return { close: fun(self: table) } watch to be closed
function interrupt.watch(source) end

--- Whether a signal ended something since this was asked last.
---@return boolean
function interrupt.ended() end

return interrupt
