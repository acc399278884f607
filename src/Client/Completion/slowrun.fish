# Completion of slowrun for fish. Once: slowrun completion fish > ~/.config/fish/completions/slowrun.fish
function __slowrun_complete
    set -l program (commandline -opc)[1]
    for candidate in ($program complete -- (commandline -cp | string collect) 2>/dev/null)
        switch $candidate
            case :files
                __fish_complete_path (commandline -ct)
            case :folders
                __fish_complete_directories (commandline -ct) ''
            case '*'
                echo $candidate
        end
    end
end
complete -c slowrun -e
complete -c slowrun -f -a '(__slowrun_complete)'
