"""The subset of Windows PowerShell 5.1 that the provisioning steps consist of. It fails closed: what it does not know stops the
script with "not supported by the twin: …", which no try/catch and no -ErrorAction swallows. It never guesses.

`scanner`, `expressions`, `parser` make a tree (`tree`); `interpreter` walks it; `registry` is where cmdlets, programs, .NET types
and drives are declared; `engine` is powershell.exe and cmd.exe.
"""
