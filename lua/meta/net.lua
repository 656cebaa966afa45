---@meta core.net

--- SSH on the loop. Opened at first use, because libssh and libcurl are heavy. lua/prov/ssh.lua is what
--- everybody else uses.
local net = {}

---@class prov.SshSession
local Session = {}

---@class prov.SshExec
local Exec = {}

---@class prov.HttpRequest
local Request = {}

---@class prov.Probe
local Probe = {}

---@class prov.Tls a TLS connection; prov.tls is what everybody else uses
local Tls = {}

--- Gives the SHA-256 of the bytes in hex, of what travels.
---@param bytes string
---@return string hex
function net.sha256(bytes) end

--- Gives random bytes in hex, for names nobody can guess.
---@param bytes integer 1 to 32
---@return string hex
function net.random_hex(bytes) end

--- Digests an open regular file from its start on a worker thread; its offset stays.
---@param fd integer stays open until the callback
---@param cb fun(hex: string?, size_or_err: integer|prov.Err)
---@return true
function net.sha256_file(fd, cb) end

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

--- Gives the "SHA256:..." fingerprint of a public key line.
---@param line string
---@return string?
---@return prov.Err? err
function net.ssh_fingerprint(line) end

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

--- Begins an HTTP request; header lines go in as "Name: value" and come out ended by CRLF.
---@param options table url, method, headers, body, netns, socket, ca, cert, key, verify, redirects, repeatable,
--- timeout, max_body and more: see the binding
---@param cb fun(response: { status: integer, headers: string, body: string }?, err: prov.Err?)
---@param on_data? fun(bytes: string) takes the body piece by piece
---@return prov.HttpRequest?
---@return prov.Err? err
function net.http_request(options, cb, on_data) end

--- Ends the request; its callback still comes.
function Request:cancel() end

--- Connects to a TCP port, and with `banner` waits for the first line of what it says.
---@param options { host: string, port: integer, netns?: string, timeout?: integer, banner?: boolean }
---@param cb fun(banner: string?, err: prov.Err?)
---@return prov.Probe?
---@return prov.Err? err
function net.probe(options, cb) end

--- Ends the attempt; its callback still comes.
function Probe:cancel() end

--- Connects and verifies the certificate. Options: host, port, netns, timeout, server_name, ca, ca_text, cert, key,
--- verify, min_tls. ca_text: certificates in PEM instead of a file of them.
---@param options table
---@param cb fun(ready: true?, err: prov.Err?)
---@return prov.Tls?
---@return prov.Err? err
function net.tls_connect(options, cb) end

--- Waits for the next bytes; "" is the end of the stream.
---@param cb fun(bytes: string?, err: prov.Err?)
---@return true?
---@return prov.Err? err "locked": a read waits already; "closed"
function Tls:read(cb) end

--- Sends bytes.
---@param bytes string
---@param cb fun(done: true?, err: prov.Err?)
---@return true?
---@return prov.Err? err "locked": a write waits already; "closed"
function Tls:write(bytes, cb) end

--- Ends the connection; what waits is told "canceled".
function Tls:close() end

return net
