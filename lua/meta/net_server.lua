---@meta core.net.server

--- The HTTP server on the loop, opened at first use. lua/prov/http_server.lua is what everybody else uses.
local server = {}

---@class prov.HttpdServer
local Server = {}

---@class prov.HttpdReply
local Reply = {}

---@class prov.HttpdSocket
local Socket = {}

--- Listens and calls on_request for every request that has come whole. The request has method, target,
--- path, query, host, headers (names in lower case), body, peer, peer_port, peer_uid, tls.
---@param options table host, port, path, fd, cert, key, limits
---@param on_request fun(request: table, reply: prov.HttpdReply)
---@return prov.HttpdServer?
---@return prov.Err? err
function server.listen(options, on_request) end

--- Gives the port listened on; 0 for a Unix socket.
---@return integer
function Server:port() end

--- Counts the connections.
---@return integer
function Server:connections() end

--- Accepts no more, lets what is under way end, cuts what is left after the time.
---@param within_ms integer
---@param cb fun(cut: integer) not called when the server is closed before
---@return true
function Server:drain(within_ms, cb) end

--- Cuts everything.
function Server:close() end

--- Answers whole; the reply is closed then, whatever it returns.
---@param status integer
---@param lines? string[]
---@param body? string
---@return true?
---@return prov.Err? err
function Reply:respond(status, lines, body) end

--- Answers with problem+json; the reply is closed then.
---@param status integer
---@param detail? string
function Reply:problem(status, detail) end

--- Begins a stream. "drained": all that was written has been taken; "gone": the client has left.
---@param status integer
---@param lines? string[]
---@param on_event fun(event: "drained"|"gone")
---@return true?
---@return prov.Err? err
function Reply:start(status, lines, on_event) end

--- Sends a piece. "limit": wait for "drained"; "closed": the client has left.
---@param bytes string
---@return true?
---@return prov.Err? err
function Reply:write(bytes) end

--- Counts the bytes that the client has not taken yet.
---@return integer
function Reply:pending() end

--- Ends the stream well.
function Reply:finish() end

--- Cuts the connection instead of an answer.
function Reply:abort() end

--- Ends what has not ended: without an answer with a 500, a stream by cutting it.
function Reply:close() end

--- Answers with a WebSocket; the reply is closed then, whatever it returns. "ready": look what take gives;
--- "drained": all that was sent has been taken.
---@param options { protocols?: string[], message_bytes?: integer, ping_ms?: integer, close_ms?: integer }
---@param on_event fun(event: "ready"|"drained")
---@return prov.HttpdSocket?
---@return string|prov.Err|nil protocol or err
function Reply:websocket(options, on_event) end

--- Sends a message. "invalid": a text that is not UTF-8; "limit": wait for "drained"; "closed".
---@param bytes string
---@param is_binary? boolean
---@return true?
---@return prov.Err? err
function Socket:send(bytes, is_binary) end

--- Counts the bytes that the client has not taken yet; 0 when it has closed.
---@return integer
function Socket:pending() end

--- Takes the next message: it and "text" or "bytes"; nothing when there is none yet; false, the code and the
--- reason when it has closed.
---@return string|false|nil message
---@return string|integer|nil kind or code
---@return string? reason
function Socket:take() end

--- Closes; what is left is done by itself. A socket that is only collected closes with 1011.
---@param code? integer 1000
---@param reason? string
function Socket:close(code, reason) end

return server
