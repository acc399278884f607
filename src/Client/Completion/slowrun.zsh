#compdef slowrun
# Completion of slowrun for zsh. In ~/.zshrc, after compinit: source <(slowrun completion zsh)
# Or as a file '_slowrun' in a folder of $fpath.
_slowrun() {
    local line="${(j: :)words[1,CURRENT-1]} $PREFIX" files=: answer text about
    local -a described open
    for answer in "${(@f)$("${~words[1]}" complete -- "$line" 2>/dev/null)}"; do
        text=${answer%%$'\t'*} about=${answer#*$'\t'}
        case $text in
            '') ;;
            :files) files=_files ;;
            :folders) files='_files -/' ;;
            *[=/]) open+=("$text") ;;
            # What follows the first colon is shown beside the word; the word's own are quoted.
            *) described+=("${text//:/\\:}${${answer:#$text}:+:$about}") ;;
        esac
    done
    local -i found=1
    (( $#described )) && _describe -V slowrun described && found=0
    (( $#open )) && compadd -S '' -a open && found=0
    [[ $files != : ]] && ${=files} && found=0
    return found
}
if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
    _slowrun "$@"
else
    compdef _slowrun slowrun
fi
