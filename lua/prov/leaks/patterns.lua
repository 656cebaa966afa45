--- Tokens and keys that are known by their form, as data: those who make them gave them a mark of their own.
--
--   id       name of the rule
--   what     what a match is, with its article
--   has      a text that is quick to look for; only lines with it are looked at
--   pattern  the whole; its first capture, when it has one, is the secret
--   key      true: the head of a key, and the secret is the base64 behind it, which has to be there
--   example  one that matches, never a real one; in parts, or every scanner would find it here
--
-- Forms are those that the makers document, or that their own scanners look for.

local function times(class, n)
  return class:rep(n)
end

local WORD, URL = "%w", "[%w_-]"

local function x(mark, n, part)
  return mark .. (part or "a7Kq2Zr9"):rep(n):sub(1, n)
end

---@class prov.leaks.Pattern
---@field id string
---@field what string
---@field has string
---@field pattern string
---@field key boolean?
---@field example string

---@type prov.leaks.Pattern[]
return {
  { id = "private-key", what = "a private key", has = "PRIVATE KEY",
    pattern = "%-%-%-%-%-BEGIN [%u%d ]*PRIVATE KEY", key = true,
    example = "-----BEGIN " .. "OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ" },
  { id = "age-key", what = "an age key", has = "AGE-SECRET", pattern = "AGE%-SECRET%-KEY%-1" .. times("[%u%d]", 20),
    example = x("AGE-SECRET-" .. "KEY-1", 58, "QPZRY9X8") },
  { id = "aws-access-key", what = "an AWS access key", has = "IA",
    pattern = "%f[%w]A[KS]IA" .. times("[%u%d]", 16) .. "%f[^%w]", example = x("AK" .. "IA", 16, "Q7ZK") },
  { id = "upcloud-token", what = "an UpCloud token", has = "ucat_", pattern = "%f[%w]ucat_" .. times("[%u%d]", 26),
    example = x("ucat" .. "_", 26, "01Q7ZK") },
  { id = "github-token", what = "a GitHub token", has = "gh", pattern = "%f[%w]gh[pousr]_" .. times(WORD, 36),
    example = x("gh" .. "p_", 36) },
  { id = "github-pat", what = "a GitHub token", has = "github_pat_",
    pattern = "%f[%w]github_pat_" .. times("[%w_]", 22), example = x("github_" .. "pat_", 82) },
  { id = "gitlab-token", what = "a GitLab token", has = "glpat-", pattern = "%f[%w]glpat%-" .. times(URL, 20),
    example = x("glp" .. "at-", 20) },
  { id = "gitlab-runner-token", what = "a token of a GitLab runner", has = "glrt-",
    pattern = "%f[%w]glrt%-" .. times(URL, 20), example = x("gl" .. "rt-", 20) },
  { id = "gitlab-deploy-token", what = "a GitLab deploy token", has = "gldt-",
    pattern = "%f[%w]gldt%-" .. times(URL, 20), example = x("gl" .. "dt-", 20) },
  { id = "slack-token", what = "a Slack token", has = "xox",
    pattern = "%f[%w]xox[abeoprs]%-%w+%-" .. times(WORD, 8) .. "[%w-]*",
    example = x("xox" .. "b-123456789012-", 24) },
  { id = "slack-webhook", what = "a webhook of Slack", has = "hooks.slack.com/",
    pattern = "hooks%.slack%.com/[%a]+/(" .. times("[%w/]", 40) .. "[%w/]*)",
    example = x("https://hooks.slack.com/" .. "services/T0", 44) },
  { id = "stripe-key", what = "a Stripe key", has = "k_live_",
    pattern = "%f[%w][rs]k_live_" .. times(WORD, 20) .. "%w*",
    example = x("sk_" .. "live_", 24) },
  { id = "stripe-webhook", what = "a secret of a Stripe webhook", has = "whsec_",
    pattern = "%f[%w]whsec_" .. times("[%w+/]", 32), example = x("wh" .. "sec_", 32) },
  { id = "google-api-key", what = "a Google API key", has = "AIza", pattern = "%f[%w]AIza" .. times(URL, 35),
    example = x("AI" .. "za", 35) },
  { id = "google-oauth-secret", what = "a Google OAuth secret", has = "GOCSPX-",
    pattern = "%f[%w]GOCSPX%-" .. times(URL, 28), example = x("GOC" .. "SPX-", 28) },
  { id = "google-oauth-token", what = "a Google OAuth token", has = "ya29.", pattern = "%f[%w]ya29%." .. times(URL, 40),
    example = x("ya" .. "29.", 60) },
  { id = "azure-storage-key", what = "a key of an Azure storage account", has = "AccountKey=",
    pattern = "AccountKey=(" .. times("[%w+/]", 86) .. "==)", example = x("Account" .. "Key=", 86) .. "==" },
  { id = "npm-token", what = "an npm token", has = "npm_", pattern = "%f[%w]npm_" .. times(WORD, 36),
    example = x("np" .. "m_", 36) },
  { id = "pypi-token", what = "a PyPI token", has = "pypi-", pattern = "%f[%w]pypi%-" .. times(URL, 32) .. URL .. "*",
    example = x("py" .. "pi-AgEIcHlwaS5vcmc", 60) },
  { id = "rubygems-token", what = "a RubyGems token", has = "rubygems_", pattern = "%f[%w]rubygems_" .. times("%x", 48),
    example = x("ruby" .. "gems_", 48, "0a7b") },
  { id = "crates-token", what = "a crates.io token", has = "cio", pattern = "%f[%w]cio" .. times("%w", 32) .. "%f[^%w]",
    example = x("ci" .. "o", 32) },
  { id = "docker-token", what = "a Docker Hub token", has = "dckr_pat_",
    pattern = "%f[%w]dckr_pat_" .. times(URL, 27), example = x("dckr_" .. "pat_", 27) },
  { id = "digitalocean-token", what = "a DigitalOcean token", has = "_v1_",
    pattern = "%f[%w]do[opr]_v1_" .. times("%x", 64), example = x("dop" .. "_v1_", 64, "0a7b") },
  { id = "vault-token", what = "a Vault token", has = "hv",
    pattern = "%f[%w]hv[bsr]%." .. times(URL, 20) .. URL .. "*", example = x("hv" .. "s.", 24) },
  { id = "terraform-token", what = "a token of HCP Terraform", has = ".atlasv1.",
    pattern = "%f[%w]" .. times(WORD, 14) .. "%.atlasv1%." .. times("[%w_=-]", 60),
    example = x("", 14) .. x(".atlas" .. "v1.", 64) },
  { id = "pulumi-token", what = "a Pulumi token", has = "pul-", pattern = "%f[%w]pul%-" .. times("%x", 40),
    example = x("pu" .. "l-", 40, "0a7b") },
  { id = "cloudflare-ca-key", what = "a Cloudflare origin CA key", has = "v1.0-",
    pattern = "%f[%w]v1%.0%-" .. times("%x", 24) .. "%-" .. times("%x", 100),
    example = x("v1." .. "0-", 24, "0a7b") .. x("-", 146, "0a7b") },
  { id = "grafana-token", what = "a Grafana token", has = "glsa_",
    pattern = "%f[%w]glsa_" .. times(WORD, 32) .. "_" .. times("%x", 8),
    example = x("gl" .. "sa_", 32) .. "_0a7b0a7b" },
  { id = "sendgrid-key", what = "a SendGrid key", has = "SG.",
    pattern = "%f[%w]SG%." .. times(URL, 22) .. "%." .. times(URL, 43), example = x("S" .. "G.", 22) .. x(".", 43) },
  { id = "mailgun-key", what = "a Mailgun key", has = "key-", pattern = "%f[%w]key%-" .. times("%x", 32) .. "%f[^%w]",
    example = x("ke" .. "y-", 32, "0a7b") },
  { id = "twilio-key", what = "a Twilio key", has = "SK", pattern = "%f[%w]SK" .. times("[%dabcdef]", 32) .. "%f[^%w]",
    example = x("S" .. "K", 32, "0a7b") },
  { id = "telegram-token", what = "a token of a Telegram bot", has = ":AA",
    pattern = "%f[%d]" .. times("%d", 8) .. "%d?%d?:AA" .. times(URL, 33) .. "%f[^%w_-]",
    example = x("1234567890:" .. "AA", 33) },
  { id = "discord-webhook", what = "a webhook of Discord", has = "/api/webhooks/",
    pattern = "discord%w*%.com/api/webhooks/%d+/(" .. times(URL, 60) .. URL .. "*)",
    example = x("https://discord.com/api/" .. "webhooks/123456789012345678/", 68) },
  { id = "openai-key", what = "an OpenAI key", has = "T3BlbkFJ",
    pattern = "%f[%w]sk%-" .. times(URL, 16) .. URL .. "*T3BlbkFJ" .. times(URL, 20),
    example = x("s" .. "k-", 20) .. x("T3Blbk" .. "FJ", 20) },
  { id = "anthropic-key", what = "an Anthropic key", has = "sk-ant-",
    pattern = "%f[%w]sk%-ant%-%w+%-" .. times(URL, 80), example = x("sk-" .. "ant-api03-", 95) },
  { id = "huggingface-token", what = "a Hugging Face token", has = "hf_", pattern = "%f[%w]hf_" .. times("%a", 34),
    example = x("h" .. "f_", 34, "aKqZrTbN") },
  { id = "tailscale-key", what = "a Tailscale key", has = "tskey-",
    pattern = "%f[%w]tskey%-%l+%-%w+%-" .. times(WORD, 20), example = x("tskey-" .. "auth-k7Kq2CNTRL-", 32) },
  { id = "jwt", what = "a JSON web token", has = "eyJ",
    pattern = "%f[%w]eyJ" .. times(URL, 12) .. "[%w_-]*%.eyJ[%w_-]+%.[%w_-]+",
    example = "eyJhbGciOiJIUzI1NiJ9" .. ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl" },
  { id = "password-in-url", what = "a password in a URL", has = "://",
    pattern = "%f[%w]%w[%w+.-]*://[^%s/:@]*:([^%s/:@]+)@",
    example = "postgres://shop:" .. "t1gr1s-77@db.example.org/shop" },
}
