#compdef slowrun
# Completion of slowrun for zsh. In ~/.zshrc, after compinit: source <(slowrun completion zsh)
# Or as a file '_slowrun' in a folder of $fpath.
_slowrun() {
    local line candidate
    local -a words_left described open
    line="${(j: :)words[1,CURRENT-1]} $PREFIX"
    local ask=':'
    for candidate in "${(@f)$("${~words[1]}" complete -- "$line" 2>/dev/null)}"; do
        case $candidate in
            '') ;;
            :files) ask=_files ;;
            :folders) ask='_files -/' ;;
            *[=/]) open+=("$candidate") ;;
            *)
                # In a description's word a colon must be quoted: what follows the first one is shown beside it.
                described+=("${${candidate%%$'\t'*}//:/\\:}${${candidate#*$'\t'}:+:${candidate#*$'\t'}}")
                ;;
        esac
    done
    local -i found=1
    (( $#described )) && _describe -V slowrun described && found=0
    (( $#open )) && compadd -S '' -a open && found=0
    ${=ask} && [[ $ask != ':' ]] && found=0
    return found
}
if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
    _slowrun "$@"
else
    compdef _slowrun slowrun
fi
