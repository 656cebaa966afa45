--- The completion scripts of the shells. They ask `prov complete` at each TAB.

local M = {}

M.bash = [==[
# bash completion of prov; made by `prov completion bash`
_prov() {
    local line=${COMP_LINE:0:COMP_POINT} current bash_word strip candidate
    local -a words
    read -ra words <<<"$line"
    # The word at the cursor is empty when a blank stands before it.
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[${#words[@]} - 1]}
    # bash breaks words at = : @ as well, and replaces only what follows the last of them.
    bash_word=${COMP_WORDS[COMP_CWORD]}
    bash_word=${bash_word:0:COMP_POINT}
    case $bash_word in = | : | @) bash_word= ;; esac
    [[ $current == *"$bash_word" ]] || bash_word=$current
    strip=${current%"$bash_word"}
    COMPREPLY=()
    while IFS= read -r candidate; do
        candidate=${candidate%%$'\t'*}
        if [[ $candidate == :files ]]; then
            compopt -o default 2>/dev/null
        elif [[ -n $candidate ]]; then
            COMPREPLY+=("${candidate#"$strip"}")
        fi
    done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
    return 0
}
complete -F _prov prov
]==]

M.zsh = [==[
#compdef prov
# zsh completion of prov; made by `prov completion zsh`
_prov() {
    local line word
    local -a candidates
    local tab=$'\t' files=0
    for line in "${(@f)$(${words[1]} complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        if [[ $line == ':files' ]]; then
            files=1
        elif [[ -n $line ]]; then
            word=${line%%$tab*}
            if [[ $line == *$tab* ]]; then
                candidates+=("${word//:/\\:}:${line#*$tab}")
            else
                candidates+=("${word//:/\\:}")
            fi
        fi
    done
    (( files )) && _files
    (( $#candidates )) && _describe -t commands 'prov' candidates
}
if [ "$funcstack[1]" = "_prov" ]; then
    _prov "$@"
else
    compdef _prov prov
fi
]==]

M.fish = [==[
# fish completion of prov; made by `prov completion fish`
function __prov_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    set -l current (commandline -ct)
    for line in ($program complete -- $words "$current" 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c prov -f -a '(__prov_complete)'
]==]

return M
