---@meta core.edit

--- The line editor of the REPL. Blocks while a person types.
local edit = {}

---@class prov.Line
local Line = {}

--- Takes the terminal.
---@param options { history?: string, complete?: fun(line: string, cursor: integer): string?, string? }
---@return prov.Line? line
---@return prov.Err? err "unsupported": there is no terminal
function edit.open(options) end

--- Reads one line.
---@param prompt string
---@return string? text
---@return prov.Err? err "closed" at the end of input, "canceled" on Ctrl-C
function Line:read(prompt) end

--- Adds an entry to the history and its file.
---@param entry string
function Line:remember(entry) end

--- Gives the terminal back.
function Line:close() end

return edit
