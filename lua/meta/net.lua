---@meta core.net

--- SSH on the loop. Opened at first use, because libssh and libcurl are heavy. lua/prov/ssh.lua is what
--- everybody else uses.
local net = {}

---@class prov.SshSession
local Session = {}

---@class prov.SshExec
local Exec = {}

--- Gives the SHA-256 of the bytes in hex, of what travels.
---@param bytes string
---@return string hex
function net.sha256(bytes) end

--- Begins a connection. Options: host, port, user, netns, host_key, known_hosts, strict, keys, cert,
--- agent_socket, jump, timeout, keepalive.
---@param options table
---@param cb fun(ready: true?, err: prov.Err?)
---@return prov.SshSession?
---@return prov.Err? err
function net.ssh_connect(options, cb) end

--- Makes a key pair.
---@param type "ed25519"|"ecdsa"|"rsa"
---@param comment? string
---@return { private: string, public: string, fingerprint: string }?
---@return prov.Err? err
function net.ssh_keygen(type, comment) end

--- Begins a command on a channel of its own.
---@param options { command: string, stdin?: string, keep_stdin?: boolean, timeout?: integer, max_output?: integer }
---@param cb fun(result: { code?: integer, signal?: string, stdout: string, stderr: string }?, err: prov.Err?)
---@param on_data? fun(bytes: string, is_stderr: boolean)
---@return prov.SshExec?
---@return prov.Err? err
function Session:exec(options, cb, on_data) end

--- Tells whether commands can be run now.
---@return boolean
function Session:ready() end

--- Counts the channels that are open.
---@return integer
function Session:channels() end

--- Closes the session; what runs on it ends with "closed".
function Session:close() end

--- Sends bytes to the command's standard input.
---@param bytes string
function Exec:write(bytes) end

--- Ends the command's standard input.
function Exec:eof() end

--- Ends the command; its callback still comes.
function Exec:cancel() end

return net
