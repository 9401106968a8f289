"""The twin: Windows 10 as seen through WinRM. A program of the server host, imported by nobody.

`wsman` speaks WinRM, `powershell` carries out scripts, `windows` is the machine's state, `commands` are the cmdlets and programs
that read and change it, `rras` is what the state means for the VPN.
"""
