# Completion of slowrun for PowerShell. In $PROFILE: slowrun completion pwsh | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName slowrun -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $end = $cursorPosition - $commandAst.Extent.StartOffset
    # The parsed command ends before the spaces that the cursor stands behind.
    $line = $commandAst.Extent.Text.PadRight($end).Substring(0, $end)
    & $commandAst.CommandElements[0].Value complete '--' $line 2>$null | ForEach-Object {
        if ($_ -in ':files', ':folders') {
            [System.Management.Automation.CompletionCompleters]::CompleteFilename($wordToComplete)
        }
        else {
            $value, $description = $_ -split "`t", 2
            [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $(if ($description) { $description } else { $value }))
        }
    }
}
