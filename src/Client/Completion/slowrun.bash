# Completion of slowrun for bash. In ~/.bashrc: source <(slowrun completion bash)
_slowrun() {
    local line=${COMP_LINE:0:COMP_POINT} program=${COMP_WORDS[0]} candidate file
    local word=${line##*[[:space:]]} breaks= head=
    # Readline replaces only what follows the last colon or equals sign, and wants candidates without what is before it.
    [[ $COMP_WORDBREAKS == *:* ]] && breaks+=:
    [[ $COMP_WORDBREAKS == *=* ]] && breaks+==
    [[ -n $breaks && $word == *[$breaks]* ]] && head=${word%"${word##*[$breaks]}"}
    [[ $program == '~/'* ]] && program=$HOME/${program:2}
    COMPREPLY=()
    while IFS= read -r candidate; do
        case $candidate in
            :files | :folders)
                # After 'run:' or 'azblob:' comes no file.
                [[ $head == *: ]] && continue
                compopt -o filenames 2>/dev/null
                while IFS= read -r file; do
                    COMPREPLY+=("$file")
                done < <([[ $candidate == :files ]] && compgen -f -- "${word#"$head"}" || compgen -d -- "${word#"$head"}")
                ;;
            *)
                candidate=${candidate%%$'\t'*}
                [[ $candidate == *[=/] ]] && compopt -o nospace 2>/dev/null
                COMPREPLY+=("${candidate#"$head"}")
                ;;
        esac
    done < <("$program" complete -- "$line" 2>/dev/null)
}
complete -F _slowrun slowrun
