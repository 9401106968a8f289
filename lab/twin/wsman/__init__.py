"""The WinRM server: WS-Management shells (WinRS) and PowerShell remoting (PSRP) for unmodified clients.

`messages` reads and builds SOAP without I/O, `shells` and `remoting` keep state, `service` connects them, `authentication` and
`http` are the transport. Sources: [MS-WSMV], [MS-PSRP], and recorded exchanges of real Windows hosts.
"""
