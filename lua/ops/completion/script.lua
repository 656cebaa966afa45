return {
  kind = "operation",
  name = "completion",
  summary = "Print the completion script for a shell",
  description = [[
bash: `prov completion bash > ~/.local/share/bash-completion/completions/prov`
zsh:  `prov completion zsh > ~/.zfunc/_prov`, with ~/.zfunc in fpath before compinit
fish: `prov completion fish > ~/.config/fish/completions/prov.fish`

The scripts ask prov at each TAB, so that names of workspaces and servers are completed too.]],
  params = {
    shell = { type = "enum", one_of = { "bash", "zsh", "fish" }, required = true, positional = 1, doc = "The shell" },
  },
  result = {},
  view = "text",
  run = function(_, p)
    return require("prov.complete.scripts")[p.shell]
  end,
}
