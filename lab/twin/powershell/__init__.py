"""The subset of Windows PowerShell 5.1 that the provisioning steps consist of. It fails closed: what it does not know stops the
script with "not supported by the twin: …", which no try/catch and no -ErrorAction swallows. It never guesses.

`scanner`, `expressions`, `words`, `blocks`, `parser` make a tree (`tree`). `evaluate`, `functions`, `commands`, `interpreter` walk it;
`operators`, `numbers`, `convert`, `compare`, `patterns`, `kinds`, `members` and `strings` say what is done with `values`. `registry` is
where cmdlets, programs, .NET types and drives are declared; `engine` is powershell.exe and cmd.exe.
"""
